// From a snapshot and lines to prices, intervals and reasons.
#include "models/predict.hpp"
#include "sample_market.hpp"

#include <gtest/gtest.h>

using namespace pricing;
using namespace pricing::models;

namespace {

decimal sum_of(const std::vector<price_reason>& reasons) {
  decimal sum;
  for (const auto& r : reasons)
    sum = sum + r.money;
  return sum;
}

TEST(price_reasons, add_up_to_the_expected_price_in_decimals) {
  std::mt19937 random(5);
  std::normal_distribution<float> size(0, 0.4F);
  for (int i = 0; i < 2'000; ++i) {
    learn::prediction p;
    p.base = std::exp(std::uniform_real_distribution(-6., 12.)(random));
    double all = 0;
    for (auto& r : p.reasons)
      all += r = i % 10 == 0 ? 0 : size(random);
    p.expected = p.base * std::exp(all);
    const auto expected = decimal::from_double(p.expected).value();
    const auto reasons = reasons_of(p, expected);
    ASSERT_EQ(sum_of(reasons), expected) << p.base << " " << all;
    ASSERT_EQ(reasons.size(), learn::reason_groups + 1);
    ASSERT_EQ(reasons[0].name, "base");
  }
}

TEST(price_reasons, divide_the_way_from_base_to_expected_by_the_contributions) {
  learn::prediction p;
  p.base = 100;
  p.reasons = {0.2F, -0.1F, 0, 0, 0, 0};
  p.expected = 100 * std::exp(0.1);
  const auto reasons = reasons_of(p, decimal::from_double(p.expected).value());
  EXPECT_EQ(reasons[0].money.to_string(), "100");
  EXPECT_NEAR(reasons[1].money.to_double(), 2 * 10.5171, 0.001); // L = 10.5171 / 0.1
  EXPECT_NEAR(reasons[2].money.to_double(), -10.5171, 0.001);
  EXPECT_NEAR(reasons[1].share, std::expm1(0.2), 1e-6);
  EXPECT_EQ(reasons[3].money, decimal());
}

class predict_test : public testing::Test {
 protected:
  // Gone before main ends: the tree library frees its own state then.
  static void SetUpTestSuite() {
    const auto& trained = test::trained_market::instance();
    postgres::session session(test::postgres_server::instance().app_url());
    session.begin(trained.market.organization);
    const auto key = session.query<std::string>("select object_key from models where state = 'promoted'").at(0);
    session.commit();
    known_ = std::make_unique<snapshot>(market::load_history(session, trained.market.organization),
                                        learn::price_model::load(trained.objects.get(key).value()).value(),
                                        trained.report.version);
  }
  static void TearDownTestSuite() { known_.reset(); }
  static const snapshot& now() { return *known_; }
  static prediction_line line(int item, double quantity) {
    prediction_line out;
    out.item_id = test::trained_market::instance().market.items.at(static_cast<std::size_t>(item));
    out.quantity = decimal::from_double(quantity).value();
    return out;
  }
  static prediction_line described(const char* description, const char* unit, double quantity) {
    prediction_line out;
    out.description = wire::text<1, 500>{description};
    out.unit.value = unit;
    out.quantity = decimal::from_double(quantity).value();
    return out;
  }
  static std::vector<predicted_line> ask(std::vector<prediction_line> lines) {
    prediction_request request;
    for (auto& l : lines)
      request.lines.push_back(std::move(l));
    return predict(now(), request, test::sample_until).value().lines;
  }

 private:
  static inline std::unique_ptr<snapshot> known_;
};

TEST_F(predict_test, finds_the_fair_price_and_how_it_falls_with_quantity) {
  const auto lines = ask({line(7, 50), line(7, 2'000), line(30, 400)});
  const std::array<double, 3> fair{test::sample_price(7, 50, test::sample_until) * 1.075,
                                   test::sample_price(7, 2'000, test::sample_until) * 1.075,
                                   test::sample_price(30, 400, test::sample_until) * 1.075};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& l = lines.at(i);
    EXPECT_EQ(l.source, "model");
    ASSERT_TRUE(l.expected && l.expected_low && l.expected_total && l.low90);
    EXPECT_NEAR(std::log(l.expected->to_double() / fair[i]), 0, 0.15) << i;
    EXPECT_LT(*l.low90, *l.low50);
    EXPECT_LT(*l.low50, *l.expected);
    EXPECT_LT(*l.expected, *l.high50);
    EXPECT_LT(*l.high50, *l.high90);
    EXPECT_NEAR(std::log(l.expected_low->to_double() / fair[i]), std::log(1.03 / 1.075), 0.15) << i;
    EXPECT_GT(l.bids, 0);
    EXPECT_EQ(sum_of(l.reasons), *l.expected);
    EXPECT_FALSE(l.reasons[0].label.empty());
  }
}

TEST_F(predict_test, says_how_unusual_each_price_is_in_order) {
  auto asked = line(7, 300);
  const double fair = test::sample_price(7, 300, test::sample_until) * 1.075;
  for (const double share : {0.5, 1.0, 2.0})
    asked.prices.push_back(decimal::from_double(fair * share).value());
  const auto tails = ask({asked}).at(0).tails;
  ASSERT_EQ(tails.size(), 3U);
  EXPECT_LT(tails[0].lower, 0.02);
  EXPECT_GT(tails[1].lower, 0.05);
  EXPECT_GT(tails[1].upper, 0.05);
  EXPECT_LT(tails[2].upper, 0.02);
  EXPECT_GT(tails[2].n, 100);
}

TEST_F(predict_test, knows_an_item_by_its_name_and_unit) {
  const std::string name = test::sample_item_name(7);
  const auto lines = ask({line(7, 300), described(("  " + name + " ").c_str(), "ft.", 300)});
  EXPECT_EQ(lines[1].expected, lines[0].expected);
  EXPECT_EQ(lines[1].bids, lines[0].bids);
  EXPECT_GT(lines[1].bids, 0);
}

TEST_F(predict_test, judges_a_new_item_by_its_words_and_says_so) {
  const auto l = ask({described("Culvert Pipe, Special", "Ft", 300)}).at(0);
  EXPECT_EQ(l.bids, 0);
  ASSERT_EQ(l.source, "model"); // there are eight culvert pipes
  EXPECT_GT(*l.high90, *l.low90);
  const auto strange = ask({described("Helicopter lease", "Hr", 1)}).at(0);
  EXPECT_TRUE(strange.source == "none" ? !strange.expected.has_value() : strange.expected.has_value());
  EXPECT_EQ(strange.bids, 0);
}

TEST_F(predict_test, refuses_lines_that_name_nothing) {
  prediction_request request;
  request.lines.push_back(line(1, 1));
  request.lines.push_back(described("***", "Ft", 1));
  const auto refused = predict(now(), request, test::sample_until);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::invalid_input);
  ASSERT_EQ(refused.error().details.size(), 1U);
  EXPECT_EQ(refused.error().details[0].path, "lines[1].description");
}

TEST_F(predict_test, leaves_reasons_out_when_not_asked_for) {
  prediction_request request;
  request.reasons.value = false;
  request.lines.push_back(line(7, 300));
  EXPECT_TRUE(predict(now(), request, test::sample_until).value().lines.at(0).reasons.empty());
}

} // namespace
