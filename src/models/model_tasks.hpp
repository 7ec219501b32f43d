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

inline constexpr const char* train_part_costs_job_kind = "train_part_costs";

struct train_part_costs_in {
  pricing::organization_id organization_id;
};
BOOST_DESCRIBE_STRUCT(train_part_costs_in, (), (organization_id))

struct train_part_costs_out {
  std::string version;
  bool promoted = false; // it beats the usual cost of a part
  double rmsle = 0;      // on parts it had not seen: root of the mean square of log(1 + cost) missed by
  double rmsle_usual = 0;
};
BOOST_DESCRIBE_STRUCT(train_part_costs_out, (), (version, promoted, rmsle, rmsle_usual))

// part_cost_training.hpp: what made-to-drawing parts should cost, from the newest table of quotes.
inline constexpr celery::task<train_part_costs_in, train_part_costs_out> train_part_costs_task{
    "pricing.train_part_costs", {.queue = "ml", .max_retries = 100}};

} // namespace pricing::models
