#pragma once
// Watches the model in use. A model cannot be measured on prices that it has learned from, so for each version one is
// trained as it was but without its newest year ("yardstick", kept in the object store): on that year its intervals are
// measured once (model_calibrations), and every later load is held against that year (drift_reports).
#include "core/error.hpp"
#include "insight/drift_tasks.hpp"
#include "postgres/session.hpp"
#include "storage/object_store.hpp"

#include <functional>
#include <string_view>

namespace pricing::insight {

inline constexpr int drift_reports_kept = 60;

using drift_progress = std::function<void(std::string_view step, double share)>;

// Blocking; throws database_error. Without a model in use there is nothing to do. Safe to run again.
result<check_drift_out> check_drift(postgres::session& database, storage::object_store& objects,
                                    organization_id organization, const drift_progress& progress = {});

} // namespace pricing::insight
