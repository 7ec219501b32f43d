#include "wire/json.hpp"
#include "wire/exact_json.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace pricing::wire {

namespace json = boost::json;

std::string json_path::to_string() const {
  if (!parent)
    return {};
  std::string out = parent->to_string();
  if (name.empty())
    return out + "[" + std::to_string(index) + "]";
  if (!out.empty())
    out += '.';
  return out.append(name);
}

void decoder::fail(const json_path& where, std::string message) {
  if (!full())
    errors_.push_back({where.to_string(), std::move(message)});
}

error decoder::take_error() {
  if (errors_.empty())
    return invalid_input("the input is not valid");
  const auto& first = errors_.front();
  std::string message = (first.path.empty() ? std::string("the body") : first.path) + " " + first.message;
  return invalid_input(std::move(message), std::move(errors_));
}

result<json::value> parse_json(std::string_view text) {
  return parse_exact(text, {}, 32);
}

namespace {

std::string_view kind_of(const json::value& v) {
  switch (v.kind()) {
  case json::kind::null:
    return "null";
  case json::kind::bool_:
    return "a boolean";
  case json::kind::string:
    return "a string";
  case json::kind::array:
    return "an array";
  case json::kind::object:
    return "an object";
  default:
    return "a number";
  }
}

bool wrong_kind(decoder& d, const json_path& at, std::string_view wanted, const json::value& v) {
  return d.fail(at, fmt::format("must be {}, not {}", wanted, kind_of(v))), false;
}

// Code points of valid UTF-8; boost::json has checked the validity of what came as JSON.
std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

} // namespace

namespace detail {

bool read_bool(decoder& d, const json_path& at, const json::value& v, bool& out) {
  if (!v.is_bool())
    return wrong_kind(d, at, "true or false", v);
  return out = v.get_bool(), true;
}

bool read_int(decoder& d, const json_path& at, const json::value& v, std::int64_t min, std::uint64_t max,
              std::int64_t& out) {
  const auto outside = [&] {
    if (min == 1 && max == static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      d.fail(at, "must be a whole number of at least 1");
    else
      wrong_range(d, at, std::to_string(min), std::to_string(max));
    return false;
  };
  if (v.is_int64())
    out = v.get_int64();
  else if (v.is_uint64())
    return outside();
  else if (v.is_double() && v.get_double() == std::floor(v.get_double()) && std::abs(v.get_double()) < 9e15)
    out = static_cast<std::int64_t>(v.get_double());
  else if (v.is_double())
    return d.fail(at, "must be a whole number"), false;
  else
    return wrong_kind(d, at, "a whole number", v);
  return out < min || (out >= 0 && static_cast<std::uint64_t>(out) > max) ? outside() : true;
}

bool read_double(decoder& d, const json_path& at, const json::value& v, double& out) {
  if (!v.is_number())
    return wrong_kind(d, at, "a number", v);
  out = v.is_double()  ? v.get_double()
        : v.is_int64() ? static_cast<double>(v.get_int64())
                       : static_cast<double>(v.get_uint64());
  return true;
}

bool read_string(decoder& d, const json_path& at, const json::value& v, std::string& out) {
  if (!v.is_string())
    return wrong_kind(d, at, "a string", v);
  const auto& text = v.get_string();
  if (std::string_view(text).find('\0') != std::string_view::npos)
    return d.fail(at, "must not contain a NUL character"), false;
  out.assign(text.data(), text.size());
  return true;
}

bool read_text(decoder& d, const json_path& at, const json::value& v, std::size_t min, std::size_t max,
               std::string& out) {
  if (!read_string(d, at, v, out))
    return false;
  const auto size = characters(out);
  if (size < min)
    return d.fail(at, min == 1 ? "must not be empty" : fmt::format("must have at least {} characters", min)), false;
  if (size > max)
    return d.fail(at, fmt::format("must have at most {} characters, not {}", max, size)), false;
  return true;
}

bool read_email(decoder& d, const json_path& at, const json::value& v, std::string& out) {
  if (!read_string(d, at, v, out))
    return false;
  const auto plain = [](unsigned char c) {
    return c > ' ' && c != 127 && c != ',' && c != '<' && c != '>' && c != '"';
  };
  const auto sign = out.find('@');
  const auto domain = sign == std::string::npos ? std::string_view() : std::string_view(out).substr(sign + 1);
  if (sign == 0 || domain.empty() || domain.find('@') != domain.npos || domain.find('.') == domain.npos ||
      domain.front() == '.' || domain.back() == '.' || out.size() > 254 || !std::all_of(out.begin(), out.end(), plain))
    return d.fail(at, "must be an e-mail address such as name@example.com"), false;
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return true;
}

bool read_decimal(decoder& d, const json_path& at, const json::value& v, decimal& out) {
  if (!v.is_string() && !v.is_number())
    return wrong_kind(d, at, "a decimal such as \"45.50\"", v);
  const auto parsed = v.is_string()   ? decimal::parse(v.get_string())
                      : v.is_int64()  ? decimal::parse(std::to_string(v.get_int64()))
                      : v.is_uint64() ? decimal::parse(std::to_string(v.get_uint64()))
                                      : decimal::from_double(v.get_double());
  if (!parsed)
    return d.fail(at, "must be a decimal such as \"45.50\": " + parsed.error().message), false;
  return out = *parsed, true;
}

bool read_date(decoder& d, const json_path& at, const json::value& v, date& out) {
  if (!v.is_string())
    return wrong_kind(d, at, "a date as YYYY-MM-DD", v);
  const auto parsed = parse_date(v.get_string());
  if (!parsed)
    return d.fail(at, "must be a date: " + parsed.error().message), false;
  return out = *parsed, true;
}

bool read_timestamp(decoder& d, const json_path& at, const json::value& v, timestamp& out) {
  if (!v.is_string())
    return wrong_kind(d, at, "a time such as 2024-01-05T10:20:30Z", v);
  const auto parsed = parse_timestamp(v.get_string());
  if (!parsed)
    return d.fail(at, "must be a time such as 2024-01-05T10:20:30Z"), false;
  return out = *parsed, true;
}

const json::object* read_object(decoder& d, const json_path& at, const json::value& v) {
  if (!v.is_object())
    wrong_kind(d, at, "an object", v);
  return v.if_object();
}

const json::array* read_array(decoder& d, const json_path& at, const json::value& v, std::size_t max) {
  if (!v.is_array())
    wrong_kind(d, at, "an array", v);
  else if (v.get_array().size() > max)
    return d.fail(at, fmt::format("must have at most {} elements, not {}", max, v.get_array().size())), nullptr;
  return v.if_array();
}

void wrong_enum(decoder& d, const json_path& at, const json::value& v, const std::string& allowed) {
  if (!v.is_string())
    wrong_kind(d, at, "one of " + allowed, v);
  else
    d.fail(at, fmt::format("must be one of {}, not '{}'", allowed, std::string_view(v.get_string()).substr(0, 50)));
}

void wrong_range(decoder& d, const json_path& at, const std::string& min, const std::string& max) {
  d.fail(at, fmt::format("must be between {} and {}", min, max));
}

void unknown_members(decoder& d, const json_path& at, const json::object& o, const std::string_view* names,
                     std::size_t count) {
  for (const auto& [name, value] : o)
    if (std::find(names, names + count, std::string_view(name)) == names + count) {
      std::string known;
      for (std::size_t i = 0; i < count; ++i)
        known.append(i ? ", " : "").append(names[i]);
      d.fail(json_path{&at, name}, "is not a known field; known are " + known);
    }
}

json::value value_of_text(std::string_view text, bool numeric, bool boolean) {
  if (boolean && (text == "true" || text == "1"))
    return true;
  if (boolean && (text == "false" || text == "0"))
    return false;
  if (numeric) {
    const auto end = text.data() + text.size();
    std::int64_t whole = 0;
    if (const auto r = std::from_chars(text.data(), end, whole); r.ec == std::errc{} && r.ptr == end)
      return whole;
    double real = 0;
    if (const auto r = std::from_chars(text.data(), end, real);
        r.ec == std::errc{} && r.ptr == end && std::isfinite(real))
      return real;
  }
  return json::value(text);
}

void write_string(std::string& out, std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  out += '"';
  std::size_t from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\')
      continue;
    out.append(text, from, i - from);
    from = i + 1;
    switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\t':
      out += "\\t";
      break;
    case '\r':
      out += "\\r";
      break;
    default:
      out += "\\u00";
      out += hex[c >> 4];
      out += hex[c & 15];
    }
  }
  out.append(text, from, text.size() - from);
  out += '"';
}

