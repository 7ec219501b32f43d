#pragma once
// Signed access tokens (JWT, RFC 7519, signed with Ed25519, RFC 8037) and random opaque tokens (sessions, refresh,
// CSRF). The signing keys are derived from the secrets of identity: the newest signs, all that are kept verify.
#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/ids.hpp"
#include "identity/key_ring.hpp"
#include "identity/roles.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

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
  // secrets: as key_ring takes them; fails otherwise.
  static result<token_signer> create(std::string_view secrets);

  std::string sign(const token_claims& claims) const;
  // unauthenticated when the signature is wrong, its key is not kept, the algorithm is not EdDSA, a claim is missing or
  // now is past expiry.
  result<token_claims> verify(std::string_view token, timestamp now) const;
  // The public keys as a JSON Web Key Set (RFC 7517), for whoever wants to verify tokens without asking.
  std::string public_keys() const;

 private:
  token_signer() = default;
  struct signing_key {
    std::string id;
    std::array<unsigned char, 32> public_key;
    std::array<unsigned char, 64> private_key;
  };
  std::vector<signing_key> keys_; // newest first
};

// 32 random bytes as 64 hex digits.
std::string random_token();
// SHA-256 as hex; refresh tokens are stored only so.
std::string token_hash(std::string_view token);
// Equal in constant time.
bool equal_tokens(std::string_view a, std::string_view b);

} // namespace pricing::identity
