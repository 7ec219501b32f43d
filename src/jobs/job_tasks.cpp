#include "jobs/job_tasks.hpp"

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
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <unistd.h>
#include <variant>

namespace pricing::jobs {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr std::string_view prefix = "pricing.";
constexpr int errands_max = 500; // in one go

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
                   .Add({})),
        states(prometheus::BuildGauge()
                   .Name("pricing_jobs")
                   .Help("Background jobs made within a day, by state")
                   .Register(r)) {}
  void count(const std::string& kind, const std::string& outcome, std::chrono::duration<double> took) {
    static const prometheus::Histogram::BucketBoundaries bounds{0.1, 0.5, 1, 5, 15, 60, 300, 900, 3'600};
    ended.Add({{"kind", kind}, {"outcome", outcome}}).Increment();
    duration.Add({{"kind", kind}}, bounds).Observe(took.count());
  }
  prometheus::Family<prometheus::Counter>& ended;
  prometheus::Family<prometheus::Histogram>& duration;
  prometheus::Gauge &running, &waiting, &oldest;
  prometheus::Family<prometheus::Gauge>& states;
};

// One claimed job; shared by the thread that runs it and the keeper. All but `job` is under the mutex.
struct claim {
  jobs::job job;
  std::optional<boost::json::value> progress; // not yet stored
  bool released = false;                      // put back, or taken by another
  bool stopped = false;                       // somebody asked to stop it
};

} // namespace

std::string task_name(std::string_view kind) {
  return std::string(prefix) + std::string(kind);
}
std::string kind_of(std::string_view task_name) {
  return std::string(task_name.starts_with(prefix) ? task_name.substr(prefix.size()) : task_name);
}

class job_tasks::state {
 public:
  state(job_options options, session_factory connect, prometheus::Registry& registry)
      : options_(options), connect_(std::move(connect)), metrics_(registry) {}
  ~state() {
    stop(0ms);
    if (keeper_.joinable())
      keeper_.join();
  }

  void declare(const std::string& kind, std::string_view queue) {
    kinds_.push_back(kind);
    queues_[kind] = queue;
  }
  void start(send_function send) {
    send_ = std::move(send);
    keeper_ = std::thread([this] { keep(); });
  }

