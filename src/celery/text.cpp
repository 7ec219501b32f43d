#include "celery/text.hpp"

#include "wire/json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include <sys/random.h>

namespace pricing::celery {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> values_of_alphabet() {
  std::array<std::int8_t, 256> out{};
  out.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    out[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  return out;
}
constexpr auto base64_values = values_of_alphabet();
constexpr char hex[] = "0123456789abcdef";

void random_bytes(unsigned char* out, std::size_t n) {
  thread_local std::array<unsigned char, 4096> pool;
  thread_local std::size_t used = pool.size();
  if (used + n > pool.size()) {
    for (std::size_t got = 0; got < pool.size();) {
      const auto r = getrandom(pool.data() + got, pool.size() - got, 0);
      if (r <= 0)
        throw std::runtime_error("the system gives no random numbers");
      got += static_cast<std::size_t>(r);
    }
    used = 0;
  }
  std::memcpy(out, pool.data() + used, n);
  used += n;
}

// A code point of valid UTF-8; moves `at` behind it.
std::uint32_t code_point(std::string_view s, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(s[at]);
  const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
  std::uint32_t out = more == 3 ? lead & 7 : more == 2 ? lead & 15 : more == 1 ? lead & 31 : lead;
  ++at;
  for (int i = 0; i < more && at < s.size(); ++i, ++at)
    out = out << 6 | (static_cast<unsigned char>(s[at]) & 63);
  return out;
}

void append_unit(std::string& out, std::uint32_t unit) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4)
    out += hex[unit >> shift & 15];
}

// Shortest digits that read back as the same double, in Python's notation: 1.0, 1e+16, 1e-05.
void append_double(std::string& out, double d) {
  if (std::isnan(d) || std::isinf(d)) {
    out += std::isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity";
    return;
  }
  char digits[40];
  const auto size = std::fabs(d);
  const bool plain = d == 0 || (size >= 1e-4 && size < 1e16);
  const auto end =
      std::to_chars(digits, digits + sizeof digits, d, plain ? std::chars_format::fixed : std::chars_format::scientific)
          .ptr;
  const std::string_view text(digits, static_cast<std::size_t>(end - digits));
  out += text;
  if (plain && text.find('.') == std::string_view::npos)
    out += ".0";
}

template <class Number>
void append_number(std::string& out, Number n) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, n).ptr);
}

class repr_writer {
 public:
  explicit repr_writer(std::size_t most) : most_(most) {}

  void write(const json::value& v, brackets outer) {
    if (out_.size() > most_)
      return;
    switch (v.kind()) {
    case json::kind::null:
      out_ += "None";
      break;
    case json::kind::bool_:
      out_ += v.get_bool() ? "True" : "False";
      break;
    case json::kind::string:
      text(v.get_string());
      break;
    case json::kind::array:
      list(v.get_array(), outer);
      break;
    case json::kind::object:
      dict(v.get_object());
      break;
    case json::kind::double_:
      append_double(out_, v.get_double());
      break;
    default:
      append_json(out_, v);
    }
  }

  std::string take() {
    if (out_.size() <= most_)
      return std::move(out_);
    auto end = most_ > 3 ? most_ - 3 : 0;
    while (end > 0 && (static_cast<unsigned char>(out_[end]) & 0xC0) == 0x80)
      --end;
    out_.resize(end);
    return std::move(out_) + "...";
  }

 private:
  void list(const json::array& a, brackets kind) {
    out_ += kind == brackets::tuple ? '(' : '[';
    for (std::size_t i = 0; i < a.size() && out_.size() <= most_; ++i) {
      if (i > 0)
        out_ += ", ";
      write(a[i], brackets::list);
    }
    if (kind == brackets::tuple && a.size() == 1)
      out_ += ',';
    out_ += kind == brackets::tuple ? ')' : ']';
  }

  void dict(const json::object& o) {
    out_ += '{';
    bool first = true;
    for (const auto& [name, v] : o) {
      if (out_.size() > most_)
        return;
      if (!std::exchange(first, false))
        out_ += ", ";
      text(name);
      out_ += ": ";
      write(v, brackets::list);
    }
    out_ += '}';
  }

  void text(std::string_view s) {
    const char quote = s.find('\'') != std::string_view::npos && s.find('"') == std::string_view::npos ? '"' : '\'';
    out_ += quote;
    for (const char c : s.substr(0, most_)) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == quote || c == '\\')
        out_ += '\\', out_ += c;
      else if (c == '\n' || c == '\r' || c == '\t')
        out_ += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
      else if (byte < 0x20 || byte == 0x7F)
        out_ += "\\x", out_ += hex[byte >> 4], out_ += hex[byte & 15];
      else
        out_ += c;
    }
    out_ += quote;
  }

  std::size_t most_;
  std::string out_;
};

} // namespace

