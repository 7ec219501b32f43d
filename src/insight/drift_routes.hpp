#pragma once
// /api/v1/models/drift and /api/v1/models/calibration: whether the model in use still fits and how honest its intervals
// are. Permission model.read.
#include "http/route.hpp"
#include "postgres/pool.hpp"

#include <vector>

namespace pricing::insight {

// The database must outlive the routes.
std::vector<http::route> drift_routes(postgres::pool& database);

} // namespace pricing::insight
