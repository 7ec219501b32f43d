#pragma once
// GET /api/v1/jobs and /api/v1/jobs/{id}: how background work goes. Permission job.read.
#include "http/route.hpp"
#include "postgres/pool.hpp"

#include <vector>

namespace pricing::jobs {

std::vector<http::route> jobs_routes(postgres::pool& database);

} // namespace pricing::jobs
