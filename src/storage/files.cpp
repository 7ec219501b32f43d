#include "storage/files.hpp"

#include <sodium/crypto_hash_sha256.h>

#include <array>
#include <fstream>
#include <system_error>

#include <unistd.h>

namespace pricing::storage {
namespace {

std::string hex(const unsigned char* bytes, std::size_t count) {
  constexpr const char* digits = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out += digits[bytes[i] >> 4];
    out += digits[bytes[i] & 15];
  }
  return out;
}

} // namespace

local_file temporary_file() {
  std::string name = (std::filesystem::temp_directory_path() / "pricing-object-XXXXXX").string();
  const int descriptor = ::mkstemp(name.data());
  if (descriptor < 0)
    throw std::system_error(errno, std::generic_category(), "storage: a temporary file");
  ::close(descriptor);
  const std::filesystem::path path(name);
  return {path, std::shared_ptr<const void>(nullptr, [path](const void*) {
            std::error_code ignored;
            std::filesystem::remove(path, ignored);
          })};
}

std::string sha256_hex(std::string_view bytes) {
  unsigned char hash[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(hash, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  return hex(hash, sizeof hash);
}

std::string sha256_hex_of_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    throw std::system_error(errno, std::generic_category(), "storage: open " + path.string());
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  std::array<char, 65536> piece{};
  while (in.read(piece.data(), piece.size()), in.gcount() > 0)
    crypto_hash_sha256_update(&state, reinterpret_cast<const unsigned char*>(piece.data()),
                              static_cast<unsigned long long>(in.gcount()));
  unsigned char hash[crypto_hash_sha256_BYTES];
  crypto_hash_sha256_final(&state, hash);
  return hex(hash, sizeof hash);
}

std::string text_of_file(const std::filesystem::path& path, std::size_t most) {
  std::ifstream in(path, std::ios::binary);
  std::string out(most, '\0');
  in.read(out.data(), static_cast<std::streamsize>(most));
  out.resize(static_cast<std::size_t>(in.gcount()));
  return out;
}

} // namespace pricing::storage
