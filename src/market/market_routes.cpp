#include "market/market_routes.hpp"

#include "market/benchmark_view.hpp"
#include "wire/cursor.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace pricing::market {
namespace {

using http::answer;
using http::context;
using http::method;

constexpr int points_max = 5'000;

struct item_request {
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(item_request, (), (id))

struct benchmark_request {
  std::int64_t id = 0;
  std::optional<decimal> quantity; // default: the item's usual one
  std::optional<date> on;          // default: the day of the benchmark
};
BOOST_DESCRIBE_STRUCT(benchmark_request, (), (id, quantity, on))

// History
// --------------------------------------------------------------------------------------------------------------

struct stored_point {
  date on{};
  double price = 0;
  double quantity = 0;
  std::optional<int> rank;
  std::optional<std::int64_t> supplier_id;
  std::optional<std::int64_t> event_id;
};
BOOST_DESCRIBE_STRUCT(stored_point, (), (on, price, quantity, rank, supplier_id, event_id))

using point =
    std::tuple<date, double, double, std::optional<int>, std::optional<std::int64_t>, std::optional<std::int64_t>>;

struct month_band {
  date month{};
  double low = 0, q25 = 0, median = 0, q75 = 0, high = 0;
  std::int64_t bids = 0;
};
BOOST_DESCRIBE_STRUCT(month_band, (), (month, low, q25, median, q75, high, bids))

struct history_view {
  std::vector<point> points; // oldest first
  std::vector<month_band> monthly;
  std::optional<price_band> prediction;
};
BOOST_DESCRIBE_STRUCT(history_view, (), (points, monthly, prediction))

constexpr const char* find_points =
    "select observed_on, price::float8, coalesce(quantity, 1)::float8, rank, supplier_id, event_id "
    "from price_observations where organization_id = $1 and item_id = $2 and currency = $3 and kind <> 2 "
    "order by observed_on desc, row_key limit $4";
constexpr const char* find_months =
    "select date_trunc('month', observed_on)::date as month, min(price)::float8, "
    "percentile_cont(0.25) within group (order by price), percentile_cont(0.5) within group (order by price), "
    "percentile_cont(0.75) within group (order by price), max(price)::float8, count(*) "
    "from price_observations where organization_id = $1 and item_id = $2 and currency = $3 and kind not in (2, 7) and "
    "price > 0 group by month order by month";

answer<history_view> find_history(postgres::pool& database, postgres::scope s, context& c, std::int64_t id,
                                  history_prediction predict) {
  auto item = co_await facts_of(database, s, id);
  if (!item)
    co_return item.error();
  auto points = co_await database.query<stored_point>(s, find_points, s.organization, id, item->currency, points_max);
  if (!points)
    co_return points.error();
  auto months = co_await database.query<month_band>(s, find_months, s.organization, id, item->currency);
  if (!months)
    co_return months.error();
  history_view out;
  out.monthly = std::move(*months);
  for (auto p = points->rbegin(); p != points->rend(); ++p)
    out.points.emplace_back(p->on, p->price, p->quantity, p->rank, p->supplier_id, p->event_id);
  if (predict && item->is_priced)
    out.prediction = co_await predict(c, item_id{id});
  co_return out;
}

// Quantity curve
// -------------------------------------------------------------------------------------------------------

struct curve_point {
  decimal quantity;
  decimal median, q25, q75; // unit prices
  std::int64_t bids = 0;
};
BOOST_DESCRIBE_STRUCT(curve_point, (), (quantity, median, q25, q75, bids))

struct curve_view {
  double slope = 0; // d log price / d log quantity
  decimal reference_quantity;
  std::vector<curve_point> points; // smallest quantity first
};
BOOST_DESCRIBE_STRUCT(curve_view, (), (slope, reference_quantity, points))

struct curve_facts {
  double slope = 0;
  double reference_quantity = 1;
};
BOOST_DESCRIBE_STRUCT(curve_facts, (), (slope, reference_quantity))

// Up to eight bands of about equally many prices of the last five years with prices, five or more in each; equal
// quantities share a band.
constexpr const char* find_curve =
    "with prices as (select price, quantity, rank() over (order by quantity) - 1 as before, count(*) over () as n "
    "from price_observations where organization_id = $1 and item_id = $2 and "
    "currency = $3 and kind not in (2, 7) and price > 0 and quantity > 0 and observed_on > (select max(observed_on) "
    "from price_observations where organization_id = $1 and item_id = $2) - 1827), "
    "bands as (select price, quantity, before * greatest(1, least(8, n / 5)) / n as band from prices) "
    "select exp(avg(ln(quantity::float8)))::numeric(18,4), "
    "(percentile_cont(0.5) within group (order by price))::numeric(18,4), "
    "(percentile_cont(0.25) within group (order by price))::numeric(18,4), "
    "(percentile_cont(0.75) within group (order by price))::numeric(18,4), count(*) from bands group by band order by "
    "1";
// Of the benchmark; without one a plain regression.
constexpr const char* find_curve_facts =
    "select coalesce(b.slope, p.slope, 0), coalesce(b.reference_quantity, p.quantity, 1) from "
    "(select regr_slope(ln(price::float8), ln(quantity::float8)) as slope, exp(avg(ln(quantity::float8))) as quantity "
    "from price_observations where organization_id = $1 and item_id = $2 and currency = $3 and kind not in (2, 7) and "
    "price > 0 and quantity > 0) p left join item_benchmarks b on b.organization_id = $1 and b.item_id = $2";

curve_view no_curve() {
  return {};
}

answer<curve_view> find_quantity_curve(postgres::pool& database, postgres::scope s, std::int64_t id) {
  auto item = co_await facts_of(database, s, id);
  if (!item)
    co_return item.error();
  if (!item->is_priced)
    co_return no_curve(); // prices of lump sums do not compare
  auto facts = co_await database.query_one<curve_facts>(s, find_curve_facts, s.organization, id, item->currency);
  if (!facts)
    co_return facts.error();
  auto points = co_await database.query<curve_point>(s, find_curve, s.organization, id, item->currency);
  if (!points)
    co_return points.error();
  const auto reference = decimal::from_double(facts->reference_quantity);
  if (!reference)
    co_return reference.error();
  co_return curve_view{facts->slope, *reference, std::move(*points)};
}

// Suppliers of an item
// -------------------------------------------------------------------------------------------------

struct suppliers_request {
  std::int64_t id = 0;
  wire::defaulted<wire::bounded<int, 1, 200>, wire::bounded<int, 1, 200>{50}> limit;
  std::optional<std::string> cursor;
};
BOOST_DESCRIBE_STRUCT(suppliers_request, (), (id, limit, cursor))

struct item_supplier {
  std::int64_t supplier_id = 0;
  std::string name;
  std::int64_t bids = 0;
  double position = 0; // 0.08: usually 8 % above the others' prices
  decimal low, high;   // unit prices
  date last_on{};
};
BOOST_DESCRIBE_STRUCT(item_supplier, (), (supplier_id, name, bids, position, low, high, last_on))

struct suppliers_end {
  double position = 0;
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(suppliers_end, (), (position, id))

constexpr const char* find_suppliers =
    "select t.supplier_id, s.name, t.bids, t.position, t.low, t.high, t.last_on from supplier_items t "
    "join suppliers s on s.organization_id = t.organization_id and s.id = t.supplier_id "
    "where t.organization_id = $1 and t.item_id = $2 and ($3::float8 is null or (t.position, t.supplier_id) > ($3, "
    "$4)) "
    "order by t.position, t.supplier_id limit $5";

http::page<item_supplier> supplier_page(std::vector<item_supplier> rows, int limit) {
  auto page = http::page_of(std::move(rows), limit, [](const item_supplier& last) {
    return wire::encode_cursor(suppliers_end{last.position, last.supplier_id});
  });
  for (auto& row : page.data)
    row.position = std::expm1(row.position);
  return page;
}

answer<http::page<item_supplier>> find_item_suppliers(postgres::pool& database, postgres::scope s,
                                                      suppliers_request in) {
  auto after = wire::decode_cursor<suppliers_end>(in.cursor);
  if (!after)
    co_return after.error();
  auto item = co_await facts_of(database, s, in.id);
  if (!item)
    co_return item.error();
  const int limit = in.limit.value;
  std::optional<double> position;
  std::int64_t id = 0;
  if (*after) {
    position = (*after)->position;
    id = (*after)->id;
  }
  auto rows = co_await database.query<item_supplier>(s, find_suppliers, s.organization, in.id, position, id, limit + 1);
  if (!rows)
    co_return rows.error();
  co_return supplier_page(std::move(*rows), limit);
}

// Index
// ----------------------------------------------------------------------------------------------------------------

struct index_view {
  date month{};
  double market = 100; // base 100: the first month
  double market_lower = 100, market_upper = 100;
  std::optional<double> own; // the organization's own basket at winning prices
  std::int64_t matched_items = 0;
};
BOOST_DESCRIBE_STRUCT(index_view, (), (month, market, market_lower, market_upper, own, matched_items))

constexpr const char* find_index = "select month, value, lower, upper, own_value, matched_items from market_index "
                                   "where organization_id = $1 order by month";

answer<http::page<index_view>> find_market_index(postgres::pool& database, postgres::scope s) {
  auto rows = co_await database.query<index_view>(s, find_index, s.organization);
  if (!rows)
    co_return rows.error();
  http::page<index_view> out;
  out.data = std::move(*rows);
  co_return out;
}

postgres::scope scope_of(const context& c) {
  return {c.organization(), c.deadline()};
}

http::route_options reading(std::string summary) {
  return {.summary = std::move(summary), .permission = "item.read"};
}

} // namespace

std::vector<http::route> market_routes(postgres::pool& pool, history_prediction predict) {
  postgres::pool* database = &pool;
  std::vector<http::route> out;
  out.push_back(http::json_route<benchmark_request, benchmark_view>(
      method::get, "/api/v1/items/{id}/benchmark", reading("The item's fair price at a quantity on a day"),
      [database](context& c, benchmark_request in) -> answer<benchmark_view> {
        return benchmark_of(*database, scope_of(c), in.id, in.quantity, in.on);
      }));
  out.push_back(http::json_route<item_request, history_view>(
      method::get, "/api/v1/items/{id}/history", reading("The item's prices over time, for a chart"),
      [database, predict](context& c, item_request in) -> answer<history_view> {
        return find_history(*database, scope_of(c), c, in.id, predict);
      }));
  out.push_back(http::json_route<item_request, curve_view>(
      method::get, "/api/v1/items/{id}/quantity-curve", reading("Prices by quantity"),
      [database](context& c, item_request in) -> answer<curve_view> {
        return find_quantity_curve(*database, scope_of(c), in.id);
      }));
  out.push_back(http::json_route<suppliers_request, http::page<item_supplier>>(
      method::get, "/api/v1/items/{id}/suppliers", reading("Who bids on the item, cheapest first"),
      [database](context& c, suppliers_request in) -> answer<http::page<item_supplier>> {
        return find_item_suppliers(*database, scope_of(c), std::move(in));
      }));
  out.push_back(http::json_route<http::nothing, http::page<index_view>>(
      method::get, "/api/v1/market/index", reading("The market's and the organization's own price index by month"),
      [database](context& c, http::nothing) -> answer<http::page<index_view>> {
        return find_market_index(*database, scope_of(c));
      }));
  return out;
}

} // namespace pricing::market
