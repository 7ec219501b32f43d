#pragma once
// A job asked for by a request, over the event loop's pool. What runs it is job_runner.
#include "core/ids.hpp"
#include "postgres/pool.hpp"

#include <string>

namespace pricing::jobs {

namespace asio = boost::asio;

// Of a kind without payload. The one that still waits is returned instead of a second one. Wakes the workers.
asio::awaitable<result<job_id>> request_job(postgres::pool& database, postgres::scope s, std::string kind);

} // namespace pricing::jobs
