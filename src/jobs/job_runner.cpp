#include "jobs/job_runner.hpp"

#include "core/log.hpp"

#include <boost/json/string.hpp>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <list>
#include <mutex>
#include <random>
#include <thread>
#include <unistd.h>

namespace pricing::jobs {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

// Unique among the workers of all machines and runs.
std::string worker_name() {
  std::array<char, 128> host{};
  gethostname(host.data(), host.size() - 1);
  return std::string(host.data()) + ":" + std::to_string(getpid()) + ":" + std::to_string(std::random_device()());
}

bool is_final(errc code) {
  return code == errc::invalid_input || code == errc::not_found || code == errc::forbidden || code == errc::too_large ||
         code == errc::unsupported_media;
}

struct metrics {
  explicit metrics(prometheus::Registry& r)
      : ended(prometheus::BuildCounter()
                  .Name("pricing_jobs_ended_total")
                  .Help("Runs of background jobs, by kind and outcome")
                  .Register(r)),
        duration(prometheus::BuildHistogram()
                     .Name("pricing_job_seconds")
                     .Help("How long a run of a background job took")
                     .Register(r)),
        running(
            prometheus::BuildGauge().Name("pricing_jobs_running").Help("Jobs this worker runs").Register(r).Add({})),
        waiting(
            prometheus::BuildGauge().Name("pricing_jobs_waiting").Help("Jobs due but not claimed").Register(r).Add({})),
        oldest(prometheus::BuildGauge()
                   .Name("pricing_jobs_oldest_seconds")
                   .Help("How long the oldest unclaimed job has been due")
                   .Register(r)
                   .Add({})) {}
  void count(const std::string& kind, const char* outcome, std::chrono::duration<double> took) {
    static const prometheus::Histogram::BucketBoundaries bounds{0.1, 0.5, 1, 5, 15, 60, 300, 900, 3'600};
    ended.Add({{"kind", kind}, {"outcome", outcome}}).Increment();
    duration.Add({{"kind", kind}}, bounds).Observe(took.count());
  }
  prometheus::Family<prometheus::Counter>& ended;
  prometheus::Family<prometheus::Histogram>& duration;
  prometheus::Gauge &running, &waiting, &oldest;
};

// One claimed job; shared by the thread that runs it and the keeper.
struct claim {
  jobs::job job;
  std::optional<boost::json::value> progress; // not yet stored; under the runner's mutex
  bool released = false;                      // put back or taken by another; under the runner's mutex
  bool stopped = false;                       // somebody asked to stop it; under the runner's mutex
};

} // namespace

class job_runner::state {
 public:
  state(runner_options options, session_factory connect, std::map<std::string, job_handler> handlers,
        prometheus::Registry& registry)
      : options_(options), connect_(std::move(connect)), handlers_(std::move(handlers)), metrics_(registry) {
    for (const auto& [kind, _] : handlers_)
      kinds_.push_back(kind);
    for (unsigned i = 0; i < options_.threads; ++i)
      threads_.emplace_back([this, i] { work(name_ + ":" + std::to_string(i)); });
    keeper_ = std::thread([this] { keep(); });
  }
  ~state() {
    stop(0ms);
    for (auto& t : threads_)
      t.join();
    keeper_.join();
  }

  bool stop(std::chrono::milliseconds grace) {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
    const bool ended = idle_.wait_for(lock, grace, [this] { return claims_.empty(); });
    std::vector<jobs::job> left;
    for (auto& c : claims_)
      if (!std::exchange(c->released, true))
        left.push_back(c->job);
    lock.unlock();
    try {
      for (const auto& job : left)
        job_queue(*connect_()).put_back(job);
    } catch (const std::exception& e) {
      log::error("jobs cannot be put back; their leases will run out", {{"error", boost::json::string(e.what())}});
    }
    return ended;
  }
  bool healthy() const { return steady::now().time_since_epoch() - answered_.load() < 30s; }

 private:
  void work(const std::string& worker) {
    while (!stopping()) {
      try {
        const auto session = connect_();
        while (!stopping()) {
          auto job = job_queue(*session).claim(worker, kinds_, options_.lease);
          answered_ = steady::now().time_since_epoch();
          if (job)
            run(std::move(*job));
          else
            wait(options_.poll);
        }
      } catch (const std::exception& e) {
        log::error("the queue of jobs cannot be read", {{"error", boost::json::string(e.what())}});
        wait(1s);
      }
    }
  }

  bool stopping() {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }
  void wait(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    const auto seen = notified_;
    wake_.wait_for(lock, patience, [&] { return stopping_ || notified_ != seen; });
  }

  void run(jobs::job job) {
    const auto claimed = std::make_shared<claim>(claim{.job = std::move(job)});
    {
      const std::lock_guard lock(mutex_);
      claims_.push_back(claimed);
    }
    metrics_.running.Increment();
    const auto began = steady::now();
    const char* outcome = "interrupted";
    try {
      outcome = end(*claimed, attempt(claimed));
    } catch (const job_interrupted&) {
      outcome = put_back(*claimed) ? "interrupted" : "lost";
    } catch (const std::exception& e) {
      log::error("how a job ended cannot be stored; it will run again",
                 {{"job", claimed->job.id.value}, {"error", boost::json::string(e.what())}});
      outcome = "lost";
    }
    metrics_.count(claimed->job.kind, outcome, steady::now() - began);
    metrics_.running.Decrement();
    const std::lock_guard lock(mutex_);
    claims_.remove(claimed);
    idle_.notify_all();
  }

