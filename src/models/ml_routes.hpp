#pragma once
// What pricing-ml answers, through pricing-web: one door for pages and programs, with its sessions, keys and limits.
#include "http/route.hpp"
#include "models/prediction_client.hpp"

#include <vector>

namespace pricing::models {

// POST /api/v1/predictions/price, /predictions/batch, /explanations and /should-cost; unavailable while pricing-ml is
// away. The client must outlive the routes.
std::vector<http::route> ml_routes(prediction_client& model);

} // namespace pricing::models
