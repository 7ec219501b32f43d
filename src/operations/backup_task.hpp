#pragma once
// A backup as background work: by a schedule or by name, like every other long job.
#include "celery/task.hpp"
#include "core/ids.hpp"

#include <optional>
#include <string>
#include <vector>

namespace pricing::operations {

inline constexpr const char* backup_job_kind = "backup";

struct backup_in {
  pricing::organization_id organization_id; // who asks
  std::optional<std::string> type;          // a part (database, models, config, manifests, terraform); default: all
};
BOOST_DESCRIBE_STRUCT(backup_in, (), (organization_id, type))

struct backup_out {
  std::string id;
  std::vector<std::string> parts;
  std::int64_t bytes = 0; // as stored
};
BOOST_DESCRIBE_STRUCT(backup_out, (), (id, parts, bytes))

// Few tries: what is wrong with a backup is for a person to look at, and the alert on its age tells.
inline constexpr celery::task<backup_in, backup_out> backup_task{"pricing.backup",
                                                                 {.queue = "maintenance", .max_retries = 3}};

} // namespace pricing::operations
