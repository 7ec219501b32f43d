#include "identity/key_ring.hpp"

#include <sodium.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace pricing::identity {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

constexpr std::size_t secret_bytes_min = 32;
constexpr std::size_t id_bytes = 8;

key_ring read_ring(const std::filesystem::path& file) {
  std::ifstream in(file);
  if (!in)
    throw std::runtime_error("cannot read the secrets in " + file.string());
  return key_ring::create(std::string(std::istreambuf_iterator<char>(in), {})).value();
}

key_ring write_ring(const std::filesystem::path& file, const std::vector<std::string>& secrets) {
  namespace fs = std::filesystem;
  const fs::path next = file.string() + ".new";
  {
    std::ofstream out(next, std::ios::trunc);
    fs::permissions(next, fs::perms::owner_read | fs::perms::owner_write);
    for (const auto& secret : secrets)
      out << secret << '\n';
    if (!out.flush())
      throw std::runtime_error("cannot write " + next.string());
  }
  fs::rename(next, file);
  return read_ring(file);
}

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

key_ring rotate_secrets(const std::filesystem::path& file) {
  std::array<unsigned char, 32> fresh;
  randombytes_buf(fresh.data(), fresh.size());
  std::string text(fresh.size() * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), fresh.data(), fresh.size());
  text.pop_back();
  std::vector<std::string> secrets{std::move(text)};
  const auto known = read_ring(file);
  for (const auto& key : known.all())
    secrets.push_back(key.secret());
  return write_ring(file, secrets);
}

key_ring retire_secrets(const std::filesystem::path& file) {
  return write_ring(file, {read_ring(file).newest().secret()});
}

} // namespace pricing::identity
