#pragma once
// RESP2 as a pure parser: feed bytes, take values. Lengths are never trusted: above the limits it is a protocol error
// (std::runtime_error), and nothing is reserved before its bytes have come. Bytes are read once: a long answer that
// comes in pieces is not parsed again from its start.
#include <cstdint>
#include <initializer_list>
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

  bool is_null() const { return type == kind::null; }
  bool is_error() const { return type == kind::error; }
};

class resp_parser {
 public:
  static constexpr std::size_t bulk_max = 64 << 20, list_max = 1'000'000, line_max = 64 << 10;
  static constexpr std::size_t depth_max = 8;

  void feed(std::string_view bytes);
  // The next whole value, nullopt when more bytes are needed.
  std::optional<value> next();

 private:
  struct unfinished {
    value list;
    std::size_t missing;
  };
  // One value, or the opening of a list; false when more bytes are needed.
  // Puts a value where it belongs; the whole answer once no list is open.
  std::optional<value> put(value v);
  bool step(value& out, std::size_t& members);
  bool bulk(std::string_view line, std::size_t from, value& out);

  std::string buffer_;
  std::size_t at_ = 0;
  std::vector<unfinished> open_;
};

// Commands encoded as they are added, without a string per word; for client::pipeline.
class command_buffer {
 public:
  // Starts a command of so many words, which then follow.
  void open(std::size_t words);
  void word(std::string_view text);
  void add(std::initializer_list<std::string_view> words);
  std::size_t count() const { return count_; }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
  std::size_t count_ = 0;
};

// A command as an array of bulk strings.
std::string encode_command(std::span<const std::string> words);
void append_command(std::string& out, std::span<const std::string> words);

} // namespace pricing::redis
