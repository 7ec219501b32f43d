// pricing-worker: runs the product's tasks from the Celery queues in Redis, and sends the messages of due jobs. Metrics
// and health on worker.metrics_port.
#include "celery/worker.hpp"
#include "celery/producer.hpp"
#include "core/config.hpp"
#include "core/library_environment.hpp"
#include "core/log.hpp"
#include "http/server.hpp"
#include "operations/config.hpp"
#include "postgres/config.hpp"
#include "storage/config.hpp"
#include "worker_metrics.hpp"
#include "worker_tasks.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/string.hpp>
#include <fmt/format.h>
#include <prometheus/registry.h>

#include <cstdlib>
#include <future>
#include <unistd.h>

using namespace pricing;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

struct worker_config {
  int metrics_port = 9101;
  int threads = 2;
  int lease_s = 30; // after which the jobs of a worker that died are taken over
};
BOOST_DESCRIBE_STRUCT(worker_config, (), (metrics_port, threads, lease_s))

struct settings {
  postgres::config database;
  storage::config storage;
  redis::config redis;
  celery::config celery;
  worker_config worker;
  http::config http;
  backup_settings backup;
};

// What somebody waits for first.
constexpr const char* product_queues = "priority,default,ml,maintenance";

backup_settings read_backup(const config_source& source) {
  backup_settings out{source.read<operations::backup_config>("backup").value(), {}};
  // The owner's, where it is configured: its default is for a developer's machine.
  const auto owner = source.read<postgres::config>("postgres").value().owner_url;
  if (out.backup.database_url.empty() && owner != postgres::config().owner_url)
    out.backup.database_url = owner;
  const char* file = std::getenv("PRICING_CONFIG");
  out.sources.objects = source.read<storage::config>("storage").value().root;
  out.sources.config_file = file ? file : "";
  for (const auto& e : source.entries())
    out.sources.effective_config += fmt::format("{} = {}  ({})\n", e.name, e.value, e.source);
  return out;
}

settings read_settings() {
  const auto source = config_source::load().value();
  settings out{source.read<postgres::config>("postgres").value(),
               source.read<storage::config>("storage").value(),
               source.read<redis::config>("redis").value(),
               source.read<celery::config>("celery").value(),
               source.read<worker_config>("worker").value(),
               source.read<http::config>("http").value(),
               read_backup(source)};
  if (out.worker.threads < 1 || out.worker.threads > 64 || out.worker.lease_s < 5)
    throw std::runtime_error("configuration: worker.threads must be 1 to 64 and worker.lease_s at least 5");
  out.celery.concurrency = out.worker.threads;
  if (out.celery.queues == celery::config().queues)
    out.celery.queues = product_queues;
  out.http.port = out.worker.metrics_port;
  out.http.service = "pricing-worker";
  out.http.title = "pricing-worker";
  out.http.static_root.clear();
  out.http.access_log = false;
  out.http.drain_timeout_s = 1;
  out.http.shutdown_delay_s = 0; // nobody's requests are balanced to it
  return out;
}

asio::awaitable<result<void>> send_errands(celery::producer& tasks, std::vector<jobs::errand> errands) {
  auto batch = tasks.make_batch();
  for (const auto& e : errands)
    batch.add(e.task, {}, e.kwargs, {.id = e.task_id, .queue = e.queue});
  return tasks.send(std::move(batch));
}

// For the thread that keeps the jobs: lets the loop send and waits for it.
jobs::send_function sender(asio::io_context& io, celery::producer& tasks) {
  return [&io, &tasks](const std::vector<jobs::errand>& errands) {
    auto sent = asio::co_spawn(io, send_errands(tasks, errands), asio::use_future);
    return sent.wait_for(10s) == std::future_status::ready && sent.get().has_value();
  };
}

http::probes readiness(const celery::worker& worker, const jobs::job_tasks& work) {
  http::probes out;
  out.ready = [&]() -> asio::awaitable<result<void>> {
    if (!worker.ready())
      co_return error{errc::unavailable, "messages are not being consumed: Redis does not answer"};
    if (!work.healthy())
      co_return error{errc::unavailable, "the table of jobs cannot be reached"};
    co_return result<void>();
  };
  return out;
}

struct outcome {
  bool over = false;
  celery::ended how = celery::ended::stopped;
  bool handlers_ended = true;
};

asio::awaitable<void> consume(celery::worker& worker, net::io_thread& thread, outcome& out) {
  out.how = co_await worker.run();
  out.over = true;
  thread.request_stop();
}

// Takes no more, puts running jobs back, and leaves a handler behind that does not end in time.
asio::awaitable<void> wind_down(celery::worker& worker, jobs::job_tasks& work, outcome& out) {
  worker.stop(celery::shutdown::warm);
  auto put_back = std::async(std::launch::async, [&work] { return work.stop(7s); });
  while (put_back.wait_for(0s) != std::future_status::ready)
    co_await net::sleep_for(20ms);
  out.handlers_ended = put_back.get();
  if (!out.handlers_ended)
    worker.stop(celery::shutdown::cold);
  for (int i = 0; i < 100 && !out.over; ++i)
    co_await net::sleep_for(20ms);
}

int run(const settings& s) {
  prometheus::Registry registry;
  const jobs::session_factory connect = [url = s.database.url] { return std::make_unique<postgres::session>(url); };
  jobs::job_tasks work({.lease = std::chrono::seconds(s.worker.lease_s)}, connect, registry);
  celery::task_table table;
  add_product_tasks(table, work, connect, storage::open_store(s.storage.root), s.backup);
  worker_metrics metrics(registry);
  outcome out;
  net::run_threads(1, [&](net::io_thread& thread) {
    redis::client redis(thread.io(), s.redis);
    celery::producer tasks(thread.io(), redis, s.redis,
                           {.keys = {.prefix = s.celery.prefix, .result_prefix = s.celery.result_prefix}});
    celery::worker worker(thread.io(), s.celery, s.redis, table);
    metrics.watch(worker, table);
    http::site site(s.http, registry, readiness(worker, work));
    http::server server(thread, site, http::router::create({}).value());
    thread.spawn([&] { return consume(worker, thread, out); });
    thread.spawn([&] { return metrics.measure_queues(redis, s.celery); });
    thread.on_stop([&] {
      site.set_stopping();
      return wind_down(worker, work, out);
    });
    work.start(sender(thread.io(), tasks));
    thread.run();
  });
  if (!out.handlers_ended)
    log::warning("a task did not end in time; its job is put back and the process ends");
  // A handler that still runs refers to what would be destroyed now.
  if (!out.handlers_ended || out.how == celery::ended::stuck_thread)
    _exit(out.how == celery::ended::stuck_thread ? 70 : 0);
  return out.how == celery::ended::memory_limit ? 75 : 0;
}

} // namespace

int main(int, char** argv) {
  set_before_main(argv, {idle_threads_sleep});
  log::set_service("pricing-worker");
  try {
    return run(read_settings());
  } catch (const std::exception& e) {
    log::error("pricing-worker ends", {{"error", boost::json::string(e.what())}});
    return 1;
  }
}
