#include "identity/token.hpp"

#include <boost/json.hpp>
#include <sodium.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace pricing::identity {
namespace {

namespace json = boost::json;

std::string hex(const unsigned char* bytes, std::size_t size) {
  std::string out(size * 2 + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), bytes, size);
  out.pop_back();
  return out;
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

constexpr int base64url = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

std::string encoded(std::string_view raw) {
  std::string out(sodium_base64_encoded_len(raw.size(), base64url), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes_of(raw), raw.size(), base64url);
  out.pop_back();
  return out;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string out(text.size(), '\0');
  std::size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(), text.size(), nullptr,
                        &size, &end, base64url) != 0 ||
      end != text.data() + text.size())
    return std::nullopt;
  out.resize(size);
  return out;
}

template <std::size_t N>
std::string_view text_of(const std::array<unsigned char, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), N};
}

std::optional<json::object> decoded_object(std::string_view part) {
  const auto text = decoded(part);
  if (!text)
    return std::nullopt;
  boost::system::error_code failed;
  auto v = json::parse(*text, failed);
  if (failed || !v.is_object())
    return std::nullopt;
  return std::move(v.as_object());
}

std::string_view string_of(const json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  return v && v->is_string() ? std::string_view(v->as_string().data(), v->as_string().size()) : std::string_view();
}
std::int64_t integer_of(const json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  return v && v->is_int64() ? v->as_int64() : 0;
}

error refused() {
  return {errc::unauthenticated, "the access token is invalid or has expired; sign in again"};
}

} // namespace

result<token_signer> token_signer::create(std::string_view secrets) {
  const auto ring = key_ring::create(secrets);
  if (!ring)
    return ring.error();
  token_signer out;
  for (const auto& secret : ring->all()) {
    signing_key key{.id = secret.id(), .public_key = {}, .private_key = {}};
    const auto seed = secret.derive("pricing: access tokens");
    crypto_sign_seed_keypair(key.public_key.data(), key.private_key.data(), seed.data());
    out.keys_.push_back(std::move(key));
  }
  return out;
}

std::string token_signer::sign(const token_claims& claims) const {
  const auto& key = keys_.front();
  const json::object header{{"alg", "EdDSA"}, {"kid", key.id}, {"typ", "JWT"}};
  const json::object payload{{"sub", std::to_string(claims.user.value)},
                             {"org", claims.organization.value},
                             {"role", std::string(to_string(claims.as))},
                             {"exp", std::int64_t{claims.expires_at.time_since_epoch().count()}},
                             {"issued_us", std::int64_t{claims.issued_at.time_since_epoch().count()}}};
  std::string out = encoded(json::serialize(header)) + "." + encoded(json::serialize(payload));
  std::array<unsigned char, crypto_sign_BYTES> signature;
  crypto_sign_detached(signature.data(), nullptr, bytes_of(out), out.size(), key.private_key.data());
  return out + "." + encoded(text_of(signature));
}

result<token_claims> token_signer::verify(std::string_view token, timestamp now) const {
  constexpr std::size_t token_bytes_max = 4096;
  const auto first = token.find('.'), last = token.rfind('.');
  if (token.size() > token_bytes_max || first == token.npos || first == last)
    return refused();
  const auto header = decoded_object(token.substr(0, first));
  const auto signature = decoded(token.substr(last + 1));
  if (!header || !signature || signature->size() != crypto_sign_BYTES || string_of(*header, "alg") != "EdDSA")
    return refused();
  const auto key = std::ranges::find(keys_, string_of(*header, "kid"), &signing_key::id);
  if (key == keys_.end() ||
      crypto_sign_verify_detached(bytes_of(*signature), bytes_of(token), last, key->public_key.data()) != 0)
    return refused();
  const auto payload = decoded_object(token.substr(first + 1, last - first - 1));
  if (!payload)
    return refused();
  const auto subject = string_of(*payload, "sub");
  std::int64_t user = 0;
  std::from_chars(subject.data(), subject.data() + subject.size(), user);
  const auto as = parse_role(string_of(*payload, "role"));
  const std::int64_t organization = integer_of(*payload, "org");
  const std::chrono::sys_seconds expires_at{std::chrono::seconds(integer_of(*payload, "exp"))};
  if (user <= 0 || !as || organization <= 0 || expires_at <= now)
    return refused();
  const timestamp issued_at{std::chrono::microseconds(integer_of(*payload, "issued_us"))};
  return token_claims{{organization}, {user}, *as, expires_at, issued_at};
}

std::string token_signer::public_keys() const {
  json::array keys;
  for (const auto& key : keys_)
    keys.emplace_back(json::object{{"kty", "OKP"},
                                   {"crv", "Ed25519"},
                                   {"alg", "EdDSA"},
                                   {"use", "sig"},
                                   {"kid", key.id},
                                   {"x", encoded(text_of(key.public_key))}});
  return json::serialize(json::object{{"keys", std::move(keys)}});
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
