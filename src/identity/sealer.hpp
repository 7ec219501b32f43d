#pragma once
// Text that is kept in the database and must not be readable there: libsodium's secretbox (XSalsa20-Poly1305) under a
// key derived from identity.secret.
#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace pricing::identity {

class sealer {
 public:
  explicit sealer(std::string_view secret);

  std::string seal(std::string_view text) const; // base64
  // Nothing when it was changed, sealed under another secret, or never sealed.
  std::optional<std::string> open(std::string_view sealed) const;

 private:
  std::array<unsigned char, 32> key_;
};

} // namespace pricing::identity
