// Numbers pass through unchanged, or not at all.
#include "wire/exact_json.hpp"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

namespace pricing::wire {
namespace {

TEST(exact_json, keeps_every_double_to_the_last_bit) {
  std::mt19937_64 random(3);
  std::string text = "[";
  std::vector<double> sent{0.1 + 0.2, 5e-324, 1.7976931348623157e308, 2.2250738585072014e-308, -0.0};
  while (sent.size() < 20'000)
    if (const double d = std::bit_cast<double>(random()); std::isfinite(d))
      sent.push_back(d);
  char digits[40];
  for (const double d : sent) {
    std::snprintf(digits, sizeof digits, "%.17g", d);
    text.append(text.size() > 1 ? ", " : "").append(digits);
    if (std::string_view(digits).find_first_of(".e") == std::string_view::npos)
      text += ".0";
  }
  const auto read = parse_exact(text + "]", {}, 8);
  ASSERT_TRUE(read) << read.error().message;
  const auto& list = read->as_array();
  ASSERT_EQ(list.size(), sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i)
    ASSERT_EQ(std::bit_cast<std::uint64_t>(list[i].as_double()), std::bit_cast<std::uint64_t>(sent[i])) << sent[i];
}

TEST(exact_json, keeps_integers_of_64_bits_and_refuses_longer_ones) {
  const auto read = parse_exact("[-9223372036854775808, 18446744073709551615]", {}, 8);
  ASSERT_TRUE(read);
  EXPECT_EQ(boost::json::serialize(*read), "[-9223372036854775808,18446744073709551615]");
  const auto refused = parse_exact(R"({"a": [1, 123456789012345678901234567890]})", {}, 8);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("64 bits"), std::string::npos) << refused.error().message;
  EXPECT_FALSE(parse_exact("1e999", {}, 8));
  EXPECT_TRUE(parse_exact("1e-999", {}, 8));
  EXPECT_TRUE(parse_exact("\"123456789012345678901234567890\"", {}, 8));
}

TEST(exact_json, refuses_what_is_no_json_or_more_than_one) {
  for (const auto* text : {"", "[", "[1,]", "1 2", "{\"a\"}", "nul", "\"a", "[[[1]]]", "01", "1e", "\xff"})
    EXPECT_FALSE(parse_exact(text, {}, 2)) << text;
  for (const auto* text : {"1", " [1] ", "null", "\"a\\u00e9\"", "{\"a\": {}}", "1e3"})
    EXPECT_TRUE(parse_exact(text, {}, 2)) << text;
}

} // namespace
} // namespace pricing::wire
