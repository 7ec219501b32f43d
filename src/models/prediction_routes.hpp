#pragma once
// pricing-ml's REST: POST /api/v1/predictions/batch and /price. Permission prediction.read.
#include "core/clock.hpp"
#include "http/router.hpp"
#include "identity/token.hpp"
#include "models/predict.hpp"
#include "net/cpu_pool.hpp"

#include <vector>

namespace pricing::models {

// Both must outlive the routes; they may be shared by the threads.
std::vector<http::route> prediction_routes(snapshot_cache& snapshots, net::cpu_pool& cpu, const clock& now);

// Of serving/callers.hpp, for the routes of one thread. Both must outlive the hooks.
http::hooks token_hooks(const identity::token_signer& signer, const clock& now);

} // namespace pricing::models
