#pragma once
// GET /api/v1/tasks/schema: every task with its queue and the JSON Schemas of its arguments and its result.
// GET /api/v1/tasks/queues: what waits in the queues of Redis, and since when jobs of the caller's organization wait.
#include "celery/queue_state.hpp"
#include "celery/task_table.hpp"
#include "http/route.hpp"
#include "postgres/pool.hpp"

#include <vector>

namespace pricing::jobs {

// `tasks` must outlive the routes; redis may be shared.
std::vector<http::route> task_routes(postgres::pool& database, redis::client& redis, const celery::key_names& keys,
                                     const celery::task_table& tasks);

} // namespace pricing::jobs
