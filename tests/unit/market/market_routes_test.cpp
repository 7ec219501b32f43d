// The routes of the market on a real database.
#include "market/market_routes.hpp"

#include "market/benchmark_store.hpp"
#include "market/refresh.hpp"
#include "support/api_call.hpp"
#include "support/postgres_server.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <cmath>

using namespace pricing;
using namespace pricing::market;
namespace json = boost::json;

namespace {

class market_routes_test : public testing::Test {
 protected:
  // Twelve items with three bidders at 0.9, 1 and 1.2 times 10 · n, monthly for two years; one lump sum; one item with
  // a single price.
  market_routes_test() {
    session.begin(organization);
    session.execute("insert into suppliers (organization_id, name, normalized_name) select $1, 'S' || n, 's' || n from "
                    "generate_series(1, 3) n",
                    organization);
    session.execute("insert into items (organization_id, name, normalized_name, unit, is_priced) select $1, 'I' || n, "
                    "'i' || n, 'ft', n <> 13 from generate_series(1, 14) n",
                    organization);
    session.execute("insert into events (organization_id, reference, occurred_on) select $1, 'E' || n, date "
                    "'2024-01-10' + make_interval(months => n) from generate_series(0, 23) n",
                    organization);
    session.execute(
        "insert into price_observations (organization_id, item_id, supplier_id, event_id, observed_on, line, kind, "
        "rank, price, quantity, currency, upload_id, source_row, row_key) "
        "select $1, i.id, s.id, e.id, e.occurred_on, 1, 1, substr(s.name, 2)::int, "
        "substr(i.name, 2)::int * 10 * (array[0.9, 1, 1.2])[substr(s.name, 2)::int], 4, 'USD', 1, 1, "
        "row_number() over () from items i, suppliers s, events e where substr(i.name, 2)::int <= 12 or "
        "(i.name = 'I14' and s.name = 'S1' and e.reference = 'E0')",
        organization);
    session.execute("insert into price_observations (organization_id, item_id, event_id, observed_on, line, kind, "
                    "price, quantity, currency, upload_id, source_row, row_key) select $1, i.id, e.id, e.occurred_on, "
                    "1, 2, 9999, 4, 'USD', 1, 1, 100000 + row_number() over () from items i, events e "
                    "where i.name = 'I5'",
                    organization);
    session.commit();
    refresh_market(session, organization, *parse_date("2026-01-15"));
  }
  std::string item(const std::string& name) {
    session.begin(organization);
    const auto id = session.query<std::int64_t>("select id from items where name = $1", name).at(0);
    session.commit();
    return "/api/v1/items/" + std::to_string(id);
  }
  auto get(const std::string& path, std::vector<http::name_value> query = {},
           std::optional<organization_id> caller = {}) const {
    const auto routes = [](postgres::pool& pool) {
      return market_routes(pool, [](http::context&, item_id) -> asio::awaitable<std::optional<price_band>> {
        co_return price_band{50, 40, 45, 55, 60};
      });
    };
    return test::get(server.app_url(), routes, "item.read", caller.value_or(organization), path, std::move(query));
  }
  static double number(const json::value& v) { return std::stod(std::string(v.as_string())); }
  test::postgres_server& server = test::postgres_server::instance();
  const organization_id organization = server.new_organization();
  postgres::session session{server.app_url()};
};

TEST_F(market_routes_test, benchmark_is_at_the_asked_quantity) {
  const auto [status, usual] = get(item("I5") + "/benchmark");
  ASSERT_EQ(status, 200) << json::serialize(usual);
  EXPECT_NEAR(number(usual.at("median")), 50, 0.01);
  EXPECT_NEAR(number(usual.at("quantity")), 4, 0.001);
  EXPECT_EQ(usual.at("unit"), "ft");
  EXPECT_EQ(usual.at("currency"), "USD");
  EXPECT_EQ(usual.at("as_of"), "2026-01-15");
  EXPECT_EQ(usual.at("newest_on"), "2025-12-10");
  EXPECT_EQ(usual.at("bids"), 72);
  EXPECT_TRUE(usual.at("note").is_null());
  session.begin(organization);
  session.execute("update item_benchmarks set slope = -0.5");
  session.commit();
  const auto large = get(item("I5") + "/benchmark", {{"quantity", "400"}}).second;
  EXPECT_NEAR(number(large.at("median")), 5, 0.01); // 50 · 100^−0.5
  EXPECT_FALSE(large.at("note").is_null());
  EXPECT_EQ(get(item("I5") + "/benchmark", {{"quantity", "0"}}).first, 422);
}

TEST_F(market_routes_test, benchmark_moves_with_the_market_to_another_day) {
  session.begin(organization);
  session.execute("update market_index set value = 200 where month < '2025-01-01'");
  session.commit();
  const auto then = get(item("I5") + "/benchmark", {{"on", "2024-06-15"}}).second;
  EXPECT_NEAR(number(then.at("median")), 100, 0.1);
  EXPECT_EQ(then.at("as_of"), "2024-06-15");
}

TEST_F(market_routes_test, says_why_there_is_no_benchmark) {
  const auto lump = get(item("I13") + "/benchmark"), few = get(item("I14") + "/benchmark");
  EXPECT_EQ(lump.first, 404);
  EXPECT_NE(lump.second.at("message").as_string().find("lump sum"), json::string::npos);
  EXPECT_EQ(few.first, 404);
  EXPECT_NE(few.second.at("message").as_string().find("1 comparable prices"), json::string::npos);
  EXPECT_EQ(get("/api/v1/items/999999999/benchmark").first, 404);
}

TEST_F(market_routes_test, history_has_points_months_and_the_prediction) {
  const auto [status, history] = get(item("I5") + "/history");
  ASSERT_EQ(status, 200) << json::serialize(history);
  ASSERT_EQ(history.at("points").as_array().size(), 72U) << "without the estimates";
  const auto& first = history.at("points").at(0).as_array();
  ASSERT_EQ(first.size(), 6U);
  EXPECT_EQ(first[0], "2024-01-10");
  EXPECT_EQ(first[2].to_number<double>(), 4);
  ASSERT_EQ(history.at("monthly").as_array().size(), 24U);
  const auto& month = history.at("monthly").at(0);
  EXPECT_EQ(month.at("month"), "2024-01-01");
  EXPECT_EQ(month.at("low").to_number<double>(), 45);
  EXPECT_EQ(month.at("median").to_number<double>(), 50);
  EXPECT_EQ(month.at("high").to_number<double>(), 60);
  EXPECT_EQ(month.at("bids"), 3);
  EXPECT_EQ(history.at("prediction").at("expected").to_number<double>(), 50);
}

TEST_F(market_routes_test, quantity_curve_has_bands) {
  session.begin(organization);
  session.execute("update price_observations set quantity = row_key % 100 + 1 where kind = 1");
  session.commit();
  const auto [status, curve] = get(item("I5") + "/quantity-curve");
  ASSERT_EQ(status, 200) << json::serialize(curve);
  const auto& points = curve.at("points").as_array();
  ASSERT_EQ(points.size(), 8U);
  EXPECT_LT(number(points[0].at("quantity")), number(points[7].at("quantity")));
  EXPECT_GE(number(points[0].at("median")), 45);
  std::int64_t bids = 0;
  for (const auto& p : points)
    bids += p.at("bids").as_int64();
  EXPECT_EQ(bids, 72);
  EXPECT_EQ(get(item("I6") + "/quantity-curve").second.at("points").as_array().size(), 8U);
  EXPECT_TRUE(get(item("I13") + "/quantity-curve").second.at("points").as_array().empty());
  EXPECT_EQ(get(item("I14") + "/quantity-curve").second.at("points").as_array().size(), 1U);
}

TEST_F(market_routes_test, suppliers_come_cheapest_first_in_pages) {
  const auto path = item("I5") + "/suppliers";
  const auto [status, first] = get(path, {{"limit", "2"}});
  ASSERT_EQ(status, 200) << json::serialize(first);
  ASSERT_EQ(first.at("data").as_array().size(), 2U);
  EXPECT_EQ(first.at("data").at(0).at("name"), "S1");
  EXPECT_NEAR(first.at("data").at(0).at("position").to_number<double>(), -0.1, 1e-4);
  EXPECT_EQ(first.at("data").at(0).at("low"), "45");
  const std::string cursor(first.at("next_cursor").as_string());
  const auto next = get(path, {{"limit", "2"}, {"cursor", cursor}}).second;
  ASSERT_EQ(next.at("data").as_array().size(), 1U);
  EXPECT_EQ(next.at("data").at(0).at("name"), "S3");
  EXPECT_NEAR(next.at("data").at(0).at("position").to_number<double>(), 0.2, 1e-4);
  EXPECT_TRUE(next.at("next_cursor").is_null());
  EXPECT_EQ(get(path, {{"cursor", "nonsense"}}).first, 422);
}

TEST_F(market_routes_test, index_is_a_list_of_months) {
  const auto [status, index] = get("/api/v1/market/index");
  ASSERT_EQ(status, 200);
  ASSERT_EQ(index.at("data").as_array().size(), 24U);
  EXPECT_EQ(index.at("data").at(0).at("month"), "2024-01-01");
  EXPECT_NEAR(index.at("data").at(23).at("market").to_number<double>(), 100, 0.1);
}

TEST_F(market_routes_test, other_organizations_see_nothing) {
  const auto other = server.new_organization();
  for (const char* what : {"/benchmark", "/history", "/quantity-curve", "/suppliers"})
    EXPECT_EQ(get(item("I5") + what, {}, other).first, 404) << what;
  EXPECT_TRUE(get("/api/v1/market/index", {}, other).second.at("data").as_array().empty());
}

} // namespace
