#pragma once
// What pricing-beat does: puts periodic jobs into the queue and clears away what has expired. Any number may run; the
// one that holds the lock leads, the others wait for it to end. A run is recorded by its job: a restart neither misses
// nor doubles one, and what fell due while no beat ran is made up for at once. All times are UTC.
#include "jobs/job_queue.hpp"

#include <map>
#include <string>

namespace pricing::jobs {

struct schedule_options {
  int hour = 2;                                // of the nightly jobs, 0..23
  std::string nightly_kind = "refresh_market"; // payload {"for": "2026-11-23"}: the day it fell due
  std::string weekly_kind = "train";           // payload {"for": Monday of that day's week}; empty: none
  std::chrono::hours idempotency_keys_kept{24};
  std::chrono::hours ended_jobs_kept{90 * 24};
};

struct schedule_report {
  std::map<std::string, int> enqueued; // by kind
  std::int64_t cleared = 0;            // rows
};

class schedule {
 public:
  // The session is the schedule's alone: its end gives the lead away.
  schedule(postgres::session& database, schedule_options options) : database_(database), options_(std::move(options)) {}

  // True when this one leads, from now until its session ends.
  bool lead();
  // Enqueues what is due, for every organization with prices; once an hour it also clears. Only as leader.
  schedule_report tick(timestamp now);

 private:
  std::int64_t clear(organization_id organization, timestamp now);

  postgres::session& database_;
  schedule_options options_;
  bool leads_ = false;
  std::optional<timestamp> cleared_at_;
};

} // namespace pricing::jobs
