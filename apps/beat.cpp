// pricing-beat: puts periodic jobs into the queue. Of several only one acts. Metrics and health on beat.metrics_port.
#include "core/config.hpp"
#include "core/log.hpp"
#include "http/server.hpp"
#include "jobs/schedule.hpp"
#include "postgres/config.hpp"

#include <boost/json/string.hpp>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

using namespace pricing;
using namespace std::chrono_literals;

namespace {

struct beat_config {
  int metrics_port = 9102;
};
BOOST_DESCRIBE_STRUCT(beat_config, (), (metrics_port))

struct settings {
  postgres::config database;
  beat_config beat;
  http::config http;
};

settings read_settings() {
  const auto source = config_source::load().value();
  settings out{source.read<postgres::config>("postgres").value(), source.read<beat_config>("beat").value(),
               source.read<http::config>("http").value()};
  out.http.port = out.beat.metrics_port;
  out.http.service = "pricing-beat";
  out.http.title = "pricing-beat";
  out.http.static_root.clear();
  out.http.access_log = false;
  out.http.drain_timeout_s = 1;
  out.http.shutdown_delay_s = 0; // nobody's requests are balanced to it
  return out;
}

struct part_backup {
  std::string part;
  double finished_at = 0; // seconds since 1970
};
BOOST_DESCRIBE_STRUCT(part_backup, (), (part, finished_at))

// The beating thread: leads when it can, looks for what is due every second, begins anew after a lost connection.
class beat {
 public:
  beat(const settings& s, prometheus::Registry& registry)
      : settings_(s),
        leading_(prometheus::BuildGauge()
                     .Name("pricing_beat_leader")
                     .Help("1 while this process puts periodic jobs into the queue")
                     .Register(registry)
                     .Add({})),
        enqueued_(prometheus::BuildCounter()
                      .Name("pricing_beat_enqueued_total")
                      .Help("Periodic jobs put into the queue, by kind")
                      .Register(registry)),
        backup_at_(prometheus::BuildGauge()
                       .Name("pricing_backup_last_success_timestamp_seconds")
                       .Help("When the newest backup that succeeded was finished, by part")
                       .Register(registry)),
        thread_([this] { run(); }) {}
  ~beat() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }
  bool healthy() const { return healthy_; }

 private:
  void run() {
    do {
      try {
        postgres::session session(settings_.database.url);
        jobs::schedule schedule(session, {});
        do
          act(schedule, session);
        while (!stopped_within(leading_.Value() > 0 ? 1s : 5s));
      } catch (const std::exception& e) {
        healthy_ = false;
        log::error("periodic jobs cannot be queued", {{"error", boost::json::string(e.what())}});
      }
      leading_.Set(0);
    } while (!stopped_within(2s));
  }

  // Each beat shows it, also one that does not lead: whichever is scraped tells.
  void show_backups(postgres::session& session) {
    const auto now = std::chrono::steady_clock::now();
    if (now < look_again_)
      return;
    look_again_ = now + 30s;
    for (const auto& b : session.query<part_backup>(
             "select part, extract(epoch from max(finished_at))::float8 from backups group by part"))
      backup_at_.Add({{"part", b.part}}).Set(b.finished_at);
  }

  // By the database's clock: beats on machines whose clocks differ agree.
  void act(jobs::schedule& schedule, postgres::session& session) {
    show_backups(session);
    const bool led = leading_.Value() > 0;
    leading_.Set(schedule.lead());
    healthy_ = true;
    if (leading_.Value() > 0 && !led)
      log::info("this beat leads");
    const auto done = schedule.tick(session.query<timestamp>("select clock_timestamp()").at(0));
    for (const auto& [kind, count] : done.enqueued) {
      enqueued_.Add({{"kind", kind}}).Increment(count);
      log::info("periodic jobs queued", {{"kind", boost::json::string(kind)}, {"jobs", count}});
    }
    if (done.cleared > 0)
      log::info("expired rows cleared", {{"rows", done.cleared}});
  }

  bool stopped_within(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    return wake_.wait_for(lock, patience, [this] { return stopping_; });
  }

  const settings& settings_;
  prometheus::Gauge& leading_;
  prometheus::Family<prometheus::Counter>& enqueued_;
  prometheus::Family<prometheus::Gauge>& backup_at_;
  std::chrono::steady_clock::time_point look_again_{};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::atomic<bool> healthy_ = false;
  std::thread thread_; // last: it uses the others
};

void run(const settings& s) {
  prometheus::Registry registry;
  beat beating(s, registry);
  http::probes probes;
  probes.ready = [&beating]() -> http::asio::awaitable<result<void>> {
    if (!beating.healthy())
      co_return error{errc::unavailable, "the database cannot be reached"};
    co_return result<void>();
  };
  http::site site(s.http, registry, probes);
  net::run_threads(1, [&](net::io_thread& thread) {
    http::server server(thread, site, http::router::create({}).value());
    thread.run();
  });
}

} // namespace

int main() {
  log::set_service("pricing-beat");
  try {
    run(read_settings());
    return 0;
  } catch (const std::exception& e) {
    log::error("pricing-beat ends", {{"error", boost::json::string(e.what())}});
    return 1;
  }
}
