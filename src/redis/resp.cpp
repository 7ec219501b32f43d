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

void append_number(std::string& out, char kind, std::size_t n) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, n).ptr;
  out += kind;
  out.append(digits, end);
  out += "\r\n";
}

} // namespace

void resp_parser::feed(std::string_view bytes) {
  if (at_ == buffer_.size())
    buffer_.clear(), at_ = 0;
  else if (at_ > buffer_.size() / 2)
    buffer_.erase(0, at_), at_ = 0;
  buffer_.append(bytes);
}

std::optional<value> resp_parser::next() {
  for (;;) {
    value v;
    std::size_t members = 0;
    if (!step(v, members))
      return std::nullopt;
    if (members > 0) {
      open_.push_back({std::move(v), members});
      if (open_.size() > depth_max)
        throw std::runtime_error("redis: an answer is nested too deeply");
      continue;
    }
    if (auto whole = put(std::move(v)))
      return whole;
  }
}

std::optional<value> resp_parser::put(value v) {
  while (!open_.empty()) {
    open_.back().list.list.push_back(std::move(v));
    if (--open_.back().missing > 0)
      return std::nullopt;
    v = std::move(open_.back().list);
    open_.pop_back();
  }
  return v;
}

bool resp_parser::step(value& out, std::size_t& members) {
  const auto end = buffer_.find("\r\n", at_);
  if (end == std::string::npos) {
    if (buffer_.size() - at_ > line_max)
      throw std::runtime_error("redis: a line is too long");
    return false;
  }
  if (end == at_)
    throw std::runtime_error("redis: an empty line");
  const auto line = std::string_view(buffer_).substr(at_ + 1, end - at_ - 1);
  switch (buffer_[at_]) {
  case '+':
    out.type = value::kind::text, out.text = line;
    break;
  case '-':
    out.type = value::kind::error, out.text = line;
    break;
  case ':':
    out.type = value::kind::integer, out.integer = number(line);
    break;
  case '$':
    return bulk(line, end + 2, out);
  case '*':
    if (line != "-1")
      out.type = value::kind::list, members = length(line, list_max);
    break;
  default:
    throw std::runtime_error("redis: an unknown kind of answer");
  }
  at_ = end + 2;
  return true;
}

bool resp_parser::bulk(std::string_view line, std::size_t from, value& out) {
  if (line == "-1") {
    at_ = from;
    return true;
  }
  const auto size = length(line, bulk_max);
  // A wrong end is seen as soon as its first byte is there.
  if (buffer_.size() > from + size && buffer_[from + size] != '\r')
    throw std::runtime_error("redis: a text does not end where it says");
  if (buffer_.size() < from + size + 2)
    return false;
  if (buffer_[from + size + 1] != '\n')
    throw std::runtime_error("redis: a text does not end where it says");
  out.type = value::kind::text, out.text.assign(buffer_, from, size);
  at_ = from + size + 2;
  return true;
}

void command_buffer::open(std::size_t words) {
  append_number(bytes_, '*', words);
  ++count_;
}

void command_buffer::word(std::string_view text) {
  append_number(bytes_, '$', text.size());
  bytes_ += text;
  bytes_ += "\r\n";
}

void command_buffer::add(std::initializer_list<std::string_view> words) {
  open(words.size());
  for (const auto w : words)
    word(w);
}

void append_command(std::string& out, std::span<const std::string> words) {
  append_number(out, '*', words.size());
  for (const auto& w : words) {
    append_number(out, '$', w.size());
    out += w;
    out += "\r\n";
  }
}

std::string encode_command(std::span<const std::string> words) {
  std::string out;
  append_command(out, words);
  return out;
}

} // namespace pricing::redis
