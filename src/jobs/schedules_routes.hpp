#pragma once
// Periodic jobs over HTTP: see, add, change, switch off, run now.
#include "http/route.hpp"
#include "postgres/pool.hpp"

#include <string>
#include <vector>

namespace pricing::jobs {

// `kinds`: what may run periodically.
std::vector<http::route> schedules_routes(postgres::pool& database, std::vector<std::string> kinds);

} // namespace pricing::jobs