void append_base64(std::string& out, std::string_view bytes) {
  const auto start = out.size();
  out.resize(start + (bytes.size() + 2) / 3 * 4);
  char* to = out.data() + start;
  std::size_t i = 0;
  const auto* from = reinterpret_cast<const unsigned char*>(bytes.data());
  for (; i + 3 <= bytes.size(); i += 3) {
    const std::uint32_t three = std::uint32_t{from[i]} << 16 | std::uint32_t{from[i + 1]} << 8 | from[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6)
      *to++ = alphabet[three >> shift & 63];
  }
  if (const auto rest = bytes.size() - i; rest > 0) {
    const std::uint32_t three = std::uint32_t{from[i]} << 16 | (rest == 2 ? std::uint32_t{from[i + 1]} << 8 : 0);
    *to++ = alphabet[three >> 18];
    *to++ = alphabet[three >> 12 & 63];
    *to++ = rest == 2 ? alphabet[three >> 6 & 63] : '=';
    *to++ = '=';
  }
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0)
    return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::uint32_t four = 0;
    const std::size_t real = i + 4 == text.size() ? 4 - padding : 4;
    for (std::size_t k = 0; k < 4; ++k) {
      const int v = k < real ? base64_values[static_cast<unsigned char>(text[i + k])] : 0;
      if (v < 0)
        return std::nullopt;
      four = four << 6 | static_cast<std::uint32_t>(v);
    }
    for (std::size_t k = 0; k + 1 < real; ++k)
      out += static_cast<char>(four >> (16 - 8 * k) & 255);
  }
  return out;
}

std::string new_uuid() {
  unsigned char b[16];
  random_bytes(b, sizeof b);
  b[6] = static_cast<unsigned char>((b[6] & 0x0F) | 0x40);
  b[8] = static_cast<unsigned char>((b[8] & 0x3F) | 0x80);
  std::string out(36, '-');
  std::size_t at = 0;
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      ++at;
    out[at++] = hex[b[i] >> 4];
    out[at++] = hex[b[i] & 15];
  }
  return out;
}

void append_json_string(std::string& out, std::string_view s) {
  out += '"';
  std::size_t plain = 0;
  for (std::size_t i = 0; i < s.size();) {
    const auto c = static_cast<unsigned char>(s[i]);
    if (c >= 0x20 && c < 0x7F && c != '"' && c != '\\') {
      ++i;
      continue;
    }
    out.append(s, plain, i - plain);
    if (c == '"' || c == '\\')
      out += '\\', out += s[i++];
    else if (c == '\n' || c == '\r' || c == '\t' || c == '\b' || c == '\f')
      out += '\\', out += c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : c == '\b' ? 'b' : 'f', ++i;
    else if (c == 0x7F)
      out += s[i++];
    else if (const auto point = code_point(s, i); point < 0x10000)
      append_unit(out, point);
    else
      append_unit(out, 0xD800 + ((point - 0x10000) >> 10)), append_unit(out, 0xDC00 + ((point - 0x10000) & 0x3FF));
    plain = i;
  }
  out.append(s, plain);
  out += '"';
}

void append_json(std::string& out, const json::value& v) {
  switch (v.kind()) {
  case json::kind::null:
    out += "null";
    break;
  case json::kind::bool_:
    out += v.get_bool() ? "true" : "false";
    break;
  case json::kind::int64:
    append_number(out, v.get_int64());
    break;
  case json::kind::uint64:
    append_number(out, v.get_uint64());
    break;
  case json::kind::double_:
    append_double(out, v.get_double());
    break;
  case json::kind::string:
    append_json_string(out, v.get_string());
    break;
  case json::kind::array: {
    out += '[';
    bool first = true;
    for (const auto& e : v.get_array()) {
      if (!std::exchange(first, false))
        out += ", ";
      append_json(out, e);
    }
    out += ']';
    break;
  }
  case json::kind::object: {
    out += '{';
    bool first = true;
    for (const auto& [name, e] : v.get_object()) {
      if (!std::exchange(first, false))
        out += ", ";
      append_json_string(out, name);
      out += ": ";
      append_json(out, e);
    }
    out += '}';
    break;
  }
  }
}

std::string to_python_json(const json::value& v) {
  std::string out;
  append_json(out, v);
  return out;
}

std::string repr(const json::value& v, std::size_t bytes_max, brackets outer) {
  repr_writer w(bytes_max);
  w.write(v, outer);
  return w.take();
}

std::string to_iso(timestamp at, std::string_view suffix) {
  auto text = to_string(at); // 2024-01-05T10:20:30.123456Z
  text.pop_back();
  if (const auto dot = text.find('.'); dot != std::string::npos && text.substr(dot) == ".000000")
    text.resize(dot);
  return text.append(suffix);
}

result<timestamp> from_iso(std::string_view text) {
  const auto time = text.find_first_of("T ");
  const bool zoned = text.ends_with('Z') ||
                     (time != std::string_view::npos && text.find_first_of("+-", time) != std::string_view::npos);
  std::string whole(text);
  if (time != std::string_view::npos)
    whole[time] = 'T';
  if (!zoned)
    whole += 'Z';
  return wire::parse_timestamp(whole);
}

double to_unix(timestamp at) {
  return static_cast<double>(at.time_since_epoch().count()) / 1e6;
}

timestamp from_unix(double seconds) {
  return timestamp(std::chrono::microseconds(std::llround(seconds * 1e6)));
}

} // namespace pricing::celery
