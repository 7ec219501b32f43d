#include "jobs/schedule.hpp"

namespace pricing::jobs {
namespace {

// The day whose nightly run is the last one due.
date due_day(timestamp now, int hour) {
  return std::chrono::floor<std::chrono::days>(now - std::chrono::hours(hour));
}
date monday_of(date day) {
  return day - (std::chrono::weekday(day) - std::chrono::Monday);
}
boost::json::value run_of(date day) {
  return {{"for", to_string(day)}};
}

} // namespace

bool schedule::lead() {
  if (!leads_)
    leads_ = database_.query<bool>("select pg_try_advisory_lock(hashtextextended('pricing-beat', 0))").at(0);
  return leads_;
}

schedule_report schedule::tick(timestamp now) {
  schedule_report out;
  if (!leads_)
    return out;
  const date day = due_day(now, options_.hour);
  const bool clears = !cleared_at_ || now - *cleared_at_ >= std::chrono::hours(1);
  job_queue queue(database_);
  for (const auto organization : database_.query<organization_id>("select organization_ids()")) {
    if (clears)
      out.cleared += clear(organization, now);
    database_.begin(organization);
    const bool has_prices =
        database_.query<bool>("select exists (select from price_observations where organization_id = $1)", organization)
            .at(0);
    database_.commit();
    if (!has_prices)
      continue;
    if (queue.enqueue(organization, options_.nightly_kind, run_of(day), unless::ever_queued))
      ++out.enqueued[options_.nightly_kind];
    if (!options_.weekly_kind.empty() &&
        queue.enqueue(organization, options_.weekly_kind, run_of(monday_of(day)), unless::ever_queued))
      ++out.enqueued[options_.weekly_kind];
  }
  if (clears)
    cleared_at_ = now;
  return out;
}

std::int64_t schedule::clear(organization_id organization, timestamp now) {
  database_.begin(organization);
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
