#pragma once
// Routes of alerts and their rules.
#include "http/route.hpp"
#include "postgres/pool.hpp"

#include <vector>

namespace pricing::watch {

std::vector<http::route> alert_routes(postgres::pool& database);

} // namespace pricing::watch
