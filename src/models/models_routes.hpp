#pragma once
// The registry of price models over HTTP, in pricing-web: versions, the one in use with its figures, training.
#include "http/route.hpp"
#include "postgres/pool.hpp"

#include <vector>

namespace pricing::models {

// The database must outlive the routes.
std::vector<http::route> models_routes(postgres::pool& database);

} // namespace pricing::models
