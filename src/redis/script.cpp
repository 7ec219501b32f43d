#include "redis/script.hpp"

#include <openssl/evp.h>

namespace pricing::redis {

script::script(std::string_view lua) : text(lua) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(lua.data(), lua.size(), digest, &size, EVP_sha1(), nullptr);
  constexpr char hex[] = "0123456789abcdef";
  for (unsigned i = 0; i < size; ++i) {
    sha1 += hex[digest[i] >> 4];
    sha1 += hex[digest[i] & 15];
  }
}

} // namespace pricing::redis
