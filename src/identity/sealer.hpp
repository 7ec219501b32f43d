#pragma once
// Text that is kept in the database and must not be readable there: libsodium's XChaCha20-Poly1305 under a key derived
// from the newest secret, whose id stands before it: "9f86d081884c7d65:<base64>".
#include "identity/key_ring.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace pricing::identity {

class sealer {
 public:
  explicit sealer(key_ring keys) : keys_(std::move(keys)) {}

  // place: what it belongs to ("second factor of user 7"); text sealed for one place does not open at another.
  std::string seal(std::string_view text, std::string_view place = {}) const;
  // Nothing when it was changed, moved, sealed under a secret that is no longer kept, or never sealed.
  std::optional<std::string> open(std::string_view sealed, std::string_view place = {}) const;
  // Sealed under the newest secret?
  bool is_newest(std::string_view sealed) const;

 private:
  key_ring keys_;
};

} // namespace pricing::identity
