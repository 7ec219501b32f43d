#include "economics/market_index.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace pricing::economics {
namespace {

TEST(market_index, recovers_a_known_path_from_a_changing_basket) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> noise(0, 0.05);
  const std::vector<double> path{0, 0.02, 0.05, 0.20, 0.15, 0.18};
  std::vector<index_price> prices;
  for (std::uint32_t item = 0; item < 300; ++item) {
    for (std::uint32_t t = 0; t < path.size(); ++t) {
      if (random() % 3 != 0) { // dear items come late: an average price would show a rise that is none
        prices.push_back({item, t, item * 0.01 + path[t] + noise(random), 1.0 + item % 7});
      }
    }
  }
  const auto index = market_index(prices, {.periods = 6});
  for (std::uint32_t t = 0; t < path.size(); ++t) {
    EXPECT_NEAR(std::log(index[t].value / 100), path[t], 0.02);
    EXPECT_LE(index[t].lower, index[t].value);
    EXPECT_GE(index[t].upper, index[t].value);
  }
  EXPECT_LT(std::log(index[3].upper / index[3].lower), 0.06);
  EXPECT_GT(index[3].matched_share, 0.95);
}

TEST(market_index, repeats_the_last_value_where_nothing_matches) {
  const std::vector<index_price> prices{{0, 0, 1.0}, {0, 1, 1.1}, {1, 2, 5.0}, {0, 3, 1.2}};
  const auto index = market_index(prices, {.periods = 4, .bootstrap = 0});
  EXPECT_EQ(index[2].matched_items, 0U);
  EXPECT_DOUBLE_EQ(index[2].value, index[1].value);
  EXPECT_NEAR(std::log(index[3].value / 100), 0.2, 1e-6);
}

TEST(own_index, is_fisher_of_the_common_items) {
  const std::vector<basket_line> lines{{0, 0, 10, 2}, {1, 0, 5, 4}, {0, 1, 12, 1}, {1, 1, 5, 6}, {2, 1, 999, 1}};
  const double laspeyres = (12.0 * 2 + 5 * 4) / (10 * 2 + 5 * 4);
  const double paasche = (12.0 * 1 + 5 * 6) / (10 * 1 + 5 * 6);
  EXPECT_NEAR(own_index(lines, 2)[1], 100 * std::sqrt(laspeyres * paasche), 1e-9);
}

} // namespace
} // namespace pricing::economics
