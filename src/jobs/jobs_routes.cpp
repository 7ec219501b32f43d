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
  std::string state; // queued, running, succeeded, failed
  int attempts = 0;
  boost::json::value payload;
  std::optional<boost::json::value> progress;
  std::optional<std::string> error; // of the last attempt
  timestamp created_at{};
  timestamp run_after{};
  std::optional<timestamp> finished_at;
};
BOOST_DESCRIBE_STRUCT(job_view, (),
                      (id, kind, state, attempts, payload, progress, error, created_at, run_after, finished_at))

struct one_request {
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(one_request, (), (id))

struct list_request {
  std::optional<std::string> state;
  wire::defaulted<wire::bounded<int, 1, 200>, wire::bounded<int, 1, 200>{50}> limit;
  std::optional<std::int64_t> cursor;
};
BOOST_DESCRIBE_STRUCT(list_request, (), (state, limit, cursor))

constexpr const char* find_one =
    "select id, kind, state, attempts, payload, progress, error, created_at, run_after, finished_at from jobs "
    "where id = $1";
constexpr const char* find_page =
    "select id, kind, state, attempts, payload, progress, error, created_at, run_after, finished_at from jobs "
    "where organization_id = $1 and id < $2 and ($3::text is null or state = $3) order by id desc limit $4";
constexpr std::array<std::string_view, 4> states = {"queued", "running", "succeeded", "failed"};

error wrong_state() {
  constexpr const char* allowed = "must be queued, running, succeeded or failed";
  return invalid_input(std::string("state ") + allowed, {{"state", allowed}});
}

http::route one_route(postgres::pool* database) {
  return http::json_route<one_request, job_view>(
      method::get, "/api/v1/jobs/{id}", {.summary = "One background job with its progress", .permission = "job.read"},
      [database](context& c, one_request in) -> answer<job_view> {
        const postgres::scope scope(c.organization(), c.deadline());
        auto found = co_await database->query_optional<job_view>(scope, find_one, in.id);
        if (!found)
          co_return found.error();
        if (!*found)
          co_return not_found("there is no job " + std::to_string(in.id));
        co_return std::move(**found);
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
        auto rows = co_await database->query<job_view>(scope, find_page, c.organization(), before, in.state, limit + 1);
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
  return out;
}

} // namespace pricing::jobs
