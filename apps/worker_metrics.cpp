#include "worker_metrics.hpp"

#include "celery/keys.hpp"
#include "celery/queue_state.hpp"
#include "net/runtime.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace pricing {

using namespace std::chrono_literals;

struct worker_metrics::families {
  explicit families(prometheus::Registry& r)
      : ended(prometheus::BuildCounter()
                  .Name("pricing_tasks_ended_total")
                  .Help("Runs of tasks, by task and state")
                  .Register(r)),
        runtime(prometheus::BuildHistogram()
                    .Name("pricing_task_runtime_seconds")
                    .Help("How long a run of a task took")
                    .Register(r)),
        wait(prometheus::BuildHistogram()
                 .Name("pricing_task_wait_seconds")
                 .Help("How long a task waited in this worker before it ran")
                 .Register(r)),
        length(prometheus::BuildGauge()
                   .Name("pricing_queue_length")
                   .Help("Messages that wait in Redis, by queue")
                   .Register(r)),
        oldest(prometheus::BuildGauge()
                   .Name("pricing_queue_oldest_seconds")
                   .Help("For at least so long the oldest message has waited in Redis, by queue")
                   .Register(r)),
        unacknowledged(prometheus::BuildGauge()
                           .Name("pricing_queue_unacknowledged")
                           .Help("Messages that workers have taken and not yet acknowledged")
                           .Register(r)
                           .Add({})),
        dead(prometheus::BuildGauge()
                 .Name("pricing_queue_dead_letters")
                 .Help("Messages set aside with a reason")
                 .Register(r)
                 .Add({})) {}
  prometheus::Family<prometheus::Counter>& ended;
  prometheus::Family<prometheus::Histogram>&runtime, &wait;
  prometheus::Family<prometheus::Gauge>&length, &oldest;
  prometheus::Gauge &unacknowledged, &dead;
};

worker_metrics::worker_metrics(prometheus::Registry& registry) : families_(std::make_unique<families>(registry)) {}
worker_metrics::~worker_metrics() = default;

void worker_metrics::watch(celery::worker& worker, const celery::task_table& table) {
  worker.on_task_end([f = families_.get(), &table](std::string_view task, std::string_view state, double wait_s,
                                                   double run_s) {
    static const prometheus::Histogram::BucketBoundaries bounds{0.001, 0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3'600};
    const std::string name(table.find(task) ? task : "unknown");
    f->ended.Add({{"task", name}, {"state", std::string(state)}}).Increment();
    f->runtime.Add({{"task", name}}, bounds).Observe(run_s);
    f->wait.Add({{"task", name}}, bounds).Observe(wait_s);
  });
}

boost::asio::awaitable<void> worker_metrics::measure_queues(redis::client& redis, const celery::config& c) {
  const celery::key_names keys{.prefix = c.prefix, .result_prefix = c.result_prefix};
  celery::queue_watch watch(keys, celery::queue_names(c.queues));
  for (;; co_await net::sleep_for(5s)) {
    const auto state = co_await watch.look(redis, std::chrono::steady_clock::now());
    if (!state)
      continue;
    for (const auto& q : state->queues) {
      families_->length.Add({{"queue", q.name}}).Set(static_cast<double>(q.waiting));
      families_->oldest.Add({{"queue", q.name}}).Set(q.oldest_s);
    }
    families_->unacknowledged.Set(static_cast<double>(state->unacknowledged));
    families_->dead.Set(static_cast<double>(state->dead_letters));
  }
}

} // namespace pricing
