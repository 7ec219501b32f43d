#include "identity/sealer.hpp"

#include <sodium.h>

#include <vector>

namespace pricing::identity {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

constexpr int base64 = sodium_base64_VARIANT_ORIGINAL;
constexpr std::string_view purpose = "pricing: sealed text"; // the secret signs tokens too; this key does only this

} // namespace

sealer::sealer(std::string_view secret) {
  static_assert(sizeof key_ == crypto_secretbox_KEYBYTES);
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, key_.size());
  crypto_generichash_update(&state, bytes_of(purpose), purpose.size());
  crypto_generichash_update(&state, bytes_of(secret), secret.size());
  crypto_generichash_final(&state, key_.data(), key_.size());
}

std::string sealer::seal(std::string_view text) const {
  std::vector<unsigned char> box(crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + text.size());
  randombytes_buf(box.data(), crypto_secretbox_NONCEBYTES);
  crypto_secretbox_easy(box.data() + crypto_secretbox_NONCEBYTES, bytes_of(text), text.size(), box.data(), key_.data());
  std::string out(sodium_base64_encoded_len(box.size(), base64), '\0');
  sodium_bin2base64(out.data(), out.size(), box.data(), box.size(), base64);
  out.pop_back();
  return out;
}

std::optional<std::string> sealer::open(std::string_view sealed) const {
  constexpr std::size_t overhead = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
  std::vector<unsigned char> box(sealed.size());
  std::size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(box.data(), box.size(), sealed.data(), sealed.size(), nullptr, &size, &end, base64) != 0 ||
      end != sealed.data() + sealed.size() || size < overhead)
    return std::nullopt;
  std::string out(size - overhead, '\0');
  if (crypto_secretbox_open_easy(reinterpret_cast<unsigned char*>(out.data()), box.data() + crypto_secretbox_NONCEBYTES,
                                 size - crypto_secretbox_NONCEBYTES, box.data(), key_.data()) != 0)
    return std::nullopt;
  return out;
}

} // namespace pricing::identity
