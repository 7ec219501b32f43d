#pragma once
// /api/v1/anomalies: prices that do not fit, the most money first; what somebody decided of them; what was looked at.
#include "http/route.hpp"
#include "postgres/pool.hpp"

#include <vector>

namespace pricing::insight {

// The database must outlive the routes.
std::vector<http::route> anomaly_routes(postgres::pool& database);

} // namespace pricing::insight
