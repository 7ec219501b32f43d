#include "wire/cursor.hpp"

#include <gtest/gtest.h>

namespace pricing::wire {
namespace {

struct end_of_page {
  double key = 0;
  std::string name;
};
BOOST_DESCRIBE_STRUCT(end_of_page, (), (key, name))

TEST(cursor, comes_back_and_needs_no_escaping) {
  const end_of_page end{12.5, "Curb & Gutter, 6\" – ü?/+"};
  const auto text = encode_cursor(end);
  EXPECT_EQ(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), text.npos);
  const auto back = decode_cursor<end_of_page>(text);
  ASSERT_TRUE(back && *back);
  EXPECT_EQ((*back)->key, end.key);
  EXPECT_EQ((*back)->name, end.name);
}

TEST(cursor, known_base64) {
  EXPECT_EQ(to_base64url("any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw"); // RFC 4648, without padding
  EXPECT_EQ(from_base64url("YW55IGNhcm5hbCBwbGVhcw"), "any carnal pleas");
}

TEST(cursor, a_strange_one_is_refused) {
  for (const char* bad : {"!", "abc", "YW55", "eyJrZXkiOiJ4In0"})
    EXPECT_EQ(decode_cursor<end_of_page>(std::string(bad)).error().code, errc::invalid_input) << bad;
  EXPECT_FALSE(decode_cursor<end_of_page>(std::nullopt)->has_value());
}

} // namespace
} // namespace pricing::wire
