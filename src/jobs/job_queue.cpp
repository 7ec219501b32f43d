#include "jobs/job_queue.hpp"

#include <algorithm>

namespace pricing::jobs {
namespace {

constexpr int error_length_max = 2'000;

struct state_row {
  std::string state;
  std::int64_t jobs = 0;
};
BOOST_DESCRIBE_STRUCT(state_row, (), (state, jobs))

// A transaction of the organization; rolled back unless committed.
class work {
 public:
  work(postgres::session& database, organization_id organization) : database_(database) {
    database_.begin(organization);
  }
  ~work() {
    if (done_)
      return;
    try {
      database_.rollback();
    } catch (const std::exception&) { // the connection is gone, and the transaction with it
    }
  }
  work(const work&) = delete;
  void commit() {
    done_ = true;
    database_.commit();
  }

 private:
  postgres::session& database_;
  bool done_ = false;
};

void wake_workers(postgres::session& database, const std::string& kind) {
  database.query<std::string>("select pg_notify('jobs', $1::text)::text", kind);
}

} // namespace

std::chrono::seconds retry_delay(int attempts) {
  return std::chrono::seconds(std::min(900, 5 << (2 * std::clamp(attempts - 1, 0, 4))));
}

std::optional<job_id> job_queue::enqueue(organization_id organization, const std::string& kind,
                                         const boost::json::value& payload, unless condition,
                                         std::chrono::seconds delay) {
  work w(database_, organization);
  if (condition != unless::never) // two at once would both find none
    database_.query<std::string>("select pg_advisory_xact_lock(hashtextextended('jobs ' || $1, $2))::text", kind,
                                 organization.value);
  const auto added = database_.query<job_id>(
      "insert into jobs (organization_id, kind, payload, run_after) "
      "select $1, $2, $3, now() + make_interval(secs => $5::float8) where $4 = 0 or not exists (select from jobs j "
      "where j.organization_id = $1 and j.kind = $2 and j.payload = $3 and ($4 = 2 or j.state = 'queued')) returning "
      "id",
      organization, kind, payload, static_cast<int>(condition), static_cast<double>(delay.count()));
  if (!added.empty())
    wake_workers(database_, kind);
  w.commit();
  return added.empty() ? std::nullopt : std::optional(added[0]);
}

hold job_queue::heartbeat(const job& j, const std::optional<boost::json::value>& progress, std::chrono::seconds lease) {
  work w(database_, j.organization);
  const auto revoked = database_.query<bool>(
      "update jobs set lease_until = now() + make_interval(secs => $4::float8), progress = coalesce($5, progress) "
      "where id = $1 and state = 'running' and worker = $2 and attempts = $3 returning revoked",
      j.id, j.worker, j.attempts, static_cast<double>(lease.count()), progress);
  w.commit();
  return revoked.empty() ? hold::lost : revoked[0] ? hold::stopped : hold::kept;
}

bool job_queue::succeed(const job& j, const std::optional<boost::json::value>& result) {
  work w(database_, j.organization);
  const auto changed =
      database_.execute("update jobs set state = 'succeeded', finished_at = now(), lease_until = null, error = null, "
                        "result = $4 where id = $1 and state = 'running' and worker = $2 and attempts = $3",
                        j.id, j.worker, j.attempts, result);
  w.commit();
  return changed == 1;
}

bool job_queue::fail(const job& j, const std::string& why, bool retry, std::chrono::seconds delay) {
  work w(database_, j.organization);
  const auto changed = database_.execute(
      "update jobs set state = case when revoked then 'revoked' when $4 and attempts < attempts_max then 'queued' else "
      "'failed' end, finished_at = case when not revoked and $4 and attempts < attempts_max then null else now() end, "
      "run_after = now() + make_interval(secs => $5::float8), lease_until = null, sent_at = now() + make_interval(secs "
      "=> "
      "$5::float8), error = left($6, $7) "
      "where id = $1 and state = 'running' and worker = $2 and attempts = $3",
      j.id, j.worker, j.attempts, retry, static_cast<double>(delay.count()), why, error_length_max);
  w.commit();
  return changed == 1;
}

bool job_queue::revoke(const job& j) {
  work w(database_, j.organization);
  const auto changed =
      database_.execute("update jobs set state = 'revoked', revoked = true, finished_at = now(), lease_until = null "
                        "where id = $1 and state = 'running' and worker = $2 and attempts = $3",
                        j.id, j.worker, j.attempts);
  w.commit();
  return changed == 1;
}

bool job_queue::put_back(const job& j) {
  work w(database_, j.organization);
  const auto changed = database_.execute(
      "update jobs set state = case when revoked then 'revoked' else 'queued' end, finished_at = case "
      "when revoked then now() end, attempts = attempts - 1, worker = null, lease_until = null, "
      "sent_at = null, run_after = now() where id = $1 and state = 'running' and worker = $2 and attempts = $3",
      j.id, j.worker, j.attempts);
  wake_workers(database_, j.kind);
  w.commit();
  return changed == 1;
}

std::vector<message> job_queue::take_unsent(const std::vector<std::string>& kinds, int most,
                                            std::chrono::seconds lost_after) {
  return database_.query<message>("select id, organization_id, kind, payload, task_id from take_unsent_jobs($1, "
                                  "$2, $3)",
                                  kinds, most, static_cast<int>(lost_after.count()));
}

void job_queue::untake(const std::vector<job_id>& ids) {
  std::vector<std::int64_t> values;
  for (const auto id : ids)
    values.push_back(id.value);
  database_.execute("select untake_jobs($1)", values);
}

std::optional<job> job_queue::claim_task(const std::string& task_id, const std::string& worker,
                                         std::chrono::seconds lease) {
  auto claimed = database_.query<job>("select id, organization_id, kind, payload, attempts, attempts_max, worker "
                                      "from claim_task($1, $2, $3) where state = 'running'",
                                      task_id, worker, static_cast<int>(lease.count()));
  if (claimed.empty())
    return std::nullopt;
  return std::move(claimed[0]);
}

std::optional<ended_task> job_queue::find_task(organization_id organization, const std::string& task_id) {
  work w(database_, organization);
  auto found = database_.query<ended_task>("select state, result from jobs where organization_id = $1 and task_id = $2",
                                           organization, task_id);
  w.commit();
  if (found.empty())
    return std::nullopt;
  return std::move(found[0]);
}

bool job_queue::adopt(organization_id organization, const std::string& kind, const boost::json::value& payload,
                      const std::string& task_id) {
  work w(database_, organization);
  const auto there = database_.query<bool>("select exists (select from organizations where id = $1)", organization);
  if (there.at(0))
    database_.execute("insert into jobs (organization_id, kind, payload, task_id, sent_at) values ($1, $2, $3, $4, "
                      "now()) on conflict (task_id) do nothing",
                      organization, kind, payload, task_id);
  w.commit();
  return there.at(0);
}

queue_state job_queue::state() {
  queue_state out;
  for (const auto organization : database_.query<organization_id>("select organization_ids()")) {
    work w(database_, organization);
    out.waiting += database_.query<std::int64_t>(
        "select count(*) from jobs where organization_id = $1 and state = 'queued' and run_after <= now()",
        organization)[0];
    out.oldest_s = std::max(
        out.oldest_s, database_.query<double>("select coalesce(extract(epoch from now() - min(run_after)), 0)::float8 "
                                              "from jobs where organization_id = $1 and state = 'queued' and "
                                              "run_after <= now()",
                                              organization)[0]);
    w.commit();
  }
  return out;
}

std::map<std::string, std::int64_t> job_queue::recent_states() {
  std::map<std::string, std::int64_t> out{
      {"queued", 0}, {"running", 0}, {"succeeded", 0}, {"failed", 0}, {"revoked", 0}};
  for (const auto organization : database_.query<organization_id>("select organization_ids()")) {
    work w(database_, organization);
    for (const auto& row : database_.query<state_row>(
             "select state, count(*) as jobs from jobs where organization_id = $1 and created_at > now() - interval '1 "
             "day' group by state",
             organization))
      out[row.state] += row.jobs;
    w.commit();
  }
  return out;
}

} // namespace pricing::jobs
