#include "jobs/job_request.hpp"

namespace pricing::jobs {
namespace {

constexpr const char* insert_or_find =
    "with waiting as (select id from jobs where organization_id = $1 and kind = $2 and payload = '{}' and state = "
    "'queued' order by id limit 1), added as (insert into jobs (organization_id, kind) select $1, $2 where not exists "
    "(select from waiting) returning id) select id from waiting union all select id from added where "
    "pg_notify('jobs', $2::text) is not null";

} // namespace

asio::awaitable<result<job_id>> request_job(postgres::pool& database, postgres::scope s, std::string kind) {
  const auto id = co_await database.query_one<std::int64_t>(s, insert_or_find, s.organization, kind);
  if (!id)
    co_return id.error();
  co_return job_id{*id};
}

} // namespace pricing::jobs
