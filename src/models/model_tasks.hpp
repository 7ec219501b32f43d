#pragma once
// Background work on models.
#include "celery/task.hpp"
#include "core/ids.hpp"

#include <optional>
#include <string>

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

inline constexpr const char* price_items_job_kind = "price_items";

struct price_items_in {
  pricing::organization_id organization_id;
};
BOOST_DESCRIBE_STRUCT(price_items_in, (), (organization_id))

struct price_items_out {
  std::optional<std::string> version; // none while no model is in use
  std::int64_t items = 0;
  std::int64_t priced = 0;
};
BOOST_DESCRIBE_STRUCT(price_items_out, (), (version, items, priced))

// item_pricing.hpp: what every item should cost today.
inline constexpr celery::task<price_items_in, price_items_out> price_items_task{"pricing.price_items",
                                                                                {.queue = "ml", .max_retries = 100}};

} // namespace pricing::models
