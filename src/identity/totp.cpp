#include "identity/totp.hpp"

#include "identity/token.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

namespace pricing::identity {
namespace {

constexpr int digits = 6;
constexpr std::chrono::seconds step_length{30};

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

} // namespace

std::string new_totp_secret() {
  std::string out(20, '\0');
  randombytes_buf(out.data(), out.size());
  return out;
}

std::string base32(std::string_view raw) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string out;
  unsigned bits = 0, held = 0;
  for (const char c : raw) {
    bits = (bits << 8 | static_cast<unsigned char>(c)) & 0xFFFF;
    for (held += 8; held >= 5; held -= 5)
      out += alphabet[bits >> (held - 5) & 31];
  }
  if (held > 0)
    out += alphabet[bits << (5 - held) & 31];
  return out;
}

std::string totp_uri(std::string_view secret, std::string_view issuer, std::string_view account) {
  return fmt::format("otpauth://totp/{0}:{1}?secret={2}&issuer={0}", percent_encoded(issuer), percent_encoded(account),
                     base32(secret));
}

std::int64_t totp_step(timestamp at) {
  return at.time_since_epoch() / step_length;
}

std::string totp_code(std::string_view secret, std::int64_t step) {
  unsigned char counter[8];
  for (int i = 7; i >= 0; --i, step >>= 8)
    counter[i] = static_cast<unsigned char>(step & 0xFF);
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha1(), secret.data(), static_cast<int>(secret.size()), counter, sizeof counter, mac, &size);
  const unsigned at = mac[size - 1] & 15U; // dynamic truncation, RFC 4226 section 5.3
  const unsigned number = (mac[at] & 0x7FU) << 24 | static_cast<unsigned>(mac[at + 1]) << 16 |
                          static_cast<unsigned>(mac[at + 2]) << 8 | mac[at + 3];
  return fmt::format("{:0{}}", number % 1'000'000, digits);
}

std::optional<std::int64_t> match_totp(std::string_view secret, std::string_view code, timestamp now,
                                       std::int64_t last) {
  for (const int drift : {0, -1, 1}) {
    const auto step = totp_step(now) + drift;
    if (step > last && equal_tokens(totp_code(secret, step), code))
      return step;
  }
  return std::nullopt;
}

std::vector<std::string> new_recovery_codes() {
  constexpr std::string_view alphabet = "abcdefghijkmnpqrstuvwxyz23456789"; // 32 letters, none alike
  static_assert(alphabet.size() == 32);
  std::vector<std::string> out(10);
  for (auto& code : out)
    for (int i = 0; i < 16; ++i) {
      if (i > 0 && i % 4 == 0)
        code += '-';
      code += alphabet[randombytes_uniform(32)];
    }
  return out;
}

std::string recovery_code_hash(std::int64_t user, std::string_view code) {
  std::string plain;
  for (const char c : code)
    if (c != '-' && c != ' ')
      plain += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return token_hash(fmt::format("recovery code of {}: {}", user, plain));
}

} // namespace pricing::identity
