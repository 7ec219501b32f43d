#include "forest/isolation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace pricing::forest {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

// Ordinary rows around zero in five features.
std::vector<float> cloud(std::size_t n, std::uint64_t seed = 3) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> d;
  std::vector<float> out(n * 5);
  for (float& v : out) {
    v = d(random);
  }
  return out;
}

isolation_forest trained(const std::vector<float>& values, isolation_options o = {}) {
  return isolation_forest::train({values.data(), values.size() / 5, 5}, 5, o).value();
}

TEST(isolation_forest, scores_far_rows_above_all_ordinary_ones) {
  const auto values = cloud(1'000);
  const auto f = trained(values);
  const std::vector<float> far{6, -6, 6, -6, 6};
  std::vector<float> scores(1'000);
  ASSERT_TRUE(f.scores({values.data(), 1'000, 5}, scores));
  EXPECT_GT(f.score(far.data()), *std::max_element(scores.begin(), scores.end()));
  EXPECT_GT(f.score(far.data()), 0.7F);
  EXPECT_NEAR(std::accumulate(scores.begin(), scores.end(), 0.0F) / 1'000, 0.45F, 0.07F);
}

TEST(isolation_forest, is_decided_by_rows_and_seed) {
  const auto values = cloud(500);
  const auto a = trained(values);
  const auto b = trained(values);
  const auto c = trained(values, {.seed = 2});
  bool different = false;
  for (std::size_t i = 0; i < 500; ++i) {
    EXPECT_EQ(a.score(&values[5 * i]), b.score(&values[5 * i]));
    different |= a.score(&values[5 * i]) != c.score(&values[5 * i]);
  }
  EXPECT_TRUE(different);
}

TEST(isolation_forest, reasons_name_the_odd_feature_and_sum_to_the_depth_saved) {
  const auto values = cloud(1'000);
  const auto f = trained(values);
  const std::vector<float> odd{0, 0, 7, 0, 0};
  std::vector<float> why(5);
  ASSERT_TRUE(f.reasons(odd, why));
  EXPECT_EQ(std::max_element(why.begin(), why.end()) - why.begin(), 2);
  EXPECT_NEAR(std::accumulate(why.begin(), why.end(), 0.0), f.expected_depth() - f.mean_depth(odd.data()), 1e-3);
}

TEST(isolation_forest, judges_rows_with_missing_values_by_the_rest) {
  auto values = cloud(1'000);
  for (std::size_t i = 0; i < values.size(); i += 7) {
    values[i] = nan;
  }
  const auto f = trained(values);
  const std::vector<float> ordinary{nan, 0, 0, nan, 0};
  const std::vector<float> odd{nan, 8, -8, nan, 0};
  const std::vector<float> unknown(5, nan);
  EXPECT_LT(f.score(ordinary.data()), 0.5F);
  EXPECT_GT(f.score(odd.data()), 0.55F);
  EXPECT_LT(f.score(unknown.data()), 0.5F);
  std::vector<float> why(5);
  ASSERT_TRUE(f.reasons(odd, why));
  EXPECT_NEAR(std::accumulate(why.begin(), why.end(), 0.0), f.expected_depth() - f.mean_depth(odd.data()), 1e-3);
}

TEST(isolation_forest, learns_from_few_and_from_constant_rows) {
  const std::vector<float> two{0, 0, 0, 0, 0, 1, 0, 0, 0, 0};
  EXPECT_FLOAT_EQ(trained(two).score(two.data()), 0.5F); // one cut each, which is the mean depth of two
  const std::vector<float> same(50, 1.0F);
  const auto f = trained(same);
  const std::vector<float> other(5, 9.0F);
  EXPECT_EQ(f.score(other.data()), f.score(same.data())); // nothing to cut: it says so by saying nothing
}

TEST(isolation_forest, refuses_what_it_cannot_learn_from) {
  const auto values = cloud(10);
  const auto with = [&](rows x, isolation_options o = {}) { return isolation_forest::train(x, 5, o).has_value(); };
  EXPECT_TRUE(with({values.data(), 10, 5}));
  EXPECT_FALSE(with({values.data(), 1, 5}));
  EXPECT_FALSE(with({values.data(), 10, 4}));
  EXPECT_FALSE(with({values.data(), 10, 5}, {.trees = 0}));
  EXPECT_FALSE(with({values.data(), 10, 5}, {.sample_rows = 300}));
  auto infinite = values;
  infinite[12] = std::numeric_limits<float>::infinity();
  const auto refused = isolation_forest::train({infinite.data(), 10, 5}, 5);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("row 2"), std::string::npos);
}

} // namespace
} // namespace pricing::forest
