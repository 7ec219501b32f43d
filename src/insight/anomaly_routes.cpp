#include "insight/anomaly_routes.hpp"

#include "core/clock.hpp"
#include "core/decimal.hpp"
#include "insight/anomaly_search.hpp"
#include "insight/anomaly_tasks.hpp"
#include "jobs/job_request.hpp"
#include "wire/cursor.hpp"

namespace pricing::insight {
namespace {

using http::answer;
using http::context;
using http::method;

enum class anomaly_state { open, dismissed, confirmed };
BOOST_DESCRIBE_ENUM(anomaly_state, open, dismissed, confirmed)

struct anomaly_facts {
  std::int64_t id = 0;
  std::int64_t upload_id = 0;
  std::string file_name;
  int source_row = 0;
  std::int64_t item_id = 0;
  std::string item, unit;
  std::optional<std::int64_t> supplier_id;
  std::optional<std::string> supplier;
  std::optional<std::int64_t> event_id;
  std::optional<std::string> event;
  date observed_on{};
  decimal price, expected; // per unit
  decimal quantity;
  decimal excess; // (price − expected) · quantity; negative: paid too little
  decimal money;  // its size
  double score = 0, p = 1, q = 1;
  std::string state; // open, dismissed, confirmed
  timestamp found_at{};
  std::optional<std::string> decided_by;
  std::optional<timestamp> decided_at;
};
BOOST_DESCRIBE_STRUCT(anomaly_facts, (),
                      (id, upload_id, file_name, source_row, item_id, item, unit, supplier_id, supplier, event_id,
                       event, observed_on, price, expected, quantity, excess, money, score, p, q, state, found_at,
                       decided_by, decided_at))

struct anomaly_row : anomaly_facts {
  boost::json::value reasons;
};
BOOST_DESCRIBE_STRUCT(anomaly_row, (anomaly_facts), (reasons))

struct anomaly_view : anomaly_facts {
  std::vector<anomaly_reason> reasons; // the price against the expected one, then by weight
};
BOOST_DESCRIBE_STRUCT(anomaly_view, (anomaly_facts), (reasons))

struct anomaly_run {
  std::int64_t upload_id = 0;
  std::string file_name;
  timestamp ran_at{};
  std::int64_t rows_examined = 0, rows_left_out = 0, reference_rows = 0, found = 0;
  std::optional<std::string> why_not;
};
BOOST_DESCRIBE_STRUCT(anomaly_run, (),
                      (upload_id, file_name, ran_at, rows_examined, rows_left_out, reference_rows, found, why_not))

struct anomaly_totals {
  std::int64_t open = 0, confirmed = 0, dismissed = 0;
  decimal open_over, open_under; // money of open ones above and below what was expected
};
BOOST_DESCRIBE_STRUCT(anomaly_totals, (), (open, confirmed, dismissed, open_over, open_under))

struct anomaly_summary : anomaly_totals {
  std::vector<anomaly_run> runs; // the newest first
};
BOOST_DESCRIBE_STRUCT(anomaly_summary, (anomaly_totals), (runs))

struct list_request {
  std::optional<anomaly_state> state;
  std::optional<std::int64_t> upload_id, item_id;
  wire::defaulted<wire::bounded<int, 1, 200>, wire::bounded<int, 1, 200>{50}> limit;
  std::optional<std::string> cursor;
};
BOOST_DESCRIBE_STRUCT(list_request, (), (state, upload_id, item_id, limit, cursor))

struct list_end {
  decimal money;
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(list_end, (), (money, id))

struct decision {
  std::int64_t id = 0;
  anomaly_state state{};
};
BOOST_DESCRIBE_STRUCT(decision, (), (id, state))

struct search_view {
  std::int64_t job_id = 0;
};
BOOST_DESCRIBE_STRUCT(search_view, (), (job_id))

#define ANOMALY                                                                                                        \
  "select a.id, a.upload_id, u.file_name, a.source_row, a.item_id, i.name, i.unit, a.supplier_id, s.name, "            \
  "a.event_id, "                                                                                                       \
  "e.reference, a.observed_on, a.price, a.expected, a.quantity, a.excess, a.money, a.score, a.p, a.q, a.state, "       \
  "a.found_at, d.name, a.decided_at, a.reasons from anomalies a join items i on i.organization_id = "                  \
  "a.organization_id and i.id = a.item_id join uploads u on u.organization_id = a.organization_id and u.id = "         \
  "a.upload_id left join suppliers s on s.organization_id = a.organization_id and s.id = a.supplier_id left join "     \
  "events e on e.organization_id = a.organization_id and e.id = a.event_id left join users d on d.id = a.decided_by "  \
  "where a.organization_id = $1 "
constexpr const char* find_anomalies = ANOMALY
    "and ($2::text is null or a.state = $2) and ($3::bigint is null or a.upload_id = $3) and ($4::bigint is null or "
    "a.item_id = $4) and ($5::numeric is null or (a.money, a.id) < ($5, $6)) order by a.money desc, a.id desc limit $7";
constexpr const char* find_anomaly = ANOMALY "and a.id = $2";
#undef ANOMALY
constexpr const char* decide_anomaly =
    "update anomalies set state = $3, decided_by = case when $3 = 'open' then null else $4::bigint end, decided_at = "
    "case when $3 = 'open' then null else now() end where organization_id = $1 and id = $2";
constexpr const char* find_totals =
    "select count(*) filter (where state = 'open'), count(*) filter (where state = 'confirmed'), count(*) filter "
    "(where state = 'dismissed'), coalesce(sum(money) filter (where state = 'open' and excess > 0), 0)::numeric(20, "
    "4), coalesce(sum(money) filter (where state = 'open' and excess < 0), 0)::numeric(20, 4) from anomalies where "
    "organization_id = $1";
constexpr const char* find_runs =
    "select r.upload_id, u.file_name, r.ran_at, r.rows_examined, r.rows_left_out, r.reference_rows, r.found, r.why_not "
    "from anomaly_runs r join uploads u on u.organization_id = r.organization_id and u.id = r.upload_id where "
    "r.organization_id = $1 order by r.upload_id desc limit 20";

postgres::scope scope_of(const context& c) {
  return {c.organization(), c.deadline()};
}

anomaly_view to_view(anomaly_row&& row) {
  auto reasons = wire::decode<std::vector<anomaly_reason>>(row.reasons);
  return {std::move(static_cast<anomaly_facts&>(row)), reasons ? std::move(*reasons) : std::vector<anomaly_reason>()};
}

answer<http::page<anomaly_view>> list(postgres::pool& database, postgres::scope s, list_request in) {
  const auto after = wire::decode_cursor<list_end>(in.cursor);
  if (!after)
    co_return after.error();
  std::optional<std::string> state;
  if (in.state)
    state = std::string(wire::to_value(*in.state).as_string());
  std::optional<decimal> money;
  std::int64_t id = 0;
  if (*after) {
    money = (*after)->money;
    id = (*after)->id;
  }
  const int limit = in.limit.value.value;
  auto rows = co_await database.query<anomaly_row>(s, find_anomalies, s.organization, state, in.upload_id, in.item_id,
                                                   money, id, limit + 1);
  if (!rows)
    co_return rows.error();
  std::vector<anomaly_view> views;
  views.reserve(rows->size());
  for (auto& row : *rows)
    views.push_back(to_view(std::move(row)));
  co_return http::page_of(std::move(views), limit, [](const anomaly_view& last) {
    return wire::encode_cursor(list_end{last.money, last.id});
  });
}

answer<anomaly_view> show(postgres::pool& database, postgres::scope s, std::int64_t id) {
  auto row = co_await database.query_optional<anomaly_row>(s, find_anomaly, s.organization, id);
  if (!row)
    co_return row.error();
  if (!*row)
    co_return not_found("there is no anomaly " + std::to_string(id));
  co_return to_view(std::move(**row));
}

answer<anomaly_view> decide(postgres::pool& database, postgres::scope s, user_id by, decision in) {
  const std::string state(wire::to_value(in.state).as_string());
  const auto changed = co_await database.execute(s, decide_anomaly, s.organization, in.id, state, by);
  if (!changed)
    co_return changed.error();
  co_return co_await show(database, s, in.id);
}

answer<anomaly_summary> summarize(postgres::pool& database, postgres::scope s) {
  auto totals = co_await database.query_one<anomaly_totals>(s, find_totals, s.organization);
  if (!totals)
    co_return totals.error();
  auto runs = co_await database.query<anomaly_run>(s, find_runs, s.organization);
  if (!runs)
    co_return runs.error();
  co_return anomaly_summary{*totals, std::move(*runs)};
}

answer<search_view> ask_search(postgres::pool& database, postgres::scope s) {
  const auto job = co_await jobs::request_job(database, s, find_anomalies_job_kind);
  if (!job)
    co_return job.error();
  co_return search_view{job->value};
}

} // namespace

std::vector<http::route> anomaly_routes(postgres::pool& database) {
  std::vector<http::route> out;
  out.push_back(http::json_route<list_request, http::page<anomaly_view>>(
      method::get, "/api/v1/anomalies",
      {.summary = "Prices that do not fit, the most money first", .permission = "anomaly.read"},
      [&database](context& c, list_request in) { return list(database, scope_of(c), std::move(in)); }));
  out.push_back(http::json_route<http::nothing, anomaly_summary>(
      method::get, "/api/v1/anomalies/summary",
      {.summary = "How many strange prices there are, and which loads were looked at", .permission = "anomaly.read"},
      [&database](context& c, http::nothing) { return summarize(database, scope_of(c)); }));
  out.push_back(http::json_route<decision, anomaly_view>(
      method::patch, "/api/v1/anomalies/{id}",
      {.summary = "Dismiss, confirm or reopen an anomaly; a later search keeps what was decided",
       .permission = "anomaly.manage"},
      [&database](context& c, decision in) { return decide(database, scope_of(c), c.caller().user, in); }));
  out.push_back(http::json_route<http::nothing, search_view>(
      method::post, "/api/v1/anomalies/find",
      {.summary = "Look for strange prices now, in the background: in loads not looked at yet, else in the newest",
       .permission = "anomaly.manage",
       .status = 202},
      [&database](context& c, http::nothing) { return ask_search(database, scope_of(c)); }));
  return out;
}

} // namespace pricing::insight
