// Answers of Redis: the same values come out however the bytes were cut, and what is none is refused for good.
#include "redis/resp.hpp"
#include "fuzz/must.hpp"

#include <stdexcept>

using namespace pricing;
using redis::value;

namespace {

void print(const value& v, std::string& out) {
  out += std::to_string(static_cast<int>(v.type)) + ":" + std::to_string(v.integer) + ":" + v.text + "(";
  for (const auto& member : v.list)
    print(member, out);
  out += ")";
}

// All values as text; "!" at the end where the parser gave up.
std::string read(std::string_view bytes, std::size_t piece) {
  redis::resp_parser parser;
  std::string out;
  try {
    while (!bytes.empty()) {
      const auto now = bytes.substr(0, piece);
      bytes.remove_prefix(now.size());
      parser.feed(now);
      while (auto v = parser.next())
        print(*v, out);
    }
  } catch (const std::runtime_error&) {
    out += "!";
  }
  return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  return must(read(bytes, bytes.size() + 1) == read(bytes, 1 + data[0] % 32));
}
