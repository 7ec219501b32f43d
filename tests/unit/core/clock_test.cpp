#include "core/clock.hpp"

#include <gtest/gtest.h>

TEST(date, reads_and_prints_iso) {
  EXPECT_EQ(pricing::to_string(*pricing::parse_date("2024-02-29")), "2024-02-29");
  for (const char* text : {"2023-02-29", "2024-13-01", "24-01-01", "2024/01/01", "2024-01-1x", ""})
    EXPECT_FALSE(pricing::parse_date(text).has_value()) << text;
}
