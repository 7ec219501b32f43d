#include "redis/resp.hpp"

#include <charconv>
#include <stdexcept>

namespace pricing::redis {
namespace {

std::int64_t number(std::string_view text) {
  std::int64_t out = 0;
  const auto r = std::from_chars(text.data(), text.data() + text.size(), out);
  if (r.ec != std::errc{} || r.ptr != text.data() + text.size())
    throw std::runtime_error("redis: a number is malformed");
  return out;
}

std::size_t length(std::string_view text, std::size_t most) {
  const auto n = number(text);
  if (n < 0 || static_cast<std::uint64_t>(n) > most)
    throw std::runtime_error("redis: a length is outside of its limits");
  return static_cast<std::size_t>(n);
}

} // namespace

std::optional<value> resp_parser::next() {
  std::size_t at = 0;
  value out;
  if (!parse(at, out, 0))
    return std::nullopt;
  buffer_.erase(0, at);
  return out;
}

bool resp_parser::parse(std::size_t& at, value& out, int depth) const {
  if (depth > depth_max)
    throw std::runtime_error("redis: an answer is nested too deeply");
  const auto end = buffer_.find("\r\n", at);
  if (end == std::string::npos) {
    if (buffer_.size() - at > line_max)
      throw std::runtime_error("redis: a line is too long");
    return false;
  }
  if (end == at)
    throw std::runtime_error("redis: an empty line");
  const char type = buffer_[at];
  const auto line = std::string_view(buffer_).substr(at + 1, end - at - 1);
  at = end + 2;
  switch (type) {
  case '+':
    out.type = value::kind::text, out.text = line;
    return true;
  case '-':
    out.type = value::kind::error, out.text = line;
    return true;
  case ':':
    out.type = value::kind::integer, out.integer = number(line);
    return true;
  case '$': {
    if (line == "-1")
      return true;
    const auto size = length(line, bulk_max);
    if (buffer_.size() < at + size + 2)
      return false;
    if (buffer_.compare(at + size, 2, "\r\n") != 0)
      throw std::runtime_error("redis: a text does not end where it says");
    out.type = value::kind::text, out.text = buffer_.substr(at, size);
    at += size + 2;
    return true;
  }
  case '*': {
    if (line == "-1")
      return true;
    const auto size = length(line, list_max);
    out.type = value::kind::list;
    for (std::size_t i = 0; i < size; ++i)
      if (!parse(at, out.list.emplace_back(), depth + 1))
        return false;
    return true;
  }
  default:
    throw std::runtime_error("redis: an unknown kind of answer");
  }
}

std::string encode_command(std::span<const std::string> words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const auto& w : words)
    out += "$" + std::to_string(w.size()) + "\r\n" + w + "\r\n";
  return out;
}

} // namespace pricing::redis
