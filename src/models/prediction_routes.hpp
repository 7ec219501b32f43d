#pragma once
// pricing-ml's REST: POST /api/v1/predictions/batch, /price and /explanations. Permission prediction.read.
#include "core/clock.hpp"
#include "http/router.hpp"
#include "identity/token.hpp"
#include "models/predict.hpp"
#include "net/cpu_pool.hpp"
#include "serving/answer_store.hpp"

#include <vector>

namespace pricing::models {

// All must outlive the routes; the first three may be shared by the threads. Answers to several lines and explanations
// of lines that name no item are kept in the store, where there is one.
std::vector<http::route> prediction_routes(snapshot_cache& snapshots, net::cpu_pool& cpu, const clock& now,
                                           serving::answer_store* answers = nullptr);

// Of serving/callers.hpp, for the routes of one thread. Both must outlive the hooks.
http::hooks token_hooks(const identity::token_signer& signer, const clock& now);

} // namespace pricing::models
