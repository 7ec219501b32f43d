#include "learn/anomaly.hpp"

#include "learn/false_discovery.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace pricing::learn {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

// Four features: the item's robust z first, then context.
std::vector<float> ordinary(std::size_t n, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> d;
  std::vector<float> out(n * 4);
  for (float& v : out) {
    v = d(random);
  }
  return out;
}

forest::rows rows_of(const std::vector<float>& values) {
  return {values.data(), values.size() / 4, 4};
}

anomaly_detector detector(std::size_t n = 8'000) {
  const auto reference = ordinary(n, 1);
  return anomaly_detector::fit(rows_of(reference), 4, {.z_feature = 0, .isolation = {.trees = 100}}).value();
}

TEST(false_discovery, adjusts_as_benjamini_and_hochberg) {
  const std::vector<double> p{0.01, 0.04, 0.03, std::nan(""), 0.5};
  const auto q = false_discovery_rates(p);
  EXPECT_DOUBLE_EQ(q[0], 0.04);
  EXPECT_DOUBLE_EQ(q[1], 0.04 * 4 / 3);
  EXPECT_DOUBLE_EQ(q[2], 0.04 * 4 / 3); // never above that of a larger p
  EXPECT_TRUE(std::isnan(q[3]));
  EXPECT_DOUBLE_EQ(q[4], 0.5);
}

TEST(robust_z, is_not_moved_by_a_few_wild_prices) {
  std::mt19937_64 random(4);
  std::normal_distribution<float> d(0.1F, 0.2F);
  std::vector<float> residuals(200);
  for (float& r : residuals) {
    r = d(random);
  }
  std::fill_n(residuals.begin(), 20, 9.0F);
  const auto reference = make_robust_reference(residuals);
  EXPECT_NEAR(reference.median, 0.1, 0.06);
  EXPECT_NEAR(reference.scale, 0.23, 0.05);
  EXPECT_GT(robust_z(9, reference), 30);
}

TEST(robust_z, borrows_the_spread_of_the_category_where_the_item_says_little) {
  const std::vector<float> two{0, 0.001F};
  const auto few = make_robust_reference(two, {.category_scale = 0.4});
  EXPECT_GT(few.scale, 0.3);
  const std::vector<float> same(500, 0.2F);
  const auto many = make_robust_reference(same, {.category_scale = 0.4});
  EXPECT_LT(many.scale, 0.05);
  EXPECT_GE(many.scale, 0.02); // a list price off by a cent is no anomaly
  EXPECT_LT(robust_z(0.4, few), robust_z(0.4, many));
  const auto none = make_robust_reference({});
  EXPECT_EQ(none.n, 0U);
  EXPECT_NEAR(robust_z(0.4, none), 1, 1e-9);
}

TEST(anomaly, p_values_of_ordinary_rows_are_uniform) {
  const auto d = detector();
  const auto upload = ordinary(4'000, 2);
  const auto report = d.examine(rows_of(upload)).value();
  for (const double level : {0.01, 0.05, 0.2, 0.5}) {
    const auto n = std::count_if(report.rows.begin(), report.rows.end(), [&](const auto& e) { return e.p <= level; });
    EXPECT_NEAR(static_cast<double>(n) / 4'000, level, 0.015 + level / 20) << level;
  }
}

TEST(anomaly, holds_the_false_discovery_rate_of_uploads) {
  const auto d = detector();
  std::size_t right = 0;
  std::size_t wrong = 0;
  for (std::uint64_t seed = 10; seed < 40; ++seed) {
    auto upload = ordinary(200, seed);
    for (std::size_t i = 0; i < 10; ++i) {
      upload[4 * i] = 9;
      upload[4 * i + 2] = -8;
    }
    const auto report = d.examine(rows_of(upload)).value();
    for (const auto& a : report.anomalies) {
      ++(a.row < 10 ? right : wrong);
    }
  }
  EXPECT_EQ(right, 300U);
  EXPECT_LE(static_cast<double>(wrong) / static_cast<double>(right + wrong), 0.13);
}

TEST(anomaly, says_why_and_what_it_costs_the_dearest_first) {
  const auto d = detector();
  auto upload = ordinary(100, 7);
  upload[4 * 20] = 12; // much too dear for its item
  upload[4 * 20 + 1] = upload[4 * 20 + 2] = upload[4 * 20 + 3] = 0;
  upload[4 * 30] = -12;
  std::vector<row_money> money(100, {10, 10, 5});
  money[20] = {30, 10, 4};
  money[30] = {1, 10, 100};
  const auto report = d.examine(rows_of(upload), money).value();
  ASSERT_GE(report.anomalies.size(), 2U);
  EXPECT_EQ(report.anomalies[0].row, 30U);
  EXPECT_DOUBLE_EQ(report.anomalies[0].excess.value(), -900);
  const auto& dear = report.anomalies[1];
  EXPECT_EQ(dear.row, 20U);
  EXPECT_DOUBLE_EQ(dear.excess.value(), 80);
  ASSERT_FALSE(dear.reasons.empty());
  EXPECT_EQ(dear.reasons[0].feature, 0U);
  EXPECT_GT(dear.reasons[0].share, 0.8);
  EXPECT_FLOAT_EQ(dear.reasons[0].value, 12);
  EXPECT_NEAR(dear.reasons[0].typical, 0, 0.1);
  EXPECT_LT(dear.reasons[0].tail, 0.001);
}

TEST(anomaly, does_without_an_expected_price_and_without_values) {
  const auto d = detector();
  std::vector<float> upload{nan, 15, 15, 15, nan, nan, nan, nan};
  const std::vector<row_money> money(2, {10, 0, 5});
  const auto report = d.examine(rows_of(upload), money).value();
  ASSERT_EQ(report.anomalies.size(), 1U);
  EXPECT_EQ(report.anomalies[0].row, 0U);
  EXPECT_FALSE(report.anomalies[0].excess);
  EXPECT_EQ(report.rows[0].z_p, 1);
  EXPECT_GT(report.rows[1].p, 0.05);
  EXPECT_TRUE(d.examine({nullptr, 0, 4}).value().rows.empty());
}

TEST(anomaly, refuses_what_it_cannot_judge) {
  const auto few = ordinary(20, 1);
  EXPECT_FALSE(anomaly_detector::fit(rows_of(few), 4));
  const auto enough = ordinary(100, 1);
  EXPECT_FALSE(anomaly_detector::fit(rows_of(enough), 4, {.z_feature = 4}));
  EXPECT_FALSE(anomaly_detector::fit(rows_of(enough), 4, {.false_discovery_rate = 0}));
  const auto d = anomaly_detector::fit(rows_of(enough), 4).value();
  EXPECT_FALSE(d.examine({enough.data(), 3, 3}));
  EXPECT_FALSE(d.examine(rows_of(enough), std::vector<row_money>(7)));
}

} // namespace
} // namespace pricing::learn
