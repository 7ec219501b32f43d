#include "economics/benchmark.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace pricing::economics {
namespace {

std::vector<benchmark_price> synthetic(double slope, double sd, int n) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> noise(0, sd);
  std::normal_distribution<double> quantity(4, 1.2);
  std::vector<benchmark_price> out;
  for (int i = 0; i < n; ++i) {
    const double q = quantity(random);
    out.push_back({.day = 900 + i % 90, .log_price = 3 + slope * (q - 4) + noise(random), .log_quantity = q});
  }
  return out;
}

TEST(benchmark, recovers_a_known_slope_and_quantiles) {
  const auto prices = synthetic(-0.25, 0.3, 6'000);
  const auto b = make_benchmark(prices, {.as_of = 1'000, .log_quantity = 4});
  ASSERT_TRUE(b);
  EXPECT_NEAR(b->slope, -0.25, 0.02);
  EXPECT_NEAR(b->median, 3, 0.03);
  EXPECT_NEAR(b->q75, 3 + 0.3 * 0.6745, 0.03);
  EXPECT_NEAR(b->q05, 3 - 0.3 * 1.645, 0.05);
  EXPECT_NEAR(b->q95, 3 + 0.3 * 1.645, 0.05);
  EXPECT_EQ(b->prices, 6'000U);
}

TEST(benchmark, moves_old_prices_with_the_index) {
  std::vector<benchmark_price> prices;
  for (int i = 0; i < 20; ++i) {
    prices.push_back({.day = i, .log_price = 1 + 0.01 * i, .log_quantity = 0, .log_index = 0.01 * i});
  }
  const auto b = make_benchmark(prices, {.as_of = 30, .log_index = 0.5});
  ASSERT_TRUE(b);
  EXPECT_NEAR(b->median, 1.5, 1e-9);
  EXPECT_NEAR(b->q95, 1.5, 1e-9);
}

TEST(benchmark, shrinks_the_slope_of_few_prices_to_the_category) {
  const auto few = synthetic(-0.9, 0.01, 3);
  EXPECT_NEAR(shrunk_slope(few, -0.1, 1'000), -0.1, 0.02);
  EXPECT_NEAR(shrunk_slope({}, -0.1, 20), -0.1, 1e-12);
}

TEST(benchmark, says_nothing_from_too_little_and_never_looks_ahead) {
  auto prices = synthetic(0, 0.1, 2);
  EXPECT_FALSE(make_benchmark(prices, {.as_of = 1'000, .log_quantity = 4}));
  prices = synthetic(0, 0.1, 50);
  const auto before = make_benchmark(prices, {.as_of = 1'000, .log_quantity = 4});
  prices.push_back({.day = 1'000, .log_price = 99, .log_quantity = 4});
  const auto after = make_benchmark(prices, {.as_of = 1'000, .log_quantity = 4});
  EXPECT_EQ(before->median, after->median);
  EXPECT_EQ(after->prices, 50U);
}

} // namespace
} // namespace pricing::economics
