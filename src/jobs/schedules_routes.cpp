#include "jobs/schedules_routes.hpp"

#include "jobs/recurrence.hpp"

#include <algorithm>

namespace pricing::jobs {
namespace {

using http::answer;
using http::context;
using http::method;

constexpr std::int64_t schedules_max = 200; // of one organization
constexpr std::size_t payload_max = 10'000; // bytes of JSON

enum class catch_up { all, latest, none };
BOOST_DESCRIBE_ENUM(catch_up, all, latest, none)

struct schedule_view {
  std::int64_t id = 0;
  std::string name;
  std::string kind;
  boost::json::value payload;
  std::string rule;
  std::string time_zone;
  std::string catch_up; // all, latest, none
  bool enabled = false;
  bool built_in = false;
  timestamp next_due{};
  std::optional<timestamp> last_due;
};
BOOST_DESCRIBE_STRUCT(schedule_view, (),
                      (id, name, kind, payload, rule, time_zone, catch_up, enabled, built_in, next_due, last_due))

struct new_schedule {
  wire::text<1, 100> name;
  wire::text<1, 100> kind;
  std::optional<boost::json::value> payload;
  wire::text<1, 200> rule; // "every 15 min" or "0 2 * * mon-fri"
  std::optional<wire::text<1, 60>> time_zone;
  std::optional<jobs::catch_up> catch_up;
  std::optional<bool> enabled;
};
BOOST_DESCRIBE_STRUCT(new_schedule, (), (name, kind, payload, rule, time_zone, catch_up, enabled))

struct schedule_change {
  std::int64_t id = 0;
  std::optional<wire::text<1, 100>> name;
  std::optional<boost::json::value> payload;
  std::optional<wire::text<1, 200>> rule;
  std::optional<wire::text<1, 60>> time_zone;
  std::optional<jobs::catch_up> catch_up;
  std::optional<bool> enabled;
};
BOOST_DESCRIBE_STRUCT(schedule_change, (), (id, name, payload, rule, time_zone, catch_up, enabled))

struct one_request {
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(one_request, (), (id))

struct run_view {
  std::int64_t job_id = 0;
};
BOOST_DESCRIBE_STRUCT(run_view, (), (job_id))

#define COLUMNS "id, name, kind, payload, rule, time_zone, catch_up, enabled, built_in, next_due, last_due"
constexpr const char* find_all = "select " COLUMNS " from schedules where organization_id = $1 order by name, id";
constexpr const char* find_one = "select " COLUMNS " from schedules where organization_id = $1 and id = $2";
constexpr const char* insert_one =
    "insert into schedules (organization_id, name, kind, payload, rule, time_zone, catch_up, enabled, anchor_at, "
    "next_due) select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 where (select count(*) from schedules where "
    "organization_id = $1) < $11 returning " COLUMNS;
constexpr const char* change_one =
    "update schedules set name = $3, payload = $4, rule = $5, time_zone = $6, catch_up = $7, enabled = $8, next_due = "
    "$9, anchor_at = coalesce($10, anchor_at), updated_at = now() where organization_id = $1 and id = $2 "
    "returning " COLUMNS;
#undef COLUMNS
constexpr const char* delete_one = "delete from schedules where organization_id = $1 and id = $2 and not built_in";
constexpr const char* run_one =
    "insert into jobs (organization_id, kind, payload, schedule_id) select organization_id, kind, payload, id from "
    "schedules where organization_id = $1 and id = $2 and pg_notify('jobs', kind) is not null returning id";

error no_schedule(std::int64_t id) {
  return not_found("there is no schedule " + std::to_string(id));
}

// Whole seconds: an interval's runs shall not look odd.
timestamp now() {
  return std::chrono::floor<std::chrono::seconds>(system_clock().now());
}

std::string name_of(catch_up c) {
  return c == catch_up::all ? "all" : c == catch_up::none ? "none" : "latest";
}

result<boost::json::value> checked(std::optional<boost::json::value> payload) {
  if (!payload)
    return boost::json::value(boost::json::object());
  if (!payload->is_object())
    return invalid_input("the payload must be an object", {{"payload", "must be an object"}});
  if (boost::json::serialize(*payload).size() > payload_max)
    return error{errc::too_large, "the payload is larger than 10,000 bytes"};
  return std::move(*payload);
}

answer<http::page<schedule_view>> list(postgres::pool& database, postgres::scope s) {
  auto rows = co_await database.query<schedule_view>(s, find_all, s.organization);
  if (!rows)
    co_return rows.error();
  co_return http::page<schedule_view>{std::move(*rows), std::nullopt};
}

answer<schedule_view> add(postgres::pool& database, postgres::scope s, std::vector<std::string> kinds,
                          new_schedule in) {
  if (std::ranges::find(kinds, in.kind.value) == kinds.end()) {
    std::string allowed;
    for (const auto& k : kinds)
      allowed += (allowed.empty() ? "" : ", ") + k;
    co_return invalid_input("no job of this kind can run periodically", {{"kind", "must be one of " + allowed}});
  }
  auto payload = checked(std::move(in.payload));
  if (!payload)
    co_return payload.error();
  const timestamp anchor = now();
  const std::string zone = in.time_zone ? in.time_zone->value : "UTC";
  const auto rule = recurrence::parse(in.rule.value, zone, anchor);
  if (!rule)
    co_return rule.error();
  const std::string behind = name_of(in.catch_up.value_or(catch_up::latest));
  auto rows = co_await database.query<schedule_view>(s, insert_one, s.organization, in.name.value, in.kind.value,
                                                     *payload, in.rule.value, zone, behind, in.enabled.value_or(true),
                                                     anchor, rule->next(anchor), schedules_max);
  if (!rows)
    co_return rows.error().code == errc::conflict ? conflict("there is a schedule of this name already") : rows.error();
  if (rows->empty())
    co_return conflict("there are " + std::to_string(schedules_max) + " schedules already; delete one first");
  co_return std::move(rows->front());
}

// A new rule counts from now; what was due under the former one is dropped. Switching on again is no reason to make up
// for the time between.
answer<schedule_view> change(postgres::pool& database, postgres::scope s, schedule_change in) {
  auto found = co_await database.query_optional<schedule_view>(s, find_one, s.organization, in.id);
  if (!found)
    co_return found.error();
  if (!*found)
    co_return no_schedule(in.id);
  schedule_view v = std::move(**found);
  if (in.payload) {
    auto payload = checked(std::move(in.payload));
    if (!payload)
      co_return payload.error();
    v.payload = std::move(*payload);
  }
  if (in.name)
    v.name = in.name->value;
  if (in.rule)
    v.rule = in.rule->value;
  if (in.time_zone)
    v.time_zone = in.time_zone->value;
  if (in.catch_up)
    v.catch_up = name_of(*in.catch_up);
  const timestamp anchor = now();
  const auto rule = recurrence::parse(v.rule, v.time_zone, anchor);
  if (!rule)
    co_return rule.error();
  const bool begins_anew = in.rule || in.time_zone || (in.enabled.value_or(v.enabled) && !v.enabled);
  if (begins_anew)
    v.next_due = rule->next(anchor);
  v.enabled = in.enabled.value_or(v.enabled);
  auto rows = co_await database.query<schedule_view>(s, change_one, s.organization, in.id, v.name, v.payload, v.rule,
                                                     v.time_zone, v.catch_up, v.enabled, v.next_due,
                                                     begins_anew ? std::optional(anchor) : std::nullopt);
  if (!rows)
    co_return rows.error().code == errc::conflict ? conflict("there is a schedule of this name already") : rows.error();
  if (rows->empty())
    co_return no_schedule(in.id);
  co_return std::move(rows->front());
}

answer<http::nothing> remove(postgres::pool& database, postgres::scope s, std::int64_t id) {
  auto found = co_await database.query_optional<schedule_view>(s, find_one, s.organization, id);
  if (!found)
    co_return found.error();
  if (!*found)
    co_return no_schedule(id);
  if ((*found)->built_in)
    co_return conflict("this schedule belongs to the product; switch it off instead");
  const auto deleted = co_await database.execute(s, delete_one, s.organization, id);
  if (!deleted)
    co_return deleted.error();
  co_return http::nothing{};
}

answer<run_view> run(postgres::pool& database, postgres::scope s, std::int64_t id) {
  auto rows = co_await database.query<std::int64_t>(s, run_one, s.organization, id);
  if (!rows)
    co_return rows.error();
  if (rows->empty())
    co_return no_schedule(id);
  co_return run_view{rows->front()};
}

postgres::scope scope_of(context& c) {
  return {c.organization(), c.deadline()};
}

} // namespace

std::vector<http::route> schedules_routes(postgres::pool& database, std::vector<std::string> kinds) {
  std::vector<http::route> out;
  out.push_back(http::json_route<http::nothing, http::page<schedule_view>>(
      method::get, "/api/v1/schedules", {.summary = "Periodic jobs by name", .permission = "job.read"},
      [&database](context& c, http::nothing) { return list(database, scope_of(c)); }));
  out.push_back(http::json_route<new_schedule, schedule_view>(
      method::post, "/api/v1/schedules",
      {.summary = "Run a job periodically: 'every 15 min', or the five fields of a crontab in a time zone",
       .permission = "job.manage",
       .status = 201},
      [&database, kinds = std::move(kinds)](context& c, new_schedule in) {
        return add(database, scope_of(c), kinds, std::move(in));
      }));
  out.push_back(http::json_route<schedule_change, schedule_view>(
      method::patch, "/api/v1/schedules/{id}",
      {.summary = "Change a schedule, or switch it on or off", .permission = "job.manage"},
      [&database](context& c, schedule_change in) { return change(database, scope_of(c), std::move(in)); }));
  out.push_back(http::json_route<one_request, http::nothing>(
      method::delete_, "/api/v1/schedules/{id}", {.summary = "Delete a schedule", .permission = "job.manage"},
      [&database](context& c, one_request in) { return remove(database, scope_of(c), in.id); }));
  out.push_back(http::json_route<one_request, run_view>(
      method::post, "/api/v1/schedules/{id}/run",
      {.summary = "Run the job of a schedule now, besides its times", .permission = "job.manage", .status = 202},
      [&database](context& c, one_request in) { return run(database, scope_of(c), in.id); }));
  return out;
}

} // namespace pricing::jobs
