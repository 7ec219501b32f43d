#include "core/decimal.hpp"

#include <gtest/gtest.h>

using pricing::decimal;

TEST(decimal, keeps_every_digit_of_a_price) {
  for (const char* text : {"0.01", "12.5", "3306400", "-7.25", "922337203685477.5807", "0.0001"})
    EXPECT_EQ(decimal::parse(text)->to_string(), text);
}

TEST(decimal, rounds_the_fifth_digit_half_away_from_zero) {
  EXPECT_EQ(decimal::parse("1.00005")->to_string(), "1.0001");
  EXPECT_EQ(decimal::parse("-1.00005")->to_string(), "-1.0001");
  EXPECT_EQ(decimal::parse("1.00004999")->to_string(), "1");
}

TEST(decimal, refuses_what_is_not_a_plain_number) {
  for (const char* text : {"", "-", ".", "1e5", "1,000", "12.3.4", "$5", " 1", "NaN", "922337203685477.58075"})
    EXPECT_FALSE(decimal::parse(text).has_value()) << text;
}

TEST(decimal, multiplies_quantity_by_price_exactly) {
  EXPECT_EQ(multiply(*decimal::parse("7500"), *decimal::parse("1.33"))->to_string(), "9975");
  EXPECT_EQ(multiply(*decimal::parse("-0.5"), *decimal::parse("0.0001"))->to_string(), "-0.0001");
  EXPECT_FALSE(multiply(*decimal::parse("900000000000"), *decimal::parse("900000000000")).has_value());
}
