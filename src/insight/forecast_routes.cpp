#include "insight/forecast_routes.hpp"

#include "insight/price_forecast.hpp"
#include "market/benchmark_view.hpp"

namespace pricing::insight {
namespace {

using http::answer;
using http::context;

constexpr int prices_max = 50'000; // the newest

using months_ahead =
    wire::defaulted<wire::bounded<int, 1, forecast_months_max>, wire::bounded<int, 1, forecast_months_max>{12}>;

struct item_request {
  std::int64_t id = 0;
  months_ahead months;
};
BOOST_DESCRIBE_STRUCT(item_request, (), (id, months))

struct index_request {
  months_ahead months;
};
BOOST_DESCRIBE_STRUCT(index_request, (), (months))

struct item_forecast : price_forecast {
  std::int64_t item_id = 0;
  std::string unit;
  std::string currency;
};
BOOST_DESCRIBE_STRUCT(item_forecast, (price_forecast), (item_id, unit, currency))

struct stored_value {
  std::int32_t day = 0;
  double value = 0;
};
BOOST_DESCRIBE_STRUCT(stored_value, (), (day, value))

constexpr const char* find_prices =
    "select observed_on - date '1970-01-01', price::float8 from price_observations where organization_id = $1 and "
    "item_id = $2 and currency = $3 and kind not in (2, 7) and price > 0 order by observed_on desc limit $4";
// The newest day of which anything is known: history may have been loaded years later.
constexpr const char* find_newest =
    "select coalesce(max(last_on), current_date) from item_statistics where organization_id = $1";
constexpr const char* find_index =
    "select month - date '1970-01-01', value from market_index where organization_id = $1 order by month";

std::vector<forecast::observation> observations(const std::vector<stored_value>& rows) {
  std::vector<forecast::observation> out;
  out.reserve(rows.size());
  for (const auto& r : rows)
    out.push_back({r.day, r.value});
  return out;
}

answer<price_forecast> compute(net::cpu_pool& cpu, std::vector<stored_value> rows, date through, int months) {
  const auto work = [rows = std::move(rows), through, months] {
    return forecast_prices(observations(rows), through, months);
  };
  co_return co_await cpu.run(work);
}

answer<item_forecast> find_item_forecast(postgres::pool& database, net::cpu_pool& cpu, postgres::scope s,
                                         item_request in) {
  const auto item = co_await market::facts_of(database, s, in.id);
  if (!item)
    co_return item.error();
  if (!item->is_priced)
    co_return invalid_input("Lump sums have no unit price to forecast", {{"id", "must be an item with a unit price"}});
  auto rows = co_await database.query<stored_value>(s, find_prices, s.organization, in.id, item->currency, prices_max);
  if (!rows)
    co_return rows.error();
  const auto newest = co_await database.query_one<date>(s, find_newest, s.organization);
  if (!newest)
    co_return newest.error();
  auto made = co_await compute(cpu, std::move(*rows), *newest, in.months.value.value);
  if (!made)
    co_return made.error();
  co_return item_forecast{std::move(*made), in.id, item->unit, item->currency};
}

answer<price_forecast> find_index_forecast(postgres::pool& database, net::cpu_pool& cpu, postgres::scope s,
                                           int months) {
  auto rows = co_await database.query<stored_value>(s, find_index, s.organization);
  if (!rows)
    co_return rows.error();
  const date through{std::chrono::days(rows->empty() ? 0 : rows->back().day)};
  co_return co_await compute(cpu, std::move(*rows), through, months);
}

postgres::scope scope_of(const context& c) {
  return {c.organization(), c.deadline()};
}

} // namespace

std::vector<http::route> forecast_routes(postgres::pool& database, net::cpu_pool& cpu) {
  std::vector<http::route> out;
  out.push_back(http::json_route<item_request, item_forecast>(
      http::method::get, "/api/v1/items/{id}/forecast",
      {.summary = "The item's monthly median price in the coming months, with bands", .permission = "item.read"},
      [&database, &cpu](context& c, item_request in) { return find_item_forecast(database, cpu, scope_of(c), in); }));
  out.push_back(http::json_route<index_request, price_forecast>(
      http::method::get, "/api/v1/market/index/forecast",
      {.summary = "The market index in the coming months, with bands", .permission = "item.read"},
      [&database, &cpu](context& c, index_request in) {
        return find_index_forecast(database, cpu, scope_of(c), in.months.value.value);
      }));
  return out;
}

} // namespace pricing::insight
