#pragma once
// Background work on models.
#include "celery/task.hpp"
#include "core/ids.hpp"

namespace pricing::models {

inline constexpr const char* train_job_kind = "train";

struct train_in {
  pricing::organization_id organization_id;
};
BOOST_DESCRIBE_STRUCT(train_in, (), (organization_id))

struct train_out {
  std::string version;
  bool promoted = false;
  double seconds = 0;
};
BOOST_DESCRIBE_STRUCT(train_out, (), (version, promoted, seconds))

// training.hpp. Minutes on every core: a queue of its own keeps it from standing in the way.
inline constexpr celery::task<train_in, train_out> train_task{"pricing.train", {.queue = "ml", .max_retries = 100}};

} // namespace pricing::models
