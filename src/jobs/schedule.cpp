#include "jobs/schedule.hpp"

#include "core/log.hpp"

#include <boost/json/string.hpp>

namespace pricing::jobs {

namespace {

constexpr int due_max = 100;            // schedules of one organization in one tick
constexpr std::size_t runs_max = 1'000; // of one schedule in one tick
constexpr std::chrono::minutes late_max{5};

constexpr const char* has_prices =
    "select exists (select from price_observations where organization_id = $1) and (select count(*) from schedules "
    "where organization_id = $1 and built_in) < $2::int";
constexpr const char* add_schedule =
    "insert into schedules (organization_id, name, kind, rule, built_in, anchor_at, next_due) values ($1, $2, $3, $4, "
    "true, $5, $6) on conflict (organization_id, name) do nothing";
constexpr const char* find_due =
    "select id, kind, payload, rule, time_zone, catch_up, anchor_at, next_due from schedules where organization_id = "
    "$1 and enabled and next_due <= $2 order by next_due limit $3 for update skip locked";
constexpr const char* add_run =
    "insert into jobs (organization_id, kind, payload, schedule_id, due_at) values ($1, $2, $3, $4, $5) on conflict "
    "(organization_id, schedule_id, due_at) do nothing";
constexpr const char* move_on = "update schedules set next_due = $3, last_due = coalesce($4, last_due) where "
                                "organization_id = $1 and id = $2";
constexpr const char* switch_off = "update schedules set enabled = false, updated_at = now() where organization_id = "
                                   "$1 and id = $2";

// Due times to run now, and the one to look at next.
struct due_times {
  std::vector<timestamp> now;
  timestamp next;
};

due_times due_of(const recurrence& rule, const std::string& catch_up, timestamp first, timestamp now) {
  due_times out;
  if (catch_up == "all") {
    auto t = first;
    for (; t <= now && out.now.size() < runs_max; t = rule.next(t))
      out.now.push_back(t);
    out.next = t;
    return out;
  }
  out.now = rule.between(first - std::chrono::microseconds(1), now, 1);
  if (catch_up == "none" && !out.now.empty() && now - out.now.front() > late_max)
    out.now.clear();
  out.next = rule.next(now);
  return out;
}

} // namespace

struct schedule::due_row {
  std::int64_t id = 0;
  std::string kind;
  boost::json::value payload;
  std::string rule;
  std::string time_zone;
  std::string catch_up;
  timestamp anchor_at{};
  timestamp next_due{};
  BOOST_DESCRIBE_CLASS(due_row, (), (id, kind, payload, rule, time_zone, catch_up, anchor_at, next_due), (), ())
};

bool schedule::lead() {
  if (!leads_)
    leads_ = database_.query<bool>("select pg_try_advisory_lock(hashtextextended('pricing-beat', 0))").at(0);
  return leads_;
}

schedule_report schedule::tick(timestamp now) {
  schedule_report out;
  if (!leads_)
    return out;
  if (!kept_house_at_ || now < *kept_house_at_ || now - *kept_house_at_ >= options_.housekeeping) {
    for (const auto organization : database_.query<organization_id>("select organization_ids()"))
      out.cleared += keep_house(organization, now);
    kept_house_at_ = now;
  }
  for (const auto organization : database_.query<organization_id>("select organizations_with_due_schedules($1)", now)) {
    database_.begin(organization);
    run_due(organization, now, out);
    database_.query<std::string>("select pg_notify('jobs', 'schedule')::text");
    database_.commit();
  }
  return out;
}

void schedule::add_built_in(organization_id organization, timestamp now) {
  if (!database_.query<bool>(has_prices, organization, static_cast<int>(options_.built_in.size())).at(0))
    return;
  for (const auto& s : options_.built_in) {
    const auto rule = recurrence::parse(s.rule, "UTC", now).value();
    database_.execute(add_schedule, organization, s.name, s.kind, s.rule, now, rule.next(now));
  }
}

void schedule::run_due(organization_id organization, timestamp now, schedule_report& report) {
  for (const auto& row : database_.query<due_row>(find_due, organization, now, due_max))
    if (const int added = run(organization, row, now); added > 0)
      report.enqueued[row.kind] += added;
}

int schedule::run(organization_id organization, const due_row& row, timestamp now) {
  const auto rule = recurrence::parse(row.rule, row.time_zone, row.anchor_at);
  if (!rule) { // its time zone has left the list
    log::error("a schedule is switched off", {{"organization", organization.value},
                                              {"schedule", row.id},
                                              {"error", boost::json::string(rule.error().message)}});
    database_.execute(switch_off, organization, row.id);
    return 0;
  }
  const auto due = due_of(*rule, row.catch_up, row.next_due, now);
  int added = 0;
  for (const auto t : due.now)
    added += static_cast<int>(database_.execute(add_run, organization, row.kind, row.payload, row.id, t));
  const auto last = due.now.empty() ? std::nullopt : std::optional(due.now.back());
  database_.execute(move_on, organization, row.id, due.next, last);
  return added;
}

std::int64_t schedule::keep_house(organization_id organization, timestamp now) {
  database_.begin(organization);
  add_built_in(organization, now);
  std::int64_t rows = database_.execute("delete from idempotency_keys where organization_id = $1 and created_at < $2",
                                        organization, timestamp(now - options_.idempotency_keys_kept));
  rows +=
      database_.execute("delete from refresh_tokens where organization_id = $1 and expires_at < $2", organization, now);
  rows += database_.execute("delete from jobs where organization_id = $1 and finished_at < $2", organization,
                            timestamp(now - options_.ended_jobs_kept));
  database_.commit();
  return rows;
}

} // namespace pricing::jobs
