#pragma once
// From the newest table of part quotes to a part-cost model in use: tested on parts it has not seen, trained on all,
// stored, and promoted if it beats the usual cost of a part. Blocking.
#include "models/model_tasks.hpp"
#include "models/training.hpp"

namespace pricing::models {

// invalid_input when there is no table or too few quotes.
result<train_part_costs_out> train_part_costs(postgres::session& database, storage::object_store& objects,
                                              organization_id organization, const training_progress& progress = {});

} // namespace pricing::models
