#pragma once
// Background work on whether the model still fits.
#include "celery/task.hpp"
#include "core/ids.hpp"

#include <optional>
#include <string>

namespace pricing::insight {

inline constexpr const char* check_drift_job_kind = "check_drift";

struct check_drift_in {
  pricing::organization_id organization_id;
};
BOOST_DESCRIBE_STRUCT(check_drift_in, (), (organization_id))

struct check_drift_out {
  std::optional<std::string> version; // none while no model is in use
  std::int64_t bids = 0;              // of the window
  int drifted = 0;
};
BOOST_DESCRIBE_STRUCT(check_drift_out, (), (version, bids, drifted))

// check_drift.hpp. Once for each version it trains: the queue of trainings.
inline constexpr celery::task<check_drift_in, check_drift_out> check_drift_task{"pricing.check_drift",
                                                                                {.queue = "ml", .max_retries = 100}};

} // namespace pricing::insight