  // An error as a value; job_interrupted passes.
  result<void> attempt(const std::shared_ptr<claim>& claimed) {
    const auto& job = claimed->job;
    const progress_function progress = [this, claimed](boost::json::value value) {
      const std::lock_guard lock(mutex_);
      claimed->progress = std::move(value);
      if (stopping_ || claimed->released || claimed->stopped)
        throw job_interrupted();
    };
    try {
      return handlers_.at(job.kind)(job.organization, job.payload, progress);
    } catch (const job_interrupted&) {
      throw;
    } catch (const std::exception& e) {
      return error{errc::internal, e.what()};
    }
  }

  bool released(const claim& c) {
    const std::lock_guard lock(mutex_);
    return c.released;
  }

  const char* end(claim& c, const result<void>& done) {
    if (released(c))
      return "lost";
    const auto session = connect_();
    job_queue queue(*session);
    if (const auto last = take_progress(c))
      queue.heartbeat(c.job, last, options_.lease);
    if (done)
      return queue.succeed(c.job) ? "succeeded" : "lost";
    const bool retry = !is_final(done.error().code) && c.job.attempts < c.job.attempts_max;
    log::write(retry ? log::level::warning : log::level::error, retry ? "job will be tried again" : "job failed",
               {{"job", c.job.id.value},
                {"kind", boost::json::string(c.job.kind)},
                {"organization", c.job.organization.value},
                {"attempt", c.job.attempts},
                {"error", boost::json::string(done.error().message)}});
    if (!queue.fail(c.job, done.error().message, retry, retry_delay(c.job.attempts)))
      return "lost";
    return retry ? "retried" : "failed";
  }

  bool put_back(claim& c) {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(c.released, true))
        return false;
    }
    return job_queue(*connect_()).put_back(c.job);
  }

  std::optional<boost::json::value> take_progress(claim& c) {
    const std::lock_guard lock(mutex_);
    return std::exchange(c.progress, std::nullopt);
  }

  // Listens, renews leases, measures the queue.
  void keep() {
    while (!kept_enough()) {
      try {
        const auto session = connect_();
        session->listen("jobs");
        notify();
        keep_with(*session);
      } catch (const std::exception& e) {
        log::error("job leases cannot be renewed", {{"error", boost::json::string(e.what())}});
        std::this_thread::sleep_for(1s);
      }
    }
  }

  void keep_with(postgres::session& session) {
    const auto renewal = std::max<std::chrono::milliseconds>(options_.lease / 3, 200ms);
    auto renewed = steady::now(), measured = steady::time_point{};
    while (!kept_enough()) {
      if (session.wait_notification(200ms))
        notify();
      if (steady::now() - renewed >= std::min<std::chrono::milliseconds>(renewal, 2s)) {
        renewed = steady::now();
        renew(session);
      }
      if (steady::now() - measured >= 10s) {
        measured = steady::now();
        const auto queue = job_queue(session).state();
        metrics_.waiting.Set(static_cast<double>(queue.waiting));
        metrics_.oldest.Set(queue.oldest_s);
      }
    }
  }

  // Leases are renewed until the last handler has ended.
  bool kept_enough() {
    const std::lock_guard lock(mutex_);
    return stopping_ && claims_.empty();
  }
  void notify() {
    const std::lock_guard lock(mutex_);
    ++notified_;
    wake_.notify_all();
  }

  void renew(postgres::session& session) {
    std::vector<std::shared_ptr<claim>> held;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& c : claims_)
        if (!c->released)
          held.push_back(c);
    }
    for (const auto& c : held) {
      const auto now = job_queue(session).heartbeat(c->job, take_progress(*c), options_.lease);
      if (now == hold::kept)
        continue;
      const std::lock_guard lock(mutex_);
      if (now == hold::stopped) {
        c->stopped = true;
        continue;
      }
      // One that has just ended is not lost.
      if (std::find(claims_.begin(), claims_.end(), c) != claims_.end())
        c->released = true;
    }
  }

  const runner_options options_;
  const session_factory connect_;
  const std::map<std::string, job_handler> handlers_;
  metrics metrics_;
  const std::string name_ = worker_name();
  std::vector<std::string> kinds_;
  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  bool stopping_ = false;
  std::uint64_t notified_ = 0;
  std::list<std::shared_ptr<claim>> claims_;
  std::atomic<steady::duration> answered_{steady::now().time_since_epoch()};
  std::vector<std::thread> threads_;
  std::thread keeper_;
};

job_runner::job_runner(runner_options options, session_factory connect, std::map<std::string, job_handler> handlers,
                       prometheus::Registry& registry)
    : state_(std::make_unique<state>(options, std::move(connect), std::move(handlers), registry)) {}
job_runner::~job_runner() = default;

bool job_runner::stop(std::chrono::milliseconds grace) {
  return state_->stop(grace);
}
bool job_runner::healthy() const {
  return state_->healthy();
}

} // namespace pricing::jobs
