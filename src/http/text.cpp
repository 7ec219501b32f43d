#include "http/text.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <sodium.h>

namespace pricing::http {
namespace {

constexpr char hex_digits[] = "0123456789abcdef";

int hex_value(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c = static_cast<char>(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

// Calls visit(element) for each trimmed element of a comma-separated list until it returns true.
template <class Visit>
bool any_element(std::string_view list, Visit visit) {
  for (std::size_t from = 0; from < list.size();) {
    const auto comma = std::min(list.find(',', from), list.size());
    if (visit(trim(list.substr(from, comma - from))))
      return true;
    from = comma + 1;
  }
  return false;
}

} // namespace

bool percent_decode(std::string_view text, std::string& out, bool plus_is_space) {
  auto plain = std::min(text.find('%'), text.size());
  if (plus_is_space)
    plain = std::min(plain, text.find('+'));
  out.append(text.substr(0, plain));
  for (std::size_t i = plain; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size())
        return false;
      const int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
      if (high < 0 || low < 0 || (high | low) == 0)
        return false;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return true;
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (is_unreserved(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += static_cast<char>(std::toupper(hex_digits[byte >> 4]));
    out += static_cast<char>(std::toupper(hex_digits[byte & 15]));
  }
  return out;
}

std::optional<std::vector<name_value>> parse_query(std::string_view text) {
  constexpr std::size_t parameters_max = 100;
  std::vector<name_value> out;
  for (std::size_t from = 0; from < text.size();) {
    const auto end = std::min(text.find('&', from), text.size());
    const auto pair = text.substr(from, end - from);
    from = end + 1;
    if (pair.empty())
      continue;
    const auto equals = std::min(pair.find('='), pair.size());
    auto& [name, value] = out.emplace_back();
    if (!percent_decode(pair.substr(0, equals), name, true) ||
        (equals < pair.size() && !percent_decode(pair.substr(equals + 1), value, true)) || out.size() > parameters_max)
      return std::nullopt;
  }
  return out;
}

bool equal_without_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

bool accepts(std::string_view header, std::string_view token) {
  return any_element(header, [&](std::string_view element) {
    const auto semicolon = std::min(element.find(';'), element.size());
    if (!equal_without_case(trim(element.substr(0, semicolon)), token))
      return false;
    const auto weight = trim(element.substr(std::min(semicolon + 1, element.size())));
    return !weight.starts_with("q=0") || weight.find_first_of("123456789") != weight.npos;
  });
}

bool etag_matches(std::string_view if_none_match, std::string_view etag) {
  return any_element(if_none_match, [&](std::string_view element) {
    if (element.starts_with("W/"))
      element.remove_prefix(2);
    return element == "*" || element == etag;
  });
}

std::string http_date(std::chrono::sys_seconds at) {
  static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day ymd(day);
  const std::chrono::hh_mm_ss time(at - day);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", days[std::chrono::weekday(day).c_encoding()],
                     static_cast<unsigned>(ymd.day()), months[static_cast<unsigned>(ymd.month()) - 1],
                     static_cast<int>(ymd.year()), time.hours().count(), time.minutes().count(),
                     time.seconds().count());
}

std::string random_id() {
  // One call to the generator serves many ids; ids need to be unique, not secret.
  thread_local std::array<unsigned char, 1024> pool;
  thread_local std::size_t left = 0;
  if (left == 0) {
    randombytes_buf(pool.data(), pool.size());
    left = pool.size();
  }
  std::string out(32, '0');
  char* at = out.data();
  for (std::size_t i = 0; i < 16; ++i) {
    const auto byte = pool[--left];
    *at++ = hex_digits[byte >> 4];
    *at++ = hex_digits[byte & 15];
  }
  return out;
}

bool is_sane_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 &&
         std::all_of(id.begin(), id.end(), [](char c) { return is_unreserved(c) && c != '~'; });
}

std::string content_etag(std::string_view content) {
  std::array<unsigned char, 16> hash;
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(content.data()), content.size(),
                     nullptr, 0);
  std::string out = "\"";
  for (const auto byte : hash) {
    out += hex_digits[byte >> 4];
    out += hex_digits[byte & 15];
  }
  return out += '"';
}

} // namespace pricing::http
