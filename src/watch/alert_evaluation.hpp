#pragma once
// Evaluates the rules of one organization: raises alerts, keeps those that are still true, resolves the others. Safe to
// run again and beside itself: one evaluation of an organization at a time.
#include "celery/task.hpp"
#include "core/clock.hpp"
#include "core/ids.hpp"
#include "postgres/session.hpp"
#include "watch/alert_kind.hpp"

namespace pricing::watch {

inline constexpr const char* evaluate_job_kind = "evaluate_alerts";

struct evaluate_in {
  pricing::organization_id organization_id;
};
BOOST_DESCRIBE_STRUCT(evaluate_in, (), (organization_id))

struct evaluate_out {
  std::int64_t rules = 0, raised = 0, kept = 0, resolved = 0;
};
BOOST_DESCRIBE_STRUCT(evaluate_out, (), (rules, raised, kept, resolved))

inline constexpr celery::task<evaluate_in, evaluate_out> evaluate_task{"pricing.evaluate_alerts",
                                                                       {.queue = "default", .max_retries = 100}};

// Blocking; one transaction. An organization that never had a rule gets the usual ones first. Resolved alerts older
// than a year are removed.
evaluate_out evaluate_alerts(postgres::session& database, organization_id organization);

} // namespace pricing::watch