  bool stop(std::chrono::milliseconds grace) {
    std::unique_lock lock(mutex_);
    stopping_ = true;
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

  result<boost::json::value> run(const std::string& kind, organization_id organization, boost::json::value arguments,
                                 celery::task_context& c, const body& work) {
    std::optional<jobs::job> job;
    try {
      auto found = find(kind, organization, std::move(arguments), c);
      if (!found)
        return found.error();
      if (auto* known = std::get_if<boost::json::value>(&*found))
        return std::move(*known);
      job = std::move(std::get<jobs::job>(*found));
    } catch (const postgres::database_error& e) {
      log::warning("a job cannot be claimed", {{"error", boost::json::string(e.what())}});
      return c.retry_in(5, error{errc::unavailable, "the database does not answer"});
    }
    return run_claimed(std::move(*job), c, work);
  }

 private:
  // The claimed job, or what it gave when it ran before.
  using found_job = std::variant<jobs::job, boost::json::value>;
  result<found_job> find(const std::string& kind, organization_id organization, boost::json::value arguments,
                         celery::task_context& c) {
    const auto session = connect_();
    job_queue queue(*session);
    const std::string id(c.id());
    if (auto claimed = queue.claim_task(id, name_, options_.lease))
      return found_job(std::move(*claimed));
    auto known = queue.find_task(organization, id);
    if (!known) { // somebody called the task by name
      auto& payload = arguments.as_object();
      payload.erase("organization_id");
      if (!queue.adopt(organization, kind, arguments, id))
        return not_found("there is no organization " + std::to_string(organization.value));
      if (auto claimed = queue.claim_task(id, name_, options_.lease))
        return found_job(std::move(*claimed));
      known = queue.find_task(organization, id);
    }
    if (known && known->state == "succeeded")
      return found_job(known->result.value_or(boost::json::value()));
    return c.ignore(conflict("the job has ended, or another worker runs it"));
  }

  result<boost::json::value> run_claimed(jobs::job job, celery::task_context& c, const body& work) {
    const auto claimed = std::make_shared<claim>(claim{.job = std::move(job)});
    {
      const std::lock_guard lock(mutex_);
      claims_.push_back(claimed);
    }
    metrics_.running.Increment();
    const auto began = steady::now();
    std::string outcome = "interrupted";
    result<boost::json::value> out = error{errc::unavailable, "the job was interrupted"};
    try {
      auto done = attempt(claimed, c, work);
      out = end(*claimed, c, std::move(done), outcome);
    } catch (const job_interrupted&) {
      out = interrupted(*claimed, c, outcome);
    } catch (const std::exception& e) {
      log::error("how a job ended cannot be stored; it will run again",
                 {{"job", claimed->job.id.value}, {"error", boost::json::string(e.what())}});
      outcome = "lost";
      out = c.ignore(error{errc::unavailable, "how the job ended cannot be stored"});
    }
    metrics_.count(claimed->job.kind, outcome, steady::now() - began);
    metrics_.running.Decrement();
    const std::lock_guard lock(mutex_);
    claims_.remove(claimed);
    idle_.notify_all();
    return out;
  }

  // An error as a value; job_interrupted passes.
  result<boost::json::value> attempt(const std::shared_ptr<claim>& claimed, celery::task_context& c, const body& work) {
    const progress_function progress = [this, claimed, &c](boost::json::value value) {
      c.progress(value);
      const std::lock_guard lock(mutex_);
      claimed->progress = std::move(value);
      if (stopping_ || claimed->released || claimed->stopped || c.cancelled())
        throw job_interrupted();
    };
    try {
      return work(progress);
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

  result<boost::json::value> end(claim& claimed, celery::task_context& c, result<boost::json::value> done,
                                 std::string& outcome) {
    const auto lost = [&] {
      outcome = "lost";
      return c.ignore(conflict("another worker has taken the job"));
    };
    if (released(claimed))
      return lost();
    const auto session = connect_();
    job_queue queue(*session);
    if (const auto last = take_progress(claimed))
      queue.heartbeat(claimed.job, last, options_.lease);
    if (done) {
      if (!queue.succeed(claimed.job, *done))
        return lost();
      outcome = "succeeded";
      return done;
    }
    const auto& job = claimed.job;
    const bool retry = !is_final(done.error().code) && job.attempts < job.attempts_max;
    const auto delay = retry_delay(job.attempts);
    log::write(retry ? log::level::warning : log::level::error, retry ? "job will be tried again" : "job failed",
               {{"job", job.id.value},
                {"kind", boost::json::string(job.kind)},
                {"organization", job.organization.value},
                {"attempt", job.attempts},
                {"error", boost::json::string(done.error().message)}});
    if (!queue.fail(job, done.error().message, retry, delay))
      return lost();
    outcome = retry ? "retried" : "failed";
    if (retry)
      return c.retry_in(static_cast<double>(delay.count()), done.error());
    return done.error();
  }

  // The worker ends, a person revoked the job, or its limit has passed.
  result<boost::json::value> interrupted(claim& claimed, celery::task_context& c, std::string& outcome) {
    bool revoked = false;
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(claimed.released, true)) {
        outcome = "lost";
        return c.ignore(conflict("another worker has taken the job"));
      }
      revoked = claimed.stopped || c.revoked();
    }
    const auto session = connect_();
    job_queue queue(*session);
    if (revoked) {
      outcome = "revoked";
      queue.revoke(claimed.job);
      return c.raise({"TaskRevokedError", {"revoked"}, "celery.exceptions"});
    }
    if (c.cancelled()) {
      outcome = "failed";
      const error why{errc::timeout, "stopped by a time limit"};
      queue.fail(claimed.job, why.message, false, 0s);
      return why;
    }
    queue.put_back(claimed.job);
    return c.ignore(error{errc::unavailable, "the worker ends; the job is sent again"});
  }

  std::optional<boost::json::value> take_progress(claim& c) {
    const std::lock_guard lock(mutex_);
    return std::exchange(c.progress, std::nullopt);
  }

  // Listens, sends due jobs, renews leases, measures the queue.
  void keep() {
    while (!kept_enough()) {
      try {
        const auto session = connect_();
        session->listen("jobs");
        keep_with(*session);
      } catch (const std::exception& e) {
        log::error("due jobs cannot be sent nor leases renewed", {{"error", boost::json::string(e.what())}});
        std::this_thread::sleep_for(1s);
      }
    }
  }

  void keep_with(postgres::session& session) {
    const auto renewal = std::clamp<std::chrono::milliseconds>(options_.lease / 3, 200ms, 2s);
    auto renewed = steady::now(), looked = steady::time_point{}, measured = steady::time_point{},
         counted = steady::time_point{};
    while (!kept_enough()) {
      const bool told = session.wait_notification(200ms).has_value();
      if (told || steady::now() - looked >= options_.poll) {
        looked = steady::now();
        send_due(session);
        answered_ = steady::now().time_since_epoch();
      }
      if (steady::now() - renewed >= renewal) {
        renewed = steady::now();
        renew(session);
      }
      if (steady::now() - measured >= 10s) {
        measured = steady::now();
        const auto queue = job_queue(session).state();
        metrics_.waiting.Set(static_cast<double>(queue.waiting));
        metrics_.oldest.Set(queue.oldest_s);
      }
      if (steady::now() - counted >= 60s) {
        counted = steady::now();
        for (const auto& [name, count] : job_queue(session).recent_states())
          metrics_.states.Add({{"state", name}}).Set(static_cast<double>(count));
      }
    }
  }

  void send_due(postgres::session& session) {
    job_queue queue(session);
    while (!stopping()) {
      const auto due = queue.take_unsent(kinds_, errands_max, options_.lost_after);
      if (due.empty())
        return;
      std::vector<errand> errands;
      std::vector<job_id> ids;
      for (const auto& m : due) {
        boost::json::object kwargs = m.payload.is_object() ? m.payload.get_object() : boost::json::object();
        kwargs["organization_id"] = m.organization.value;
        errands.push_back({task_name(m.kind), queues_.at(m.kind), m.task_id, std::move(kwargs)});
        ids.push_back(m.id);
      }
      if (send_(errands))
        continue;
      queue.untake(ids);
      log::warning("due jobs cannot be sent; they are sent as soon as Redis answers", {{"jobs", due.size()}});
      return;
    }
  }

  bool stopping() {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }
  // Leases are renewed until the last handler has ended.
  bool kept_enough() {
    const std::lock_guard lock(mutex_);
    return stopping_ && claims_.empty();
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
      const std::lock_guard lock(mutex_);
      // One that has just ended is not lost.
      if (now == hold::stopped)
        c->stopped = true;
      else if (now == hold::lost && std::find(claims_.begin(), claims_.end(), c) != claims_.end())
        c->released = true;
    }
  }

