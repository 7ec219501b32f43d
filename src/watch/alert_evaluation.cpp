#include "watch/alert_evaluation.hpp"

#include "core/decimal.hpp"
#include "wire/json.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

namespace pricing::watch {
namespace {

struct rule_row {
  std::int64_t id = 0;
  std::string kind;
  double threshold = 0;
  std::optional<std::int64_t> item_id;
};
BOOST_DESCRIBE_STRUCT(rule_row, (), (id, kind, threshold, item_id))

struct finding {
  std::string subject, title;
  std::optional<std::int64_t> item_id, supplier_id, verdict_id;
  double value = 0;
  std::optional<decimal> money;
};
BOOST_DESCRIBE_STRUCT(finding, (), (subject, title, item_id, supplier_id, verdict_id, value, money))

// The lock makes a second evaluation wait; it ends with the transaction.
constexpr const char* lock_organization = "select pg_advisory_xact_lock(hashtextextended('alerts', $1)) is null";
constexpr const char* mark_begun = "update organizations set has_alert_rules = true where id = $1 and not "
                                   "has_alert_rules";
constexpr const char* add_usual = "insert into alert_rules (organization_id, name, kind, threshold) values "
                                  "($1, 'An item''s price moves by a quarter', 'price_change', 0.25), "
                                  "($1, 'The market moves by a twentieth in three months', 'market_change', 0.05), "
                                  "($1, 'A supplier is a third dearer than others', 'supplier_position', 0.33), "
                                  "($1, 'A proposal is 10,000 above fair prices', 'verdict_excess', 10000), "
                                  "($1, 'The price model covers less than it says', 'model_coverage', 0.88)";
constexpr const char* find_rules =
    "select id, kind, threshold, item_id from alert_rules where organization_id = $1 and enabled order by id";
constexpr const char* raise =
    "insert into alerts (organization_id, rule_id, subject, title, item_id, supplier_id, verdict_id, value, money) "
    "select $1, $2, $3, $4, $5, $6, $7, $8, $9 where not exists (select from alerts where organization_id = $1 and "
    "rule_id = $2 and subject = $3 and (state <> 'resolved' or verdict_id is not null))";
constexpr const char* keep = "update alerts set title = $4, value = $5, money = $6, seen_at = now() where "
                             "organization_id = $1 and rule_id = $2 and subject = $3 and state <> 'resolved'";
constexpr const char* resolve =
    "update alerts set state = 'resolved', resolved_at = now() where organization_id = $1 and rule_id = $2 and state "
    "<> "
    "'resolved' and (state = 'acknowledged' or not $4::boolean) and seen_at < now() and not subject = any($3::text[])";
constexpr const char* mark_evaluated =
    "update alert_rules set evaluated_at = now() where organization_id = $1 and enabled";
constexpr const char* remove_old =
    "delete from alerts where organization_id = $1 and state = 'resolved' and resolved_at < now() - interval '1 year'";

void evaluate(postgres::session& database, organization_id organization, const rule_row& rule, evaluate_out& out) {
  const auto kind = wire::decode<alert_kind>(boost::json::value(rule.kind));
  const kind_definition& what = definition_of(kind.value());
  auto found = database.query<finding>(what.select, organization, rule.threshold * what.keep, rule.item_id);
  std::ranges::reverse(found); // the dearest is raised last and so listed first
  std::vector<std::string> true_ones;
  for (const auto& f : found) {
    true_ones.push_back(f.subject);
    if (database.execute(keep, organization, rule.id, f.subject, f.title, f.value, f.money) > 0)
      ++out.kept;
    else if (what.is_low_bad ? f.value < rule.threshold : std::abs(f.value) >= rule.threshold)
      out.raised += database.execute(raise, organization, rule.id, f.subject, f.title, f.item_id, f.supplier_id,
                                     f.verdict_id, f.value, f.money);
  }
  out.resolved += database.execute(resolve, organization, rule.id, true_ones, what.is_event);
  ++out.rules;
}

} // namespace

evaluate_out evaluate_alerts(postgres::session& database, organization_id organization) {
  evaluate_out out;
  database.begin(organization);
  database.query<bool>(lock_organization, organization);
  if (database.execute(mark_begun, organization) > 0)
    database.execute(add_usual, organization);
  for (const auto& rule : database.query<rule_row>(find_rules, organization))
    evaluate(database, organization, rule, out);
  database.execute(mark_evaluated, organization);
  database.execute(remove_old, organization);
  database.commit();
  return out;
}

} // namespace pricing::watch
