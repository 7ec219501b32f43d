#include "economics/verdict.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pricing::economics {
namespace {

TEST(quote_verdict, follows_the_tails) {
  const auto of = [](double upper) { return judge(tail_evidence{upper, 1.01 - upper, 100}); };
  EXPECT_EQ(of(0.5), quote_verdict::fair);
  EXPECT_EQ(of(0.11), quote_verdict::fair);
  EXPECT_EQ(of(0.10), quote_verdict::high);
  EXPECT_EQ(of(0.025), quote_verdict::very_high);
  EXPECT_EQ(of(0.92), quote_verdict::low);
  EXPECT_EQ(of(0.99), quote_verdict::suspiciously_low);
}

TEST(quote_verdict, abstains_below_the_number_that_its_threshold_needs) {
  EXPECT_EQ(judge(std::nullopt), quote_verdict::too_little_data);
  EXPECT_EQ(judge(tail_evidence{0.01, 0.9, 8}), quote_verdict::too_little_data); // 1/0.10 − 1 = 9
  EXPECT_EQ(judge(tail_evidence{0.02, 0.9, 9}), quote_verdict::high);            // 39 for very_high
  EXPECT_EQ(judge(tail_evidence{0.02, 0.9, 39}), quote_verdict::very_high);
  EXPECT_EQ(judge(tail_evidence{0.9, 0.02, 38}), quote_verdict::low);
}

TEST(quote_verdict, has_the_names_of_the_interface) {
  EXPECT_EQ(std::string(to_string(quote_verdict::suspiciously_low)), "suspiciously_low");
  EXPECT_EQ(std::string(to_string(quote_verdict::too_little_data)), "too_little_data");
  EXPECT_DOUBLE_EQ(excess(12, 10, 5), 10);
}

} // namespace
} // namespace pricing::economics