  const job_options options_;
  const session_factory connect_;
  metrics metrics_;
  const std::string name_ = worker_name();
  std::vector<std::string> kinds_;
  std::map<std::string, std::string> queues_; // by kind
  send_function send_;
  std::mutex mutex_;
  std::condition_variable idle_;
  bool stopping_ = false;
  std::list<std::shared_ptr<claim>> claims_;
  std::atomic<steady::duration> answered_{steady::now().time_since_epoch()};
  std::thread keeper_;
};

job_tasks::job_tasks(job_options options, session_factory connect, prometheus::Registry& registry)
    : state_(std::make_unique<state>(options, std::move(connect), registry)) {}
job_tasks::~job_tasks() = default;

void job_tasks::declare(const std::string& kind, std::string_view queue) {
  state_->declare(kind, queue);
}
void job_tasks::start(send_function send) {
  state_->start(std::move(send));
}
bool job_tasks::stop(std::chrono::milliseconds grace) {
  return state_->stop(grace);
}
bool job_tasks::healthy() const {
  return state_->healthy();
}
result<boost::json::value> job_tasks::run(const std::string& kind, organization_id organization,
                                          boost::json::value arguments, celery::task_context& c, const body& work) {
  return state_->run(kind, organization, std::move(arguments), c, work);
}

} // namespace pricing::jobs
