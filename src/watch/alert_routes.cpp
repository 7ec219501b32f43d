#include "watch/alert_routes.hpp"

#include "core/clock.hpp"
#include "core/decimal.hpp"
#include "jobs/job_request.hpp"
#include "watch/alert_evaluation.hpp"
#include "wire/fields.hpp"

#include <fmt/format.h>

namespace pricing::watch {
namespace {

using http::answer;
using http::context;
using http::method;

constexpr std::int64_t rules_max = 50; // of one organization

enum class alert_state { open, acknowledged, resolved };
BOOST_DESCRIBE_ENUM(alert_state, open, acknowledged, resolved)

struct alert_view {
  std::int64_t id = 0;
  std::int64_t rule_id = 0;
  std::string rule;
  std::string kind;
  std::string title;
  std::optional<std::int64_t> item_id, supplier_id, verdict_id;
  double value = 0;     // in the unit of the threshold: a share (a fall is negative), money, or days
  double threshold = 0; // of the rule, as it is now
  std::optional<decimal> money;
  std::string state; // open, acknowledged, resolved
  timestamp raised_at{}, seen_at{};
  std::optional<timestamp> acknowledged_at, resolved_at;
};
BOOST_DESCRIBE_STRUCT(alert_view, (),
                      (id, rule_id, rule, kind, title, item_id, supplier_id, verdict_id, value, threshold, money, state,
                       raised_at, seen_at, acknowledged_at, resolved_at))

struct rule_view {
  std::int64_t id = 0;
  std::string name, kind;
  double threshold = 0;
  std::optional<std::int64_t> item_id;
  bool enabled = true;
  std::int64_t open_alerts = 0;
  std::optional<timestamp> evaluated_at;
};
BOOST_DESCRIBE_STRUCT(rule_view, (), (id, name, kind, threshold, item_id, enabled, open_alerts, evaluated_at))

struct new_rule {
  wire::text<1, 120> name;
  alert_kind kind{};
  double threshold = 0;
  std::optional<std::int64_t> item_id; // with price_change only
};
BOOST_DESCRIBE_STRUCT(new_rule, (), (name, kind, threshold, item_id))

struct changed_rule {
  std::int64_t id = 0;
  std::optional<wire::text<1, 120>> name;
  std::optional<double> threshold;
  std::optional<bool> enabled;
};
BOOST_DESCRIBE_STRUCT(changed_rule, (), (id, name, threshold, enabled))

struct one_request {
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(one_request, (), (id))

struct list_request {
  std::optional<alert_state> state;
  wire::defaulted<wire::bounded<int, 1, 200>, wire::bounded<int, 1, 200>{50}> limit;
  std::optional<std::int64_t> cursor;
};
BOOST_DESCRIBE_STRUCT(list_request, (), (state, limit, cursor))

struct evaluation_view {
  std::int64_t job_id = 0;
};
BOOST_DESCRIBE_STRUCT(evaluation_view, (), (job_id))

#define ALERT                                                                                                          \
  "select a.id, a.rule_id, r.name, r.kind, a.title, a.item_id, a.supplier_id, a.verdict_id, a.value, r.threshold, "    \
  "a.money, a.state, a.raised_at, a.seen_at, a.acknowledged_at, a.resolved_at from alerts a join alert_rules r on "    \
  "r.organization_id = a.organization_id and r.id = a.rule_id where a.organization_id = $1 "
constexpr const char* find_alerts = ALERT "and a.id < $2 and ($3::text is null or a.state = $3) order by a.id desc "
                                          "limit $4";
constexpr const char* find_alert = ALERT "and a.id = $2";
#undef ALERT
constexpr const char* acknowledge_alert = "update alerts set state = 'acknowledged', acknowledged_by = $3, "
                                          "acknowledged_at = now() where organization_id = $1 "
                                          "and id = $2 and state = 'open'";
#define RULE                                                                                                           \
  "select r.id, r.name, r.kind, r.threshold, r.item_id, r.enabled, (select count(*) from alerts a where "              \
  "a.organization_id = r.organization_id and a.rule_id = r.id and a.state = 'open'), r.evaluated_at from alert_rules " \
  "r where r.organization_id = $1 "
constexpr const char* find_rules = RULE "and r.id < $2 order by r.id desc limit $3";
constexpr const char* find_rule = RULE "and r.id = $2";
#undef RULE
// One who sets up rules before the first evaluation does not get the usual ones too. No row: there are enough.
constexpr const char* insert_rule =
    "with begun as (update organizations set has_alert_rules = true where id = $1) insert into alert_rules "
    "(organization_id, name, kind, threshold, item_id, created_by) select $1, $2, $3, $4, $5, $6 where (select "
    "count(*) "
    "from alert_rules where organization_id = $1) < $7 returning id";
constexpr const char* has_item = "select exists (select from items where organization_id = $1 and id = $2)";
constexpr const char* update_rule =
    "update alert_rules set name = coalesce($3, name), threshold = coalesce($4, threshold), enabled = coalesce($5, "
    "enabled) where organization_id = $1 and id = $2";
constexpr const char* delete_rule = "delete from alert_rules where organization_id = $1 and id = $2";

postgres::scope scope_of(context& c) {
  return {c.organization(), c.deadline()};
}

error no_rule(std::int64_t id) {
  return not_found("there is no alert rule " + std::to_string(id));
}

result<void> check_threshold(alert_kind kind, double threshold) {
  const auto& d = definition_of(kind);
  if (threshold >= d.threshold_min && threshold <= d.threshold_max)
    return {};
  return invalid_input("the threshold is out of range",
                       {{"threshold", fmt::format("must be {:g} to {:g}; its unit is {}", d.threshold_min,
                                                  d.threshold_max, wire::to_value(d.unit).as_string().c_str())}});
}

answer<http::page<alert_view>> list(postgres::pool& database, postgres::scope s, list_request in) {
  const int limit = in.limit.value.value;
  std::optional<std::string> state;
  if (in.state)
    state = std::string(wire::to_value(*in.state).as_string());
  auto rows = co_await database.query<alert_view>(
      s, find_alerts, s.organization, in.cursor.value_or(std::numeric_limits<std::int64_t>::max()), state, limit + 1);
  if (!rows)
    co_return rows.error();
  co_return http::page_of(std::move(*rows), limit, [](const alert_view& v) { return std::to_string(v.id); });
}

// One that is acknowledged or resolved already is answered as it is.
answer<alert_view> acknowledge(postgres::pool& database, postgres::scope s, user_id by, std::int64_t id) {
  const auto changed = co_await database.execute(s, acknowledge_alert, s.organization, id, by);
  if (!changed)
    co_return changed.error();
  auto found = co_await database.query_optional<alert_view>(s, find_alert, s.organization, id);
  if (!found)
    co_return found.error();
  if (!*found)
    co_return not_found("there is no alert " + std::to_string(id));
  co_return std::move(**found);
}

answer<http::page<rule_view>> list_rules(postgres::pool& database, postgres::scope s, list_request in) {
  const int limit = in.limit.value.value;
  auto rows = co_await database.query<rule_view>(
      s, find_rules, s.organization, in.cursor.value_or(std::numeric_limits<std::int64_t>::max()), limit + 1);
  if (!rows)
    co_return rows.error();
  co_return http::page_of(std::move(*rows), limit, [](const rule_view& v) { return std::to_string(v.id); });
}

answer<rule_view> show_rule(postgres::pool& database, postgres::scope s, std::int64_t id) {
  auto found = co_await database.query_optional<rule_view>(s, find_rule, s.organization, id);
  if (!found)
    co_return found.error();
  if (!*found)
    co_return no_rule(id);
  co_return std::move(**found);
}

answer<rule_view> add_rule(postgres::pool& database, postgres::scope s, user_id by, new_rule in) {
  if (const auto fits = check_threshold(in.kind, in.threshold); !fits)
    co_return fits.error();
  if (in.item_id && in.kind != alert_kind::price_change)
    co_return invalid_input("only price_change watches one item", {{"item_id", "must be absent"}});
  if (in.item_id) {
    const auto known = co_await database.query_one<bool>(s, has_item, s.organization, *in.item_id);
    if (!known)
      co_return known.error();
    if (!*known)
      co_return invalid_input("there is no such item", {{"item_id", "must be an item of yours"}});
  }
  const std::string kind(wire::to_value(in.kind).as_string());
  const auto id = co_await database.query_optional<std::int64_t>(s, insert_rule, s.organization, in.name.value, kind,
                                                                 in.threshold, in.item_id, by, rules_max);
  if (!id)
    co_return id.error();
  if (!*id)
    co_return conflict(fmt::format("there are {} rules; delete one first", rules_max));
  co_return co_await show_rule(database, s, **id);
}

answer<rule_view> change_rule(postgres::pool& database, postgres::scope s, changed_rule in) {
  const auto before = co_await show_rule(database, s, in.id);
  if (!before)
    co_return before.error();
  const auto kind = wire::decode<alert_kind>(boost::json::value(before->kind));
  if (const auto fits = check_threshold(kind.value(), in.threshold.value_or(before->threshold)); !fits)
    co_return fits.error();
  std::optional<std::string> name;
  if (in.name)
    name = in.name->value;
  const auto changed = co_await database.execute(s, update_rule, s.organization, in.id, name, in.threshold, in.enabled);
  if (!changed)
    co_return changed.error();
  co_return co_await show_rule(database, s, in.id);
}

answer<http::nothing> remove_rule(postgres::pool& database, postgres::scope s, std::int64_t id) {
  const auto removed = co_await database.execute(s, delete_rule, s.organization, id);
  if (!removed)
    co_return removed.error();
  if (*removed == 0)
    co_return no_rule(id);
  co_return http::nothing{};
}

answer<evaluation_view> ask_evaluation(postgres::pool& database, postgres::scope s) {
  const auto job = co_await jobs::request_job(database, s, evaluate_job_kind);
  if (!job)
    co_return job.error();
  co_return evaluation_view{job->value};
}

void add_rule_routes(std::vector<http::route>& out, postgres::pool& database) {
  out.push_back(http::json_route<list_request, http::page<rule_view>>(
      method::get, "/api/v1/alert-rules", {.summary = "What is watched, newest first", .permission = "alert.read"},
      [&database](context& c, list_request in) { return list_rules(database, scope_of(c), in); }));
  out.push_back(http::json_route<new_rule, rule_view>(
      method::post, "/api/v1/alert-rules", {.summary = "Watch something", .permission = "alert.manage", .status = 201},
      [&database](context& c, new_rule in) {
        return add_rule(database, scope_of(c), c.caller().user, std::move(in));
      }));
  out.push_back(http::json_route<changed_rule, rule_view>(
      method::patch, "/api/v1/alert-rules/{id}",
      {.summary = "Rename a rule, change its threshold, switch it on or off", .permission = "alert.manage"},
      [&database](context& c, changed_rule in) { return change_rule(database, scope_of(c), std::move(in)); }));
  out.push_back(http::json_route<one_request, http::nothing>(
      method::delete_, "/api/v1/alert-rules/{id}",
      {.summary = "Delete a rule and its alerts", .permission = "alert.manage"},
      [&database](context& c, one_request in) { return remove_rule(database, scope_of(c), in.id); }));
}

} // namespace

std::vector<http::route> alert_routes(postgres::pool& database) {
  std::vector<http::route> out;
  out.push_back(http::json_route<list_request, http::page<alert_view>>(
      method::get, "/api/v1/alerts", {.summary = "What was found, newest first", .permission = "alert.read"},
      [&database](context& c, list_request in) { return list(database, scope_of(c), in); }));
  out.push_back(http::json_route<one_request, alert_view>(
      method::post, "/api/v1/alerts/{id}/acknowledge",
      {.summary = "Take note: it is not raised again while it stays true", .permission = "alert.acknowledge"},
      [&database](context& c, one_request in) { return acknowledge(database, scope_of(c), c.caller().user, in.id); }));
  out.push_back(http::json_route<http::nothing, evaluation_view>(
      method::post, "/api/v1/alerts/evaluate",
      {.summary = "Evaluate the rules now, in the background", .permission = "alert.manage", .status = 202},
      [&database](context& c, http::nothing) { return ask_evaluation(database, scope_of(c)); }));
  add_rule_routes(out, database);
  return out;
}

} // namespace pricing::watch
