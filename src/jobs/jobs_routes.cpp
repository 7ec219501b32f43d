#include "jobs/jobs_routes.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace pricing::jobs {
namespace {

using http::answer;
using http::context;
using http::method;

struct job_view {
  std::int64_t id = 0;
  std::string kind;
  std::string state; // queued, running, succeeded, failed, revoked
  int attempts = 0;
  boost::json::value payload;
  std::optional<boost::json::value> progress;
  std::optional<boost::json::value> result;
  std::optional<std::string> error; // of the last attempt
  std::string task_id;              // on the wire
  std::optional<std::int64_t> schedule_id;
  bool stopping = false; // somebody asked to stop it, and it still runs
  timestamp created_at{};
  timestamp run_after{};
  std::optional<timestamp> started_at; // of the last attempt
  std::optional<timestamp> finished_at;
};
BOOST_DESCRIBE_STRUCT(job_view, (),
                      (id, kind, state, attempts, payload, progress, result, error, task_id, schedule_id, stopping,
                       created_at, run_after, started_at, finished_at))

struct one_request {
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(one_request, (), (id))

struct list_request {
  std::optional<std::string> state;
  std::optional<std::string> kind;
  wire::defaulted<wire::bounded<int, 1, 200>, wire::bounded<int, 1, 200>{50}> limit;
  std::optional<std::int64_t> cursor;
};
BOOST_DESCRIBE_STRUCT(list_request, (), (state, kind, limit, cursor))

#define COLUMNS                                                                                                        \
  "id, kind, state, attempts, payload, progress, result, error, task_id, schedule_id, revoked and state = "            \
  "'running', created_at, run_after, started_at, finished_at"
constexpr const char* find_one = "select " COLUMNS " from jobs where organization_id = $1 and id = $2";
constexpr const char* find_page =
    "select " COLUMNS " from jobs where organization_id = $1 and id < $2 and ($3::text is null or state = $3) and "
    "($4::text is null or kind = $4) order by id desc limit $5";
constexpr const char* retry_one =
    "update jobs set state = 'queued', task_id = gen_random_uuid()::text, attempts = 0, revoked = false, run_after = "
    "now(), sent_at = null, finished_at = null, progress = null where organization_id = $1 and id = $2 and state in "
    "('failed', 'revoked') and "
    "pg_notify('jobs', kind) is not null returning " COLUMNS;
constexpr const char* revoke_one =
    "update jobs set revoked = true, state = case state when 'queued' then 'revoked' else state end, finished_at = "
    "case "
    "state when 'queued' then now() end where organization_id = $1 and id = $2 and state in ('queued', 'running') "
    "returning " COLUMNS;
#undef COLUMNS
constexpr std::array<std::string_view, 5> states = {"queued", "running", "succeeded", "failed", "revoked"};

error wrong_state() {
  constexpr const char* allowed = "must be queued, running, succeeded, failed or revoked";
  return invalid_input(std::string("state ") + allowed, {{"state", allowed}});
}

answer<job_view> find(postgres::pool& database, postgres::scope s, std::int64_t id) {
  auto found = co_await database.query_optional<job_view>(s, find_one, s.organization, id);
  if (!found)
    co_return found.error();
  if (!*found)
    co_return not_found("there is no job " + std::to_string(id));
  co_return std::move(**found);
}

// One statement that changes a job in some states only.
answer<job_view> change(postgres::pool& database, postgres::scope s, const char* sql, std::int64_t id,
                        std::string refusal) {
  auto changed = co_await database.query_optional<job_view>(s, sql, s.organization, id);
  if (!changed)
    co_return changed.error();
  if (*changed)
    co_return std::move(**changed);
  auto found = co_await find(database, s, id);
  if (!found)
    co_return found.error();
  co_return conflict("the job is " + found->state + "; " + refusal);
}

http::route one_route(postgres::pool* database) {
  return http::json_route<one_request, job_view>(
      method::get, "/api/v1/jobs/{id}", {.summary = "One background job with its progress", .permission = "job.read"},
      [database](context& c, one_request in) {
        return find(*database, {c.organization(), c.deadline()}, in.id);
      });
}

http::route retry_route(postgres::pool* database) {
  return http::json_route<one_request, job_view>(
      method::post, "/api/v1/jobs/{id}/retry",
      {.summary = "Run a failed or revoked job again", .permission = "job.manage", .status = 202},
      [database](context& c, one_request in) {
        return change(*database, {c.organization(), c.deadline()}, retry_one, in.id,
                      "only one that failed or was revoked can be run again");
      });
}

http::route revoke_route(postgres::pool* database) {
  return http::json_route<one_request, job_view>(
      method::post, "/api/v1/jobs/{id}/revoke",
      {.summary = "Stop a job: one that waits at once, one that runs at its next step",
       .permission = "job.manage",
       .status = 202},
      [database](context& c, one_request in) {
        return change(*database, {c.organization(), c.deadline()}, revoke_one, in.id,
                      "only one that waits or runs can be stopped");
      });
}

http::route list_route(postgres::pool* database) {
  return http::json_route<list_request, http::page<job_view>>(
      method::get, "/api/v1/jobs", {.summary = "Background jobs, newest first", .permission = "job.read"},
      [database](context& c, list_request in) -> answer<http::page<job_view>> {
        if (in.state && std::find(states.begin(), states.end(), *in.state) == states.end())
          co_return wrong_state();
        const int limit = in.limit.value;
        const std::int64_t before = in.cursor.value_or(std::numeric_limits<std::int64_t>::max());
        const postgres::scope scope(c.organization(), c.deadline());
        auto rows = co_await database->query<job_view>(scope, find_page, c.organization(), before, in.state, in.kind,
                                                       limit + 1);
        if (!rows)
          co_return rows.error();
        co_return http::page_of(std::move(*rows), limit, [](const job_view& j) { return std::to_string(j.id); });
      });
}

} // namespace

std::vector<http::route> jobs_routes(postgres::pool& database) {
  std::vector<http::route> out;
  out.push_back(one_route(&database));
  out.push_back(list_route(&database));
  out.push_back(retry_route(&database));
  out.push_back(revoke_route(&database));
  return out;
}

} // namespace pricing::jobs
