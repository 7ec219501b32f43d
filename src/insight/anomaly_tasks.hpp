#pragma once
// Background work on strange prices.
#include "celery/task.hpp"
#include "core/ids.hpp"

#include <optional>

namespace pricing::insight {

inline constexpr const char* find_anomalies_job_kind = "find_anomalies";

struct find_anomalies_in {
  pricing::organization_id organization_id;
  std::optional<std::int64_t> upload_id; // default: uploads not looked at yet, else the newest one again
};
BOOST_DESCRIBE_STRUCT(find_anomalies_in, (), (organization_id, upload_id))

struct find_anomalies_out {
  std::int64_t uploads = 0, rows = 0, found = 0;
};
BOOST_DESCRIBE_STRUCT(find_anomalies_out, (), (uploads, rows, found))

// find_anomalies.hpp
inline constexpr celery::task<find_anomalies_in, find_anomalies_out> find_anomalies_task{
    "pricing.find_anomalies", {.queue = "default", .max_retries = 100}};

} // namespace pricing::insight
