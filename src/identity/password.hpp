#pragma once
// Password storage: Argon2id (RFC 9106) in libsodium's encoded form. Costs about 50 ms and 64 MiB of CPU and memory a
// call, so callers run it on the CPU pool, never on an event loop.
#include "core/error.hpp"

#include <string>
#include <string_view>

namespace pricing::identity {

// 12 to 128 bytes; anything else is invalid_input. Nothing else is demanded of a password (NIST SP 800-63B).
result<std::string> hash_password(std::string_view password);

// Constant time in the password. False for a malformed hash.
bool verify_password(std::string_view hash, std::string_view password);

// Verifies against a fixed hash, so that an unknown e-mail costs as much as a wrong password.
void verify_nothing(std::string_view password);

// 20 characters without look-alikes, about 115 bits.
std::string generate_password();

} // namespace pricing::identity
