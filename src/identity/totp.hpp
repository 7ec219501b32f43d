#pragma once
// Codes of an authenticator app: TOTP (RFC 6238) with SHA-1, six digits, 30 seconds, as every such app does it.
#include "core/clock.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::identity {

std::string new_totp_secret();            // 20 random bytes
std::string base32(std::string_view raw); // RFC 4648, no padding
// otpauth://totp/… as authenticator apps read it from a QR code.
std::string totp_uri(std::string_view secret, std::string_view issuer, std::string_view account);

std::int64_t totp_step(timestamp at); // 30-second steps since 1970
std::string totp_code(std::string_view secret, std::int64_t step);
// The step, one early or late at most, whose code this is; only steps after `last` count, so that a code is good once.
std::optional<std::int64_t> match_totp(std::string_view secret, std::string_view code, timestamp now,
                                       std::int64_t last);

// Ten codes of 80 bits for when the authenticator is lost: "abcd-efgh-jkmn-pqrs".
std::vector<std::string> new_recovery_codes();
// Letters of any case, with or without dashes and spaces.
std::string recovery_code_hash(std::int64_t user, std::string_view code);

} // namespace pricing::identity
