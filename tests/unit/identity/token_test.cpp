#include "identity/token.hpp"

#include <gtest/gtest.h>

using namespace pricing;
using namespace pricing::identity;
using namespace std::chrono_literals;

namespace {

const timestamp noon{std::chrono::sys_days{std::chrono::year{2026} / 1 / 2} + 12h};

token_signer signer(char fill = 'k') {
  return *token_signer::create(std::string(32, fill));
}

token_claims claims() {
  return {{7}, {42}, role::analyst, std::chrono::floor<std::chrono::seconds>(noon) + 15min};
}

} // namespace

TEST(token, carries_its_claims) {
  const auto read = signer().verify(signer().sign(claims()), noon);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->organization.value, 7);
  EXPECT_EQ(read->user.value, 42);
  EXPECT_EQ(read->as, role::analyst);
}

TEST(token, expires) {
  EXPECT_FALSE(signer().verify(signer().sign(claims()), noon + 15min).has_value());
}

TEST(token, refuses_another_key_a_changed_byte_and_no_signature) {
  EXPECT_FALSE(signer('x').verify(signer().sign(claims()), noon).has_value());
  std::string changed = signer().sign(claims());
  changed[changed.find('.') + 3] ^= 1;
  EXPECT_FALSE(signer().verify(changed, noon).has_value());
  // {"alg":"none","typ":"JWT"} . {"sub":"1","org":1,"role":"admin","exp":4102444800} . (nothing)
  EXPECT_FALSE(signer()
                   .verify("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0."
                           "eyJzdWIiOiIxIiwib3JnIjoxLCJyb2xlIjoiYWRtaW4iLCJleHAiOjQxMDI0NDQ4MDB9.",
                           noon)
                   .has_value());
  EXPECT_FALSE(signer().verify("", noon).has_value());
}

TEST(token, of_the_secret_before_is_good_for_as_long_as_that_is_kept) {
  const std::string a(32, 'a'), b(32, 'b');
  const auto rotated = token_signer::create(b + "," + a).value();
  EXPECT_TRUE(rotated.verify(signer('a').sign(claims()), noon).has_value());
  EXPECT_TRUE(signer('b').verify(rotated.sign(claims()), noon).has_value()); // signs with the newest
  EXPECT_FALSE(signer('a').verify(rotated.sign(claims()), noon).has_value());
  const auto keys = rotated.public_keys();
  EXPECT_NE(keys.find(key_ring::create(a)->newest().id()), keys.npos);
  EXPECT_NE(keys.find(key_ring::create(b)->newest().id()), keys.npos);
  EXPECT_EQ(keys.find(a), keys.npos);
}

TEST(token, refuses_what_is_no_token) {
  const auto good = signer().sign(claims());
  for (std::size_t n = 0; n < good.size(); ++n)
    EXPECT_FALSE(signer().verify(good.substr(0, n), noon).has_value()) << n;
  for (const auto* text : {".", "..", "...", "a.b.c", "e30.e30.e30", "W10.W10."})
    EXPECT_FALSE(signer().verify(text, noon).has_value()) << text;
}

TEST(token, needs_a_secret_of_32_bytes) {
  EXPECT_FALSE(token_signer::create("short").has_value());
}

TEST(random_token, is_64_hex_digits_and_never_the_same) {
  EXPECT_EQ(random_token().size(), 64u);
  EXPECT_NE(random_token(), random_token());
}
