#include "identity/password.hpp"

#include <sodium.h>

#include <stdexcept>

namespace pricing::identity {
namespace {

constexpr std::size_t password_bytes_min = 12;
constexpr std::size_t password_bytes_max = 128;
constexpr unsigned long long operations = crypto_pwhash_OPSLIMIT_INTERACTIVE;
constexpr std::size_t memory_bytes = crypto_pwhash_MEMLIMIT_INTERACTIVE;

std::string hash(std::string_view password) {
  char out[crypto_pwhash_STRBYTES];
  if (crypto_pwhash_str_alg(out, password.data(), password.size(), operations, memory_bytes,
                            crypto_pwhash_ALG_ARGON2ID13) != 0)
    throw std::bad_alloc();
  return out;
}

} // namespace

result<std::string> hash_password(std::string_view password) {
  if (password.size() < password_bytes_min || password.size() > password_bytes_max)
    return invalid_input("the password must have 12 to 128 characters",
                         {{"password", "must have 12 to 128 characters"}});
  return hash(password);
}

bool verify_password(std::string_view stored, std::string_view password) {
  char encoded[crypto_pwhash_STRBYTES] = {};
  if (stored.size() >= sizeof encoded || password.size() > password_bytes_max)
    return false;
  stored.copy(encoded, stored.size());
  return crypto_pwhash_str_verify(encoded, password.data(), password.size()) == 0;
}

void verify_nothing(std::string_view password) {
  static const std::string decoy = hash("correct horse battery staple");
  [[maybe_unused]] const bool never = verify_password(decoy, password);
}

std::string generate_password() {
  constexpr std::string_view alphabet = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
  std::string out(20, '\0');
  for (char& c : out)
    c = alphabet[randombytes_uniform(static_cast<std::uint32_t>(alphabet.size()))];
  return out;
}

} // namespace pricing::identity
