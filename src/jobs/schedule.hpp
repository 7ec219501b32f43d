#pragma once
// What pricing-beat does: turns due rows of the table `schedules` into jobs and clears away what has expired.
//
// Any number of beats may run; the one that holds the lock leads, the others wait for it to end. The lock only saves
// work: a run is a job with the schedule's id and the time it was due, unique in the table, and it is written in the
// transaction that moves the schedule on. So two beats, a beat killed at any moment, a restart or a clock set back
// neither miss nor double a run; a beat that lost the lock without noticing can do no harm.
//
// What fell due while no beat ran is made up for as the schedule says: all (every run, 1,000 a tick), latest (one run
// for all), none (only what is less than five minutes late).
#include "jobs/job_queue.hpp"
#include "jobs/recurrence.hpp"

#include <map>
#include <string>
#include <vector>

namespace pricing::jobs {

// A schedule that every organization with prices has from the start. It can be changed and switched off, not deleted.
struct built_in_schedule {
  std::string name;
  std::string kind;
  std::string rule;
};

struct schedule_options {
  std::vector<built_in_schedule> built_in{{"Nightly statistics", "refresh_market", "0 2 * * *"},
                                          {"Weekly training", "train", "0 3 * * mon"}};
  std::chrono::seconds housekeeping{60}; // between looks for new organizations and for what has expired
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
  // Enqueues what is due, for every organization; now and then it also clears. Does nothing unless it leads.
  schedule_report tick(timestamp now);

 private:
  struct due_row;
  void add_built_in(organization_id organization, timestamp now);
  void run_due(organization_id organization, timestamp now, schedule_report& report);
  int run(organization_id organization, const due_row& row, timestamp now);
  std::int64_t keep_house(organization_id organization, timestamp now);

  postgres::session& database_;
  schedule_options options_;
  bool leads_ = false;
  std::optional<timestamp> kept_house_at_;
};

} // namespace pricing::jobs
