#pragma once
// GET /api/v1/items/{id}/forecast and /api/v1/market/index/forecast: the coming months with their bands, and how good
// the method was. Permission item.read; 422 with the reason where there is too little data.
#include "http/route.hpp"
#include "net/cpu_pool.hpp"
#include "postgres/pool.hpp"

#include <vector>

namespace pricing::insight {

// Both must outlive the routes.
std::vector<http::route> forecast_routes(postgres::pool& database, net::cpu_pool& cpu);

} // namespace pricing::insight
