#include "identity/password.hpp"
#include "identity/roles.hpp"

#include <gtest/gtest.h>

#include <algorithm>

using namespace pricing::identity;

TEST(password, is_kept_as_argon2id_and_verified) {
  const auto hash = hash_password("a long enough secret");
  ASSERT_TRUE(hash.has_value());
  EXPECT_TRUE(hash->starts_with("$argon2id$"));
  EXPECT_TRUE(verify_password(*hash, "a long enough secret"));
  EXPECT_FALSE(verify_password(*hash, "a long enough secreT"));
  EXPECT_FALSE(verify_password("not a hash", "a long enough secret"));
}

TEST(password, has_12_to_128_characters) {
  EXPECT_FALSE(hash_password("eleven char").has_value());
  EXPECT_FALSE(hash_password(std::string(129, 'x')).has_value());
}

TEST(generated_password, is_accepted_as_a_password) {
  EXPECT_TRUE(hash_password(generate_password()).has_value());
}

namespace {

bool has_permission(role r, std::string_view permission) {
  return std::ranges::binary_search(permissions_of(r), permission);
}

} // namespace

TEST(roles, deny_what_is_not_granted) {
  EXPECT_TRUE(has_permission(role::admin, "user.write"));
  EXPECT_FALSE(has_permission(role::manager, "user.write"));
  EXPECT_FALSE(has_permission(role::viewer, "upload.create"));
  EXPECT_FALSE(has_permission(role::admin, "no.such"));
  EXPECT_TRUE(permissions_of(role::supplier).empty());
}

TEST(roles, every_lower_role_is_contained_in_the_next_one_up) {
  const role ladder[] = {role::viewer, role::buyer, role::manager, role::admin};
  for (std::size_t i = 0; i + 1 < std::size(ladder); ++i)
    for (const auto permission : permissions_of(ladder[i]))
      EXPECT_TRUE(has_permission(ladder[i + 1], permission)) << permission;
}
