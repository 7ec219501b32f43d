#include "serving/json_scanner.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace pricing::serving {
namespace {

constexpr int depth_max = 32;
constexpr std::size_t text_max = 1'000; // bytes of a name or an id

bool is_digit(char c) {
  return static_cast<unsigned char>(c - '0') < 10;
}

constexpr std::array<double, 23> powers_of_ten = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

void append_utf8(std::string& out, std::uint32_t c) {
  const auto byte = [&](std::uint32_t b) { out += static_cast<char>(b); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xC0 | c >> 6), byte(0x80 | (c & 63));
  } else if (c < 0x10000) {
    byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 63)), byte(0x80 | (c & 63));
  } else {
    byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 63)), byte(0x80 | (c >> 6 & 63)), byte(0x80 | (c & 63));
  }
}

} // namespace

bool json_scanner::fail(std::string message) {
  if (message_.empty())
    message_ = "byte " + std::to_string(at_ - begin_) + ": " + std::move(message);
  at_ = end_;
  return false;
}

bool json_scanner::end() {
  return (peek() == '\0' && at_ == end_ && !failed()) || fail("the JSON should end here");
}

bool json_scanner::literal(std::string_view word) {
  if (static_cast<std::size_t>(end_ - at_) < word.size() || std::memcmp(at_, word.data(), word.size()) != 0)
    return fail("a value is expected here");
  at_ += word.size();
  return true;
}

bool json_scanner::boolean(bool& out) {
  out = peek() == 't';
  return literal(out ? "true" : "false") || fail("true or false is expected here");
}

bool json_scanner::text(std::string& out) {
  std::string_view view;
  std::string scratch;
  if (!text(view, scratch))
    return false;
  out.assign(view);
  return true;
}

bool json_scanner::text(std::string_view& out, std::string& scratch) {
  if (!expect('"'))
    return false;
  const char* const from = at_;
  for (; at_ != end_; ++at_) {
    if (at_ - from > static_cast<std::ptrdiff_t>(text_max))
      return fail("a text is longer than " + std::to_string(text_max) + " bytes");
    if (*at_ == '"') {
      out = {from, static_cast<std::size_t>(at_++ - from)};
      return true;
    }
    if (*at_ == '\\')
      break;
    if (static_cast<unsigned char>(*at_) < 0x20)
      return fail("a control character in a text must be escaped");
  }
  scratch.assign(from, at_);
  while (at_ != end_ && *at_ != '"') {
    if (scratch.size() > text_max)
      return fail("a text is longer than " + std::to_string(text_max) + " bytes");
    if (static_cast<unsigned char>(*at_) < 0x20)
      return fail("a control character in a text must be escaped");
    if (*at_ != '\\')
      scratch += *at_++;
    else if (!escaped(scratch))
      return false;
  }
  out = scratch;
  return expect('"');
}

bool json_scanner::escaped(std::string& out) {
  const auto hex4 = [&](std::uint32_t& code) {
    if (end_ - at_ < 4)
      return false;
    const auto read = std::from_chars(at_, at_ + 4, code, 16);
    return read.ec == std::errc{} && read.ptr == at_ + 4 && (at_ += 4, true);
  };
  ++at_;
  const char kind = at_ == end_ ? '\0' : *at_++;
  static constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
  if (const auto found = from.find(kind); kind != '\0' && found != from.npos) {
    out += to[found];
    return true;
  }
  std::uint32_t code = 0;
  if (kind != 'u' || !hex4(code))
    return fail("a broken escape");
  if (code >= 0xD800 && code < 0xDC00) {
    std::uint32_t low = 0;
    if (end_ - at_ < 2 || at_[0] != '\\' || at_[1] != 'u' || (at_ += 2, !hex4(low)) || low < 0xDC00 || low > 0xDFFF)
      return fail("half a surrogate pair");
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  } else if (code >= 0xDC00 && code <= 0xDFFF) {
    return fail("half a surrogate pair");
  }
  append_utf8(out, code);
  return true;
}

