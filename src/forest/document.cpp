#include "forest/document.hpp"

#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

namespace pricing::forest {
namespace {

constexpr std::size_t depth_max = 32;
constexpr std::size_t values_max = 8'000'000; // strings, objects and arrays; numbers in arrays do not count

// Thrown inside the parsers only; the two entry points turn it into an error.
struct syntax {
  std::string message;
};

class cursor {
 public:
  explicit cursor(std::string_view bytes) : bytes_(bytes) {}

  [[noreturn]] void fail(const std::string& why) const { throw syntax{"byte " + std::to_string(at_) + ": " + why}; }
  bool done() const { return at_ == bytes_.size(); }
  std::size_t left() const { return bytes_.size() - at_; }
  char peek() const {
    if (done()) {
      fail("the file ends too early");
    }
    return bytes_[at_];
  }
  char next() {
    const char c = peek();
    ++at_;
    return c;
  }
  std::string_view take(std::size_t n) {
    if (n > left()) {
      fail("the file ends too early");
    }
    const auto out = bytes_.substr(at_, n);
    at_ += n;
    return out;
  }
  std::string_view rest() const { return bytes_.substr(at_); }
  void enter() {
    if (++depth_ > depth_max) {
      fail("nested deeper than " + std::to_string(depth_max));
    }
    count();
  }
  void leave() { --depth_; }
  void count() {
    if (++values_ > values_max) {
      fail("more than " + std::to_string(values_max) + " values");
    }
  }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t values_ = 0;
};

bool is_number(const document& d) {
  return d.is == document::kind::number;
}

// Numbers are gathered in a vector until something else turns up.
void append(document& array, document&& v, cursor& c) {
  if (array.is == document::kind::numbers && is_number(v)) {
    array.numbers.push_back(v.number);
    return;
  }
  if (array.is == document::kind::numbers) {
    for (const double x : array.numbers) {
      c.count();
      array.items.emplace_back();
      array.items.back().is = document::kind::number;
      array.items.back().number = x;
    }
    array.numbers = {};
    array.is = document::kind::items;
  }
  c.count();
  array.items.push_back(std::move(v));
}

class json_parser {
 public:
  explicit json_parser(std::string_view bytes) : c_(bytes) {}

  document run() {
    document out = value();
    space();
    if (!c_.done()) {
      c_.fail("something follows the document");
    }
    return out;
  }

 private:
  void space() {
    while (!c_.done() && (c_.peek() == ' ' || c_.peek() == '\n' || c_.peek() == '\r' || c_.peek() == '\t')) {
      c_.next();
    }
  }
  void expect(char wanted) {
    space();
    if (c_.next() != wanted) {
      c_.fail(std::string("expected '") + wanted + "'");
    }
  }
  bool accept(char wanted) {
    space();
    if (c_.peek() != wanted) {
      return false;
    }
    c_.next();
    return true;
  }

  document value() {
    space();
    switch (c_.peek()) {
    case '{':
      return object();
    case '[':
      return array();
    case '"': {
      document out;
      out.is = document::kind::text;
      out.text = string();
      return out;
    }
    case 't':
      return word("true", 1);
    case 'f':
      return word("false", 0);
    case 'n':
      return word("null", 0);
    case 'N':
      return word("NaN", std::numeric_limits<double>::quiet_NaN());
    case 'I':
      return word("Infinity", std::numeric_limits<double>::infinity());
    default:
      return number();
    }
  }

  document object() {
    c_.enter();
    document out;
    out.is = document::kind::members;
    expect('{');
    if (!accept('}')) {
      do {
        space();
        std::string name = string();
        expect(':');
        out.members.push_back({std::move(name), value()});
        c_.count();
      } while (accept(','));
      expect('}');
    }
    c_.leave();
    return out;
  }

  document array() {
    c_.enter();
    document out;
    out.is = document::kind::numbers;
    expect('[');
    if (!accept(']')) {
      do {
        append(out, value(), c_);
      } while (accept(','));
      expect(']');
    }
    c_.leave();
    return out;
  }

  // Escapes are kept simple: names in models are ASCII; \uXXXX becomes '?' beyond it.
  std::string string() {
    if (c_.next() != '"') {
      c_.fail("expected a string");
    }
    c_.count();
    std::string out;
    for (char ch = c_.next(); ch != '"'; ch = c_.next()) {
      out += ch == '\\' ? escaped() : ch;
    }
    return out;
  }
  char escaped() {
    const char ch = c_.next();
    switch (ch) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'u': {
      const auto hex = c_.take(4);
      unsigned code = 0;
      if (std::from_chars(hex.data(), hex.data() + 4, code, 16).ptr != hex.data() + 4) {
        c_.fail("a \\u without four hexadecimal digits");
      }
      return code < 128 ? static_cast<char>(code) : '?';
    }
    default:
      return ch;
    }
  }

  document word(std::string_view w, double x) {
    if (c_.take(w.size()) != w) {
      c_.fail("expected a value");
    }
    document out;
    out.is = w == "null" ? document::kind::null : document::kind::number;
    out.number = x;
    return out;
  }

