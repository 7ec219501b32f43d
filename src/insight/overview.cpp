#include "insight/overview.hpp"

namespace pricing::insight {
namespace {

using http::answer;
using http::context;

constexpr const char* find_counts =
    "select o.currency::text, coalesce(s.newest, current_date), (select count(*) from items where organization_id = "
    "$1), (select count(*) from suppliers where organization_id = $1 and state <> 'merged'), (select count(*) from "
    "events where organization_id = $1), s.observations, s.spend, (select count(*) from uploads where organization_id "
    "= "
    "$1 and state in ('validating', 'processing')), (select count(*) from match_decisions where organization_id = $1 "
    "and state = 'pending'), (select count(*) from quarantined_rows where organization_id = $1 and state = 'open'), "
    "(select count(*) from alerts where organization_id = $1 and state = 'open') "
    "from organizations o, (select max(last_on) as newest, coalesce(sum(observations), 0)::bigint as observations, "
    "coalesce(sum(spend), 0)::numeric(20, 4) as spend from item_statistics where organization_id = $1) s where o.id = "
    "$1";

constexpr const char* find_spend =
    "select month, spend from (select month, spend from spend_months where organization_id = $1 order by month desc "
    "limit 60) x order by month";

constexpr const char* find_index =
    "select month, value, lower, upper, own_value from (select * from market_index where organization_id = $1 order by "
    "month desc limit 120) x order by month";

// What matters is the money behind a move, so a small item's jump does not push out a large one's drift.
constexpr const char* find_movers =
    "select c.item_id, i.name, i.unit, c.change, c.from_price, c.to_price, c.bids from item_changes c join items i on "
    "i.organization_id = c.organization_id and i.id = c.item_id join item_statistics s on s.organization_id = "
    "c.organization_id and s.item_id = c.item_id where c.organization_id = $1 and c.bids >= 10 and abs(c.change) >= "
    "0.05 order by abs(ln(1 + c.change)) * s.spend desc limit 8";

constexpr const char* find_unusual =
    "select s.supplier_id, p.name, s.bids, s.position from supplier_statistics s join suppliers p on p.organization_id "
    "= s.organization_id and p.id = s.supplier_id where s.organization_id = $1 and s.bids >= 50 and abs(s.position) >= "
    "0.1 and s.last_on >= (select max(last_on) from item_statistics where organization_id = $1) - 731 order by "
    "abs(s.position) desc limit 8";

constexpr const char* find_model =
    "select version, trained_until, (metrics->>'coverage_90')::float8, (metrics->>'low_ours')::float8, "
    "(metrics->>'low_estimate')::float8 from models where organization_id = $1 and state = 'promoted'";

constexpr const char* find_findings =
    "select id, name, created_at, (request->>'lines')::bigint, total_excess, request->>'worst' from verdicts where "
    "organization_id = $1 order by id desc limit 5";

answer<overview> find_overview(postgres::pool& database, postgres::scope s) {
  auto counts = co_await database.query_one<overview_counts>(s, find_counts, s.organization);
  if (!counts)
    co_return counts.error();
  auto spend = co_await database.query<month_spend>(s, find_spend, s.organization);
  auto index = co_await database.query<index_point>(s, find_index, s.organization);
  auto movers = co_await database.query<moved_item>(s, find_movers, s.organization);
  auto unusual = co_await database.query<unusual_supplier>(s, find_unusual, s.organization);
  auto model = co_await database.query_optional<current_model>(s, find_model, s.organization);
  auto findings = co_await database.query<finding>(s, find_findings, s.organization);
  if (!spend)
    co_return spend.error();
  if (!index)
    co_return index.error();
  if (!movers)
    co_return movers.error();
  if (!unusual)
    co_return unusual.error();
  if (!model)
    co_return model.error();
  if (!findings)
    co_return findings.error();
  co_return overview{std::move(*counts),  std::move(*spend), std::move(*index),   std::move(*movers),
                     std::move(*unusual), std::move(*model), std::move(*findings)};
}

} // namespace

http::route overview_route(postgres::pool& database) {
  return http::json_route<http::nothing, overview>(
      http::method::get, "/api/v1/overview",
      {.summary = "Spend, own prices against the market, and what needs a look", .permission = "overview.read"},
      [&database](context& c, http::nothing) {
        return find_overview(database, {c.organization(), c.deadline()});
      });
}

} // namespace pricing::insight
