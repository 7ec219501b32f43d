#pragma once
// Prices every item of an organization with its model, in the background: what it should cost on one day at its usual
// quantity, alone in an event. Safe to run again: the rows of the last run are replaced at once.
#include "models/model_tasks.hpp"
#include "models/snapshot_cache.hpp"

#include <functional>

namespace pricing::models {

// Items priced so far, and of how many. May throw to stop.
using pricing_progress = std::function<void(std::size_t done, std::size_t all)>;

// Blocking, some 0.3 ms an item after the prices are read. Without a promoted model nothing is priced, and what a
// former model said is removed.
result<price_items_out> price_items(postgres::session& database, const storage::object_store& objects,
                                    organization_id organization, date on, const pricing_progress& progress = {});

} // namespace pricing::models