bool json_scanner::named_number(double& out) {
  switch (peek()) {
  case 'n':
    out = std::numeric_limits<double>::quiet_NaN();
    return literal("null");
  case 'N':
    out = std::numeric_limits<double>::quiet_NaN();
    return literal("NaN");
  case 't':
    out = 1;
    return literal("true");
  case 'f':
    out = 0;
    return literal("false");
  default:
    return fail("a number is expected here");
  }
}

// A number of at most 19 digits below 2^53 with a power of ten up to 10^±22 is one exact product or quotient of doubles
// (Clinger 1990); the others are left to the library.
bool json_scanner::number(double& out) {
  if (peek() > '9')
    return named_number(out);
  const char* const from = at_;
  const char* p = at_;
  const bool negative = p != end_ && *p == '-';
  p += negative ? 1 : 0;
  std::uint64_t digits = 0;
  int power = 0;
  const char* const whole = p;
  for (; p != end_ && is_digit(*p); ++p)
    digits = digits * 10 + static_cast<std::uint64_t>(*p - '0');
  std::ptrdiff_t count = p - whole;
  if (count == 0 || (count > 1 && *whole == '0'))
    return fail("a number is expected here");
  if (p != end_ && *p == '.') {
    const char* const fraction = ++p;
    for (; p != end_ && is_digit(*p); ++p)
      digits = digits * 10 + static_cast<std::uint64_t>(*p - '0');
    if (p == fraction)
      return fail("a number is expected here");
    count += p - fraction;
    power = -static_cast<int>(std::min<std::ptrdiff_t>(p - fraction, 1'000));
  }
  if (p != end_ && (*p == 'e' || *p == 'E')) {
    const char* exponent = p + 1;
    const bool below = exponent != end_ && *exponent == '-';
    exponent += exponent != end_ && (*exponent == '-' || *exponent == '+') ? 1 : 0;
    int value = 0;
    const auto read = std::from_chars(exponent, end_, value);
    if (exponent == end_ || !is_digit(*exponent) ||
        (read.ec != std::errc{} && read.ec != std::errc::result_out_of_range))
      return fail("a number is expected here");
    p = read.ptr;
    value = read.ec == std::errc{} ? std::min(value, 10'000) : 10'000;
    power += below ? -value : value;
  }
  at_ = p;
  if (count <= 19 && digits <= (std::uint64_t{1} << 53) && power >= -22 && power <= 22) {
    const double exact = static_cast<double>(digits);
    const auto scale = powers_of_ten[static_cast<std::size_t>(power < 0 ? -power : power)];
    out = power < 0 ? exact / scale : exact * scale;
    out = negative ? -out : out;
    return true;
  }
  const auto read = std::from_chars(from, p, out);
  if (read.ec == std::errc::result_out_of_range) {
    if (power > 0)
      return fail("a number is out of range");
    out = negative ? -0.0 : 0.0;
  }
  return true;
}

bool json_scanner::whole(std::int64_t& out) {
  double value = 0;
  const bool starts_well = peek() == '-' || is_digit(peek());
  if (!starts_well || !number(value) || value != std::floor(value) || std::fabs(value) > 9e15)
    return fail("a whole number is expected here");
  out = static_cast<std::int64_t>(value);
  return true;
}

bool json_scanner::skip(int depth) {
  if (depth > depth_max)
    return fail("the JSON is nested too deeply");
  switch (peek()) {
  case '{':
    return object([&](std::string_view) { return skip(depth + 1); });
  case '[':
    return array([&] { return skip(depth + 1); });
  case '"': {
    std::string_view ignored;
    std::string scratch;
    return text(ignored, scratch);
  }
  default: {
    double ignored = 0;
    return number(ignored);
  }
  }
}

} // namespace pricing::serving
