// Every item of an organization, priced in the background.
#include "market/refresh.hpp"
#include "models/item_pricing.hpp"
#include "models/predict.hpp"
#include "sample_market.hpp"

#include <gtest/gtest.h>

using namespace pricing;
using namespace pricing::models;

namespace {

struct kept_row {
  std::int64_t item_id = 0;
  std::string unit;
  decimal quantity, expected;
  std::optional<decimal> low90, high90;
  std::string version;
};
BOOST_DESCRIBE_STRUCT(kept_row, (), (item_id, unit, quantity, expected, low90, high90, version))

class item_pricing_test : public testing::Test {
 protected:
  std::vector<kept_row> kept() {
    session.begin(organization);
    auto out = session.query<kept_row>(
        "select p.item_id, i.unit, p.quantity, p.expected, p.low90, p.high90, p.model_version from item_predictions p "
        "join items i on i.organization_id = p.organization_id and i.id = p.item_id where p.organization_id = $1 order "
        "by p.item_id",
        organization);
    session.commit();
    return out;
  }

  test::trained_market& trained = test::trained_market::instance();
  const organization_id organization = trained.market.organization;
  postgres::session session{test::postgres_server::instance().app_url()};
};

TEST_F(item_pricing_test, every_item_gets_the_price_that_it_gets_alone) {
  market::refresh_market(session, organization, test::sample_until);
  std::vector<std::size_t> seen;
  const auto done = price_items(session, trained.objects, organization, test::sample_until,
                                [&seen](std::size_t at, std::size_t) { seen.push_back(at); });
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->items, test::sample_items);
  EXPECT_EQ(seen, std::vector<std::size_t>{0});
  const auto rows = kept();
  ASSERT_EQ(static_cast<std::int64_t>(rows.size()), done->priced);
  ASSERT_GT(rows.size(), 30u);
  const auto s = load_snapshot(session, trained.objects, organization);
  for (const auto& row : rows) {
    prediction_request one{.on = test::sample_until, .reasons = {false}};
    one.lines.push_back({.item_id = row.item_id, .unit = {row.unit}, .quantity = row.quantity});
    const auto alone = predict(*s, one, test::sample_until).value().lines.at(0);
    EXPECT_EQ(row.expected, alone.expected);
    EXPECT_EQ(row.low90, alone.low90);
    EXPECT_EQ(row.high90, alone.high90);
    EXPECT_EQ(row.version, done->version);
  }
  price_items(session, trained.objects, organization, test::sample_until).value();
  EXPECT_EQ(kept().size(), rows.size()) << "a second run replaces the first";
}

TEST_F(item_pricing_test, without_a_model_nothing_is_priced_and_old_prices_go) {
  const auto other = test::postgres_server::instance().new_organization();
  session.begin(other);
  session.execute("insert into items (organization_id, name, normalized_name, unit) values ($1, 'Pipe', 'pipe', 'ft')",
                  other);
  session.execute("insert into item_predictions (organization_id, item_id, predicted_on, model_version, quantity, "
                  "expected, effective_n) select $1, id, '2026-01-01', 'v', 1, 1, 1 from items where organization_id = "
                  "$1",
                  other);
  session.commit();
  const auto done = price_items(session, trained.objects, other, test::sample_until);
  ASSERT_TRUE(done);
  EXPECT_FALSE(done->version);
  session.begin(other);
  EXPECT_EQ(
      session.query<std::int64_t>("select count(*) from item_predictions where organization_id = $1", other).at(0), 0);
  session.commit();
}

} // namespace
