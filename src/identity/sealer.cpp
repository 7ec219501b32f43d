#include "identity/sealer.hpp"

#include <sodium.h>

#include <vector>

namespace pricing::identity {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

constexpr int base64 = sodium_base64_VARIANT_ORIGINAL;
constexpr std::size_t nonce_bytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_bytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::string_view purpose = "pricing: sealed text"; // the secret signs tokens too; this key does only this
static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == 32);

} // namespace

std::string sealer::seal(std::string_view text, std::string_view place) const {
  const auto key = keys_.newest().derive(purpose);
  std::vector<unsigned char> box(nonce_bytes + tag_bytes + text.size());
  randombytes_buf(box.data(), nonce_bytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(box.data() + nonce_bytes, nullptr, bytes_of(text), text.size(),
                                             bytes_of(place), place.size(), nullptr, box.data(), key.data());
  std::string out(sodium_base64_encoded_len(box.size(), base64), '\0');
  sodium_bin2base64(out.data(), out.size(), box.data(), box.size(), base64);
  out.pop_back();
  return keys_.newest().id() + ":" + out;
}

std::optional<std::string> sealer::open(std::string_view sealed, std::string_view place) const {
  const auto colon = sealed.find(':');
  const auto* by = colon == sealed.npos ? nullptr : keys_.find(sealed.substr(0, colon));
  if (!by)
    return std::nullopt;
  sealed.remove_prefix(colon + 1);
  const auto key = by->derive(purpose);
  std::vector<unsigned char> box(sealed.size());
  std::size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(box.data(), box.size(), sealed.data(), sealed.size(), nullptr, &size, &end, base64) != 0 ||
      end != sealed.data() + sealed.size() || size < nonce_bytes + tag_bytes)
    return std::nullopt;
  std::string out(size - nonce_bytes - tag_bytes, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(reinterpret_cast<unsigned char*>(out.data()), nullptr, nullptr,
                                                 box.data() + nonce_bytes, size - nonce_bytes, bytes_of(place),
                                                 place.size(), box.data(), key.data()) != 0)
    return std::nullopt;
  return out;
}

bool sealer::is_newest(std::string_view sealed) const {
  return sealed.starts_with(keys_.newest().id() + ":");
}

} // namespace pricing::identity