  document number() {
    const auto text = c_.rest();
    document out;
    out.is = document::kind::number;
    if (text.starts_with("-Infinity")) {
      c_.take(9);
      out.number = -std::numeric_limits<double>::infinity();
      return out;
    }
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out.number);
    // A float below the smallest double rounds to 0 as strtof would; above the largest is no model's number.
    if (code == std::errc::invalid_argument || (code != std::errc{} && out.number > 1)) {
      c_.fail("expected a value");
    }
    c_.take(static_cast<std::size_t>(end - text.data()));
    return out;
  }

  cursor c_;
};

class ubj_parser {
 public:
  explicit ubj_parser(std::string_view bytes) : c_(bytes) {}

  document run() {
    document out = value(marker());
    if (!c_.done()) {
      c_.fail("something follows the document");
    }
    return out;
  }

 private:
  char marker() {
    char m = c_.next();
    while (m == 'N') { // no-op
      m = c_.next();
    }
    return m;
  }

  template <class T>
  static T big_endian(const char* at) {
    using bits =
        std::conditional_t<sizeof(T) == 1, std::uint8_t,
                           std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                              std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;
    bits out = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      out = static_cast<bits>((std::uint64_t{out} << 8) | static_cast<unsigned char>(at[i]));
    }
    return std::bit_cast<T>(out);
  }

  static std::size_t width(char type) {
    switch (type) {
    case 'i':
    case 'U':
      return 1;
    case 'I':
      return 2;
    case 'l':
    case 'd':
      return 4;
    case 'L':
    case 'D':
      return 8;
    default:
      return 0;
    }
  }
  static double read(char type, const char* at) {
    switch (type) {
    case 'i':
      return big_endian<std::int8_t>(at);
    case 'U':
      return big_endian<std::uint8_t>(at);
    case 'I':
      return big_endian<std::int16_t>(at);
    case 'l':
      return big_endian<std::int32_t>(at);
    case 'L':
      return static_cast<double>(big_endian<std::int64_t>(at));
    case 'd':
      return big_endian<float>(at);
    default:
      return big_endian<double>(at);
    }
  }

  std::size_t length() {
    const char type = marker();
    if (width(type) == 0 || type == 'd' || type == 'D') {
      c_.fail("expected a length");
    }
    const double n = read(type, c_.take(width(type)).data());
    if (!(n >= 0) || n > static_cast<double>(c_.left())) {
      c_.fail("a length beyond the end of the file");
    }
    return static_cast<std::size_t>(n);
  }
  std::string string() {
    c_.count();
    return std::string(c_.take(length()));
  }

  document value(char type) {
    document out;
    switch (type) {
    case '{':
      return object();
    case '[':
      return array();
    case 'S':
      out.is = document::kind::text;
      out.text = string();
      return out;
    case 'C':
      out.is = document::kind::text;
      out.text = std::string(c_.take(1));
      return out;
    case 'Z':
      return out;
    case 'T':
    case 'F':
      out.is = document::kind::number;
      out.number = type == 'T' ? 1 : 0;
      return out;
    default:
      break;
    }
    if (width(type) == 0) {
      c_.fail("an unknown type of value");
    }
    out.is = document::kind::number;
    out.number = read(type, c_.take(width(type)).data());
    return out;
  }

  document object() {
    c_.enter();
    document out;
    out.is = document::kind::members;
    std::size_t count = std::numeric_limits<std::size_t>::max();
    if (c_.peek() == '$') {
      c_.fail("objects of one type are not supported");
    }
    if (c_.peek() == '#') {
      c_.next();
      count = length();
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (count == std::numeric_limits<std::size_t>::max() && c_.peek() == '}') {
        c_.next();
        break;
      }
      std::string name = string();
      out.members.push_back({std::move(name), value(marker())});
      c_.count();
    }
    c_.leave();
    return out;
  }

  document array() {
    c_.enter();
    document out;
    out.is = document::kind::numbers;
    if (c_.peek() == '$') {
      c_.next();
      typed(out);
    } else if (c_.peek() == '#') {
      c_.next();
      for (std::size_t n = length(); n > 0; --n) {
        append(out, value(marker()), c_);
      }
    } else {
      while (c_.peek() != ']') {
        append(out, value(marker()), c_);
      }
      c_.next();
    }
    c_.leave();
    return out;
  }

  void typed(document& out) {
    const char type = c_.next();
    const std::size_t w = width(type);
    if (c_.next() != '#' || w == 0) {
      c_.fail("an array of a type that models do not use");
    }
    const std::size_t n = length();
    if (n > c_.left() / w) {
      c_.fail("a length beyond the end of the file");
    }
    const auto bytes = c_.take(n * w);
    out.numbers.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
      out.numbers[i] = read(type, bytes.data() + i * w);
    }
  }

  cursor c_;
};

template <class Parser>
result<document> run(std::string_view bytes, const char* what) {
  try {
    return Parser(bytes).run();
  } catch (const syntax& s) {
    return invalid_input(std::string("not a valid ") + what + " file, " + s.message);
  }
}

} // namespace

const document* document::find(std::string_view name) const {
  for (const auto& [key, value] : members) {
    if (key == name) {
      return &value;
    }
  }
  return nullptr;
}

result<document> parse_json(std::string_view bytes) {
  return run<json_parser>(bytes, "JSON");
}
result<document> parse_ubj(std::string_view bytes) {
  return run<ubj_parser>(bytes, "UBJ");
}

} // namespace pricing::forest
