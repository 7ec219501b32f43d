#include "learn/conformal.hpp"

#include <gtest/gtest.h>

#include <random>

namespace pricing::learn {
namespace {

std::vector<weighted_score> draw(std::mt19937_64& random, std::size_t n) {
  std::lognormal_distribution<float> d(0, 0.7F); // skewed: the two sides must be right on their own
  std::vector<weighted_score> out(n);
  for (auto& s : out) {
    s.score = d(random);
  }
  return out;
}

TEST(conformal, covers_exchangeable_scores_at_the_level_asked_for) {
  std::mt19937_64 random(5);
  int in = 0;
  const int rounds = 4'000;
  for (int k = 0; k < rounds; ++k) {
    const auto r = central_range(make_table(draw(random, 60)), 0.9);
    ASSERT_TRUE(r);
    const float next = draw(random, 1)[0].score;
    in += next >= r->low && next <= r->high ? 1 : 0;
  }
  EXPECT_GE(in, 0.89 * rounds);
  EXPECT_LE(in, 0.95 * rounds);
}

TEST(conformal, abstains_below_one_over_alpha_minus_one) {
  std::mt19937_64 random(5);
  EXPECT_FALSE(central_range(make_table(draw(random, 18)), 0.9)); // α = 0.05 a side: 19
  EXPECT_TRUE(central_range(make_table(draw(random, 19)), 0.9));
  EXPECT_FALSE(central_range({}, 0.5));
}

TEST(conformal, tails_count_scores_at_least_as_far_out) {
  const auto t = make_table({{1, 1}, {2, 1}, {3, 1}, {4, 1}});
  EXPECT_DOUBLE_EQ(upper_tail(t, 3), 3.0 / 5);
  EXPECT_DOUBLE_EQ(upper_tail(t, 9), 1.0 / 5);
  EXPECT_DOUBLE_EQ(lower_tail(t, 0), 1.0 / 5);
  EXPECT_DOUBLE_EQ(lower_tail(t, 2), 3.0 / 5);
}

TEST(conformal, old_scores_weigh_less) {
  std::vector<weighted_score> scores;
  for (int i = 0; i < 200; ++i) {
    scores.push_back({static_cast<float>(i % 100), 1});
    scores.push_back({1'000.0F + static_cast<float>(i % 100), 0.001F});
  }
  EXPECT_LT(central_range(make_table(scores), 0.9)->high, 100);
  EXPECT_LT(make_table(scores).effective_n, 202);
}

} // namespace
} // namespace pricing::learn
