#pragma once
// The secrets of identity, newest first. Everything that signs or seals derives its own key from the newest; what an
// older one signed or sealed stays readable for as long as that one is kept. A key is known by an id that tells nothing
// of the secret and stands before whatever it sealed.
#include "core/error.hpp"

#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::identity {

class secret_key {
 public:
  explicit secret_key(std::string secret);
  const std::string& id() const { return id_; } // 16 hex digits
  const std::string& secret() const { return secret_; }
  // 32 bytes for this purpose and no other.
  std::array<unsigned char, 32> derive(std::string_view purpose) const;

 private:
  std::string secret_, id_;
};

class key_ring {
 public:
  // "newest,older,oldest" (or one a line), each of at least 32 characters.
  static result<key_ring> create(std::string_view secrets);

  const secret_key& newest() const { return keys_.front(); }
  const secret_key* find(std::string_view id) const;
  const std::vector<secret_key>& all() const { return keys_; }

 private:
  std::vector<secret_key> keys_;
};

// The file of the secrets (PRICING_IDENTITY_SECRET_FILE), one a line. `rotate` puts a new one before the others and
// writes the file anew, readable to its owner only; `retire` keeps the newest alone. Both return what the file holds
// now and throw std::runtime_error when it cannot be read or written.
key_ring rotate_secrets(const std::filesystem::path& file);
key_ring retire_secrets(const std::filesystem::path& file);

} // namespace pricing::identity
