#pragma once
// Signed access tokens (JWT, HS256, through libjwt) and random opaque tokens (sessions, refresh, CSRF).
#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/ids.hpp"
#include "identity/roles.hpp"

#include <string>
#include <string_view>

namespace pricing::identity {

struct token_claims {
  organization_id organization;
  user_id user;
  role as = role::viewer;
  std::chrono::sys_seconds expires_at{};
  timestamp issued_at{}; // 1970 in a token that does not say; then it ends with the first change of its person's role
};

class token_signer {
 public:
  // secret: at least 32 bytes; fails otherwise.
  static result<token_signer> create(std::string secret);

  std::string sign(const token_claims& claims) const;
  // unauthenticated when the signature is wrong, the algorithm is not HS256, a claim is missing or now is past expiry.
  result<token_claims> verify(std::string_view token, timestamp now) const;

 private:
  explicit token_signer(std::string secret) : secret_(std::move(secret)) {}
  std::string secret_;
};

// 32 random bytes as 64 hex digits.
std::string random_token();
// SHA-256 as hex; refresh tokens are stored only so.
std::string token_hash(std::string_view token);
// Equal in constant time.
bool equal_tokens(std::string_view a, std::string_view b);

} // namespace pricing::identity
