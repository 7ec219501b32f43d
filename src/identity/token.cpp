#include "identity/token.hpp"

#include <jwt.h>
#include <sodium.h>

#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace pricing::identity {
namespace {

using jwt_pointer = std::unique_ptr<jwt_t, decltype(&jwt_free)>;

std::string hex(const unsigned char* bytes, std::size_t size) {
  std::string out(size * 2 + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), bytes, size);
  out.pop_back();
  return out;
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

error refused() {
  return {errc::unauthenticated, "the access token is invalid or has expired; sign in again"};
}

} // namespace

result<token_signer> token_signer::create(std::string secret) {
  if (secret.size() < 32)
    return invalid_input("identity.secret must have at least 32 characters; make one with `openssl rand -hex 32`");
  return token_signer(std::move(secret));
}

std::string token_signer::sign(const token_claims& claims) const {
  jwt_t* raw = nullptr;
  if (jwt_new(&raw) != 0)
    throw std::bad_alloc();
  const jwt_pointer token(raw, jwt_free);
  jwt_add_grant(raw, "sub", std::to_string(claims.user.value).c_str());
  jwt_add_grant_int(raw, "org", claims.organization.value);
  jwt_add_grant(raw, "role", std::string(to_string(claims.as)).c_str());
  jwt_add_grant_int(raw, "exp", claims.expires_at.time_since_epoch().count());
  jwt_add_grant_int(raw, "issued_us", claims.issued_at.time_since_epoch().count());
  jwt_set_alg(raw, JWT_ALG_HS256, bytes_of(secret_), static_cast<int>(secret_.size()));
  const std::unique_ptr<char, decltype(&std::free)> text(jwt_encode_str(raw), std::free);
  if (!text)
    throw std::runtime_error("libjwt could not sign a token");
  return text.get();
}

result<token_claims> token_signer::verify(std::string_view token, timestamp now) const {
  constexpr std::size_t token_bytes_max = 4096;
  if (token.size() > token_bytes_max)
    return refused();
  jwt_t* raw = nullptr;
  if (jwt_decode(&raw, std::string(token).c_str(), bytes_of(secret_), static_cast<int>(secret_.size())) != 0)
    return refused();
  const jwt_pointer decoded(raw, jwt_free);
  if (jwt_get_alg(raw) != JWT_ALG_HS256)
    return refused();
  const char* subject = jwt_get_grant(raw, "sub");
  const char* role_name = jwt_get_grant(raw, "role");
  const std::chrono::sys_seconds expires_at{std::chrono::seconds(jwt_get_grant_int(raw, "exp"))};
  const auto as = role_name ? parse_role(role_name) : std::nullopt;
  const std::int64_t organization = jwt_get_grant_int(raw, "org");
  if (!subject || !as || organization <= 0 || expires_at <= now)
    return refused();
  const timestamp issued_at{std::chrono::microseconds(jwt_get_grant_int(raw, "issued_us"))};
  return token_claims{{organization}, {std::atoll(subject)}, *as, expires_at, issued_at};
}

std::string random_token() {
  unsigned char bytes[32];
  randombytes_buf(bytes, sizeof bytes);
  return hex(bytes, sizeof bytes);
}

std::string token_hash(std::string_view token) {
  unsigned char digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(digest, bytes_of(token), token.size());
  return hex(digest, sizeof digest);
}

bool equal_tokens(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace pricing::identity
