#pragma once
// A Lua script known by its SHA-1: client::eval sends the digest, and the text only when the server forgot it.
#include <string>
#include <string_view>

namespace pricing::redis {

struct script {
  explicit script(std::string_view lua);
  std::string text;
  std::string sha1; // 40 hex digits
};

} // namespace pricing::redis
