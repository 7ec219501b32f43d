#include "identity/key_ring.hpp"

#include <sodium.h>

#include <algorithm>

namespace pricing::identity {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

constexpr std::size_t secret_bytes_min = 32;
constexpr std::size_t id_bytes = 8;

} // namespace

secret_key::secret_key(std::string secret) : secret_(std::move(secret)) {
  const auto digest = derive("pricing: key id");
  std::string text(id_bytes * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), digest.data(), id_bytes);
  text.pop_back();
  id_ = std::move(text);
}

std::array<unsigned char, 32> secret_key::derive(std::string_view purpose) const {
  std::array<unsigned char, 32> out{};
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, out.size());
  crypto_generichash_update(&state, bytes_of(purpose), purpose.size());
  crypto_generichash_update(&state, bytes_of(secret_), secret_.size());
  crypto_generichash_final(&state, out.data(), out.size());
  return out;
}

result<key_ring> key_ring::create(std::string_view secrets) {
  constexpr std::string_view between = ", \t\r\n";
  key_ring out;
  for (;;) {
    const auto begin = secrets.find_first_not_of(between);
    if (begin == secrets.npos)
      break;
    const auto end = std::min(secrets.find_first_of(between, begin), secrets.size());
    const auto one = secrets.substr(begin, end - begin);
    secrets.remove_prefix(end);
    if (one.size() < secret_bytes_min)
      return invalid_input("identity.secret must have at least 32 characters; make one with `openssl rand -hex 32`");
    out.keys_.emplace_back(std::string(one));
  }
  if (out.keys_.empty())
    return invalid_input("identity.secret is not set; make one with `openssl rand -hex 32`");
  return out;
}

const secret_key* key_ring::find(std::string_view id) const {
  const auto found = std::ranges::find(keys_, id, &secret_key::id);
  return found == keys_.end() ? nullptr : &*found;
}

} // namespace pricing::identity
