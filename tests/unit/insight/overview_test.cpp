// The overview and an item's page on a real database, after a real refresh.
#include "insight/overview.hpp"

#include "insight/item_page.hpp"
#include "market/refresh.hpp"
#include "support/api_call.hpp"
#include "support/postgres_server.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

using namespace pricing;
namespace json = boost::json;

namespace {

class insight_test : public testing::Test {
 protected:
  // Twelve items at 10 · n with two bidders every month of 2024 and 2025; item 12 is a quarter dearer in 2025.
  void load() {
    session.begin(organization);
    session.execute("insert into suppliers (organization_id, name, normalized_name) values ($1, 'A', 'a'), ($1, 'B', "
                    "'b')",
                    organization);
    session.execute("insert into items (organization_id, name, normalized_name, unit) select $1, 'I' || n, 'i' || n, "
                    "'ft' from generate_series(1, 12) n",
                    organization);
    session.execute("insert into events (organization_id, reference, occurred_on) select $1, 'E' || n, date "
                    "'2024-01-10' + make_interval(months => n) from generate_series(0, 23) n",
                    organization);
    session.execute(
        "insert into price_observations (organization_id, item_id, supplier_id, event_id, observed_on, line, kind, "
        "rank, price, quantity, currency, upload_id, source_row, row_key) select $1, i.id, s.id, e.id, e.occurred_on, "
        "1, 1, case s.name when 'A' then 1 else 2 end, substr(i.name, 2)::int * case s.name when 'A' then 10 else 14 "
        "end * case when i.name = 'I12' and e.occurred_on >= '2025-01-01' then 1.25 else 1 end, 4, 'USD', 1, 1, "
        "row_number() over () from items i, suppliers s, events e",
        organization);
    session.execute("insert into item_statistics (organization_id, item_id, observations, bids, suppliers, first_on, "
                    "last_on, spend) select $1, item_id, count(*), count(*), 2, min(observed_on), max(observed_on), "
                    "sum(price * quantity) filter (where rank = 1) from price_observations group by item_id",
                    organization);
    session.commit();
    market::refresh_market(session, organization, *parse_date("2026-01-15"));
  }
  auto overview() const {
    const auto routes = [](postgres::pool& pool) { return std::vector<http::route>{insight::overview_route(pool)}; };
    return test::get(server.app_url(), routes, "overview.read", organization, "/api/v1/overview");
  }
  auto item(std::int64_t id) const {
    std::unique_ptr<catalog::catalog_store> store;
    const auto routes = [&store](postgres::pool& pool) {
      store = std::make_unique<catalog::catalog_store>(pool);
      return std::vector<http::route>{insight::item_page_route(*store, pool)};
    };
    return test::get(server.app_url(), routes, "item.read", organization, "/api/v1/items/" + std::to_string(id));
  }
  test::postgres_server& server = test::postgres_server::instance();
  const organization_id organization = server.new_organization();
  postgres::session session{server.app_url()};
};

TEST_F(insight_test, an_empty_organization_has_an_overview) {
  const auto [status, body] = overview();
  ASSERT_EQ(status, 200) << json::serialize(body);
  EXPECT_EQ(body.at("items"), 0);
  EXPECT_EQ(body.at("spend"), "0");
  EXPECT_EQ(body.at("currency"), "USD");
  EXPECT_TRUE(body.at("model").is_null());
  EXPECT_EQ(body.at("index").as_array().size(), 0u);
}

TEST_F(insight_test, the_overview_shows_money_and_what_moved) {
  load();
  const auto [status, body] = overview();
  ASSERT_EQ(status, 200) << json::serialize(body);
  EXPECT_EQ(body.at("as_of"), "2025-12-10");
  EXPECT_EQ(body.at("items"), 12);
  EXPECT_EQ(body.at("observations"), 12 * 2 * 24);
  const auto& months = body.at("spend_by_month").as_array();
  ASSERT_EQ(months.size(), 24u);
  EXPECT_EQ(months[0].at("spend"), "3120");  // Σ 10 · n · 4
  EXPECT_EQ(months[23].at("spend"), "3240"); // and a quarter more of 480
  EXPECT_EQ(body.at("index").as_array().size(), 24u);
  const auto& moved = body.at("top_movers").as_array();
  ASSERT_EQ(moved.size(), 1u);
  EXPECT_EQ(moved[0].at("name"), "I12");
  EXPECT_NEAR(moved[0].at("change").as_double(), 0.25, 0.001);
  EXPECT_EQ(moved[0].at("bids"), 24);
  const auto& unusual = body.at("suppliers_off_usual").as_array();
  ASSERT_EQ(unusual.size(), 2u); // one sixth below and above the middle
}

TEST_F(insight_test, an_item_has_its_benchmark_or_the_reason) {
  load();
  session.begin(organization);
  const auto ids = session.query<std::int64_t>("select id from items order by id");
  session.execute("delete from item_benchmarks where item_id = $1", ids[1]);
  session.commit();
  const auto with = item(ids[0]), without = item(ids[1]);
  ASSERT_EQ(with.first, 200) << json::serialize(with.second);
  EXPECT_NEAR(std::stod(std::string(with.second.at("benchmark").at("median").as_string())), 12, 0.1);
  EXPECT_TRUE(with.second.at("why_no_benchmark").is_null());
  EXPECT_EQ(with.second.at("statistics").at("bids"), 48);
  ASSERT_EQ(without.first, 200);
  EXPECT_TRUE(without.second.at("benchmark").is_null());
  EXPECT_FALSE(without.second.at("why_no_benchmark").as_string().empty());
  EXPECT_EQ(item(999'999'999).first, 404);
}

} // namespace
