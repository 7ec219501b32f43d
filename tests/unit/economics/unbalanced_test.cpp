#include "economics/unbalanced.hpp"

#include <gtest/gtest.h>

namespace pricing::economics {
namespace {

std::vector<bid_line> even(double level) {
  std::vector<bid_line> out;
  for (int i = 0; i < 10; ++i) {
    out.push_back({.price = level * 10, .expected = 10, .quantity = 100, .log_scale = 0.3});
  }
  return out;
}

TEST(unbalanced, leaves_a_dear_but_even_bid_alone) {
  const auto r = examine(even(1.3));
  EXPECT_TRUE(r.flags.empty());
  EXPECT_NEAR(r.score, 0, 1e-12);
  EXPECT_NEAR(r.log_level, 0.262, 0.001);
}

TEST(unbalanced, flags_money_moved_between_lines) {
  auto bid = even(1);
  bid[2].price = 30;
  bid[7].price = 1;
  const auto r = examine(bid);
  ASSERT_EQ(r.flags.size(), 2U);
  EXPECT_EQ(r.flags[0].line, 2U);
  EXPECT_TRUE(r.flags[0].high);
  EXPECT_NEAR(r.flags[0].money, 2'000, 1e-9);
  EXPECT_EQ(r.flags[1].line, 7U);
  EXPECT_FALSE(r.flags[1].high);
  EXPECT_GT(r.score, 0.2);
}

TEST(unbalanced, finds_the_quantity_that_turns_the_ranking) {
  auto lowest = even(1);
  lowest[2].price = 30;
  lowest[7].price = 1;
  auto second = even(1.12); // 11,200 against 11,100: 20 % more of line 2 costs 376 more than with the second
  auto reports = examine_all(std::vector{second, lowest});
  EXPECT_TRUE(reports[1].rank_reversal);
  EXPECT_FALSE(reports[0].rank_reversal);
  ASSERT_FALSE(reports[1].reversal_lines.empty());
  EXPECT_EQ(reports[1].reversal_lines.front(), 2U);
  auto far = even(1.8);
  EXPECT_FALSE(examine_all(std::vector{lowest, far})[0].rank_reversal);
}

TEST(unbalanced, does_not_judge_lines_without_an_expected_price) {
  auto bid = even(1);
  bid[2] = {.price = 500, .expected = 0, .quantity = 100};
  EXPECT_TRUE(examine(bid).flags.empty());
}

} // namespace
} // namespace pricing::economics