void write_double(std::string& out, double v) {
  if (!std::isfinite(v)) {
    out += "null";
    return;
  }
  if (v == 0)
    v = 0; // "-0" would be read as the integer 0
  // Written as digits alone, one of more than 64 bits would be read as an integer and refused (exact_json.hpp).
  const bool is_wide = std::abs(v) >= 9e15;
  char buffer[32];
  out.append(buffer, is_wide ? std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::scientific).ptr
                             : std::to_chars(buffer, buffer + sizeof buffer, v).ptr);
}

void write_int(std::string& out, std::int64_t v) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, v).ptr);
}

void write_uint(std::string& out, std::uint64_t v) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, v).ptr);
}

void write_value(std::string& out, const json::value& v) {
  out += json::serialize(v);
}

} // namespace detail

result<timestamp> parse_timestamp(std::string_view iso) {
  const auto wrong = [] { return invalid_input("not a time; write 2024-01-05T10:20:30Z"); };
  if (iso.size() < 20 || (iso[10] != 'T' && iso[10] != 't' && iso[10] != ' ') || iso[13] != ':' || iso[16] != ':')
    return wrong();
  const auto day = parse_date(iso.substr(0, 10));
  const auto number = [&](std::size_t at, std::size_t size, int max) {
    int value = -1;
    const auto end = iso.data() + at + size;
    const auto r = std::from_chars(iso.data() + at, end, value);
    return r.ec == std::errc{} && r.ptr == end && value <= max ? value : -1;
  };
  const int hour = number(11, 2, 23), minute = number(14, 2, 59), second = number(17, 2, 59);
  if (!day || hour < 0 || minute < 0 || second < 0)
    return wrong();
  std::size_t at = 19;
  std::int64_t micros = 0;
  if (iso[at] == '.') {
    const auto from = ++at;
    for (std::int64_t unit = 100'000; at < iso.size() && iso[at] >= '0' && iso[at] <= '9'; ++at, unit /= 10)
      micros += (iso[at] - '0') * unit;
    if (at == from)
      return wrong();
  }
  using namespace std::chrono;
  timestamp out = *day + hours(hour) + minutes(minute) + seconds(second) + microseconds(micros);
  const auto zone = iso.substr(at);
  if (zone == "Z" || zone == "z")
    return out;
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':')
    return wrong();
  const int zone_hour = number(at + 1, 2, 23), zone_minute = number(at + 4, 2, 59);
  if (zone_hour < 0 || zone_minute < 0)
    return wrong();
  const auto offset = hours(zone_hour) + minutes(zone_minute);
  return zone[0] == '+' ? out - offset : out + offset;
}

} // namespace pricing::wire
