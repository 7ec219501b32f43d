// pricing-worker: takes jobs from the queue and runs them. Metrics and health on worker.metrics_port.
#include "core/config.hpp"
#include "core/log.hpp"
#include "http/server.hpp"
#include "ingest/ingest_tasks.hpp"
#include "ingest/upload_files.hpp"
#include "jobs/job_runner.hpp"
#include "learn/idle_threads.hpp"
#include "market/refresh.hpp"
#include "models/training.hpp"
#include "postgres/config.hpp"
#include "storage/config.hpp"

#include <boost/json/string.hpp>
#include <prometheus/registry.h>

#include <functional>
#include <map>
#include <unistd.h>

using namespace pricing;
using namespace std::chrono_literals;

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
  worker_config worker;
  http::config http;
};

settings read_settings() {
  const auto source = config_source::load().value();
  settings out{source.read<postgres::config>("postgres").value(), source.read<storage::config>("storage").value(),
               source.read<worker_config>("worker").value(), source.read<http::config>("http").value()};
  if (out.worker.threads < 1 || out.worker.threads > 64 || out.worker.lease_s < 5)
    throw std::runtime_error("configuration: worker.threads must be 1 to 64 and worker.lease_s at least 5");
  out.http.port = out.worker.metrics_port;
  out.http.service = "pricing-worker";
  out.http.title = "pricing-worker";
  out.http.static_root.clear();
  out.http.access_log = false;
  out.http.drain_timeout_s = 1;
  return out;
}

class handlers {
 public:
  handlers(jobs::session_factory connect, std::string storage_root)
      : connect_(std::move(connect)), storage_root_(std::move(storage_root)) {}

  std::map<std::string, jobs::job_handler> all() {
    return {{ingest::import_job_kind, std::bind_front(&handlers::import, this)},
            {market::refresh_job_kind, std::bind_front(&handlers::refresh, this)},
            {models::train_job_kind, std::bind_front(&handlers::train, this)}};
  }

 private:
  result<void> import(organization_id organization, const boost::json::value& payload,
                      const jobs::progress_function& progress) {
    const auto session = connect_();
    ingest::ingest_service service(connect_, ingest::files_under(storage_root_), clock_);
    const ingest::progress_callback report = [&progress](const ingest::import_progress& p) {
      progress({{"share", p.share},
                {"rows", p.counts.rows_in},
                {"loaded", p.counts.loaded},
                {"quarantined", p.counts.quarantined}});
    };
    auto done = ingest::run_import_job(service, organization, payload, report);
    if (done)
      follow_import(*session, organization);
    return done;
  }

  // New prices change what is derived from them; the model learns from them at most once a day.
  static void follow_import(postgres::session& session, organization_id organization) {
    jobs::job_queue queue(session);
    queue.enqueue(organization, market::refresh_job_kind, boost::json::object(), jobs::unless::queued);
    session.begin(organization);
    const auto fresh = session.query<bool>("select exists (select from models where organization_id = $1 and state = "
                                           "'promoted') and exists (select from models where organization_id = $1 and "
                                           "created_at > now() - interval '1 day')",
                                           organization);
    session.commit();
    if (!fresh.at(0))
      queue.enqueue(organization, models::train_job_kind, boost::json::object(), jobs::unless::queued);
  }

  result<void> refresh(organization_id organization, const boost::json::value&,
                       const jobs::progress_function& progress) {
    const auto session = connect_();
    const auto done =
        market::refresh_market(*session, organization, clock_.today(), [&](std::string_view step, double share) {
          progress({{"step", step}, {"share", share}});
        });
    log::info("market refreshed", {{"organization", organization.value},
                                   {"observations", done.observations},
                                   {"benchmarks", done.benchmarks},
                                   {"months", done.months},
                                   {"suppliers", done.suppliers}});
    return {};
  }

  result<void> train(organization_id organization, const boost::json::value&, const jobs::progress_function& progress) {
    const auto session = connect_();
    storage::folder_store objects(storage_root_);
    const auto trained = models::train_model(*session, objects, organization, [&](std::string_view step, double share) {
      progress({{"step", step}, {"share", share}});
    });
    if (!trained)
      return trained.error();
    log::info("price model trained", {{"organization", organization.value},
                                      {"version", boost::json::string(trained->version)},
                                      {"promoted", trained->promoted},
                                      {"seconds", trained->train_s}});
    return {};
  }

  const jobs::session_factory connect_;
  const std::string storage_root_;
  const system_clock clock_{};
};

void run(const settings& s) {
  prometheus::Registry registry;
  const jobs::session_factory connect = [url = s.database.url] { return std::make_unique<postgres::session>(url); };
  handlers handle(connect, s.storage.root);
  jobs::job_runner runner(
      {.threads = static_cast<unsigned>(s.worker.threads), .lease = std::chrono::seconds(s.worker.lease_s)}, connect,
      handle.all(), registry);
  http::probes probes;
  probes.ready = [&runner]() -> http::asio::awaitable<result<void>> {
    if (!runner.healthy())
      co_return error{errc::unavailable, "the queue of jobs cannot be reached"};
    co_return result<void>();
  };
  http::site site(s.http, registry, probes);
  net::run_threads(1, [&](net::io_thread& thread) {
    http::server server(thread, site, http::router::create({}).value());
    thread.run();
  });
  if (!runner.stop(7s)) {
    log::warning("a job did not end in time; it is put back and the process ends");
    _exit(0);
  }
}

} // namespace

int main(int, char** argv) {
  learn::let_idle_threads_sleep(argv);
  log::set_service("pricing-worker");
  try {
    run(read_settings());
    return 0;
  } catch (const std::exception& e) {
    log::error("pricing-worker ends", {{"error", boost::json::string(e.what())}});
    return 1;
  }
}
