// Why a line should cost that: the same bits from the same snapshot, and never from another.
#include "models/explanation.hpp"
#include "sample_market.hpp"

#include <gtest/gtest.h>

using namespace pricing;
using namespace pricing::models;

namespace {

class explanation_test : public testing::Test {
 protected:
  static snapshot_ptr read() {
    const auto& trained = test::trained_market::instance();
    postgres::session session(test::postgres_server::instance().app_url());
    return load_snapshot(session, trained.objects, trained.market.organization);
  }
  static explanation_request asked() {
    explanation_request out;
    out.on = test::sample_until;
    out.line.item_id = test::trained_market::instance().market.items.at(3);
    out.line.quantity = decimal::parse("250").value();
    return out;
  }
};

TEST_F(explanation_test, gives_the_same_again_from_the_same_snapshot_bit_for_bit) {
  const auto first = explain(*read(), asked(), test::sample_until);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->model_sha256.size(), 64U);
  explanation_request again = asked();
  again.model_version = wire::text<1, 100>{first->model_version};
  again.snapshot = wire::text<1, 100>{first->snapshot};
  // Read anew from the database and the model's file, on another day.
  const auto second = explain(*read(), again, test::sample_until + std::chrono::days(30));
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(wire::encode(*second), wire::encode(*first));
}

TEST_F(explanation_test, refuses_to_mix_snapshots_and_versions) {
  const auto s = read();
  explanation_request other = asked();
  other.snapshot = wire::text<1, 100>{"another"};
  EXPECT_EQ(explain(*s, other, test::sample_until).error().code, errc::conflict);
  other = asked();
  other.model_version = wire::text<1, 100>{"1999-01-01.1"};
  EXPECT_EQ(explain(*s, other, test::sample_until).error().code, errc::conflict);
}

TEST_F(explanation_test, shows_the_past_bids_that_are_most_like_it) {
  const auto found = explain(*read(), asked(), test::sample_until).value();
  decimal sum;
  for (const auto& r : found.line.reasons)
    sum = sum + r.money;
  EXPECT_EQ(sum, *found.line.expected);
  ASSERT_EQ(found.bids.size(), 12U);
  EXPECT_GT(found.bids_known, 12);
  for (std::size_t i = 0; i < found.bids.size(); ++i) {
    const auto& b = found.bids[i];
    EXPECT_EQ(b.item_id, asked().line.item_id);
    EXPECT_LT(b.on, test::sample_until);
    EXPECT_EQ(b.kind, "bid"); // never the buyer's own estimate
    EXPECT_NEAR(b.price.to_double(), test::sample_price(3, b.quantity.to_double(), b.on), 0.5 * b.price.to_double());
    EXPECT_LE(b.likeness, i == 0 ? 1 : found.bids[i - 1].likeness);
  }
  EXPECT_GT(found.bids.front().price_now, decimal());
}

TEST_F(explanation_test, takes_the_bids_of_items_named_alike_where_the_item_is_new) {
  explanation_request unknown = asked();
  unknown.line.item_id.reset();
  unknown.line.description = wire::text<1, 500>{"Culvert Pipe, Size 99"};
  unknown.line.unit.value = "Ft";
  const auto found = explain(*read(), unknown, test::sample_until).value();
  ASSERT_FALSE(found.bids.empty());
  for (const auto& b : found.bids)
    EXPECT_TRUE(b.item.find("culvert") != std::string::npos) << b.item;
  unknown.line.description.reset();
  const auto refused = explain(*read(), unknown, test::sample_until);
  EXPECT_EQ(refused.error().code, errc::invalid_input);
  EXPECT_EQ(refused.error().details.at(0).path, "line.description");
}

} // namespace
