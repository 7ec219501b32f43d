#pragma once
// RESP2 as a pure parser: feed bytes, take values. Lengths are never trusted: above the limits it is a protocol error
// (std::runtime_error), and nothing is reserved before its bytes have come.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::redis {

struct value {
  enum class kind { null, text, error, integer, list };
  kind type = kind::null;
  std::string text; // text and error
  std::int64_t integer = 0;
  std::vector<value> list;
};

class resp_parser {
 public:
  static constexpr std::size_t bulk_max = 64 << 20, list_max = 1'000'000, line_max = 64 << 10;
  static constexpr int depth_max = 8;

  void feed(std::string_view bytes) { buffer_.append(bytes); }
  // The next whole value, nullopt when more bytes are needed.
  std::optional<value> next();

 private:
  bool parse(std::size_t& at, value& out, int depth) const;
  std::string buffer_;
};

// A command as an array of bulk strings.
std::string encode_command(std::span<const std::string> words);

} // namespace pricing::redis
