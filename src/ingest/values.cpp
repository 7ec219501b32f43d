#include "ingest/values.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <utility>

namespace pricing::ingest {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

// 1..12 for an English month name or its first three letters, else 0.
unsigned month_of(std::string_view word) {
  static constexpr std::array<std::string_view, 12> months = {"january",   "february", "march",    "april",
                                                              "may",       "june",     "july",     "august",
                                                              "september", "october",  "november", "december"};
  if (word.size() < 3)
    return 0;
  for (unsigned m = 0; m < months.size(); ++m) {
    const auto& name = months[m];
    const bool fits = word.size() <= name.size() &&
                      std::equal(word.begin(), word.end(), name.begin(), [](char a, char b) { return lower(a) == b; });
    if (fits && (word.size() == 3 || word.size() == name.size() || (m == 8 && word.size() == 4)))
      return m + 1;
  }
  return 0;
}

struct date_part {
  int value = 0;
  int digits = 0; // 0: a month's name
};

// Cuts "5-Jan-24", "Jan 5, 2024 10:30" into three parts; the rest must be a time of day.
bool cut_date(std::string_view text, std::array<date_part, 3>& parts) {
  std::size_t i = 0;
  for (std::size_t n = 0; n < 3; ++n) {
    const auto begin = i;
    if (i < text.size() && is_digit(text[i])) {
      while (i < text.size() && is_digit(text[i]) && i - begin < 4)
        parts[n].value = parts[n].value * 10 + (text[i++] - '0');
      parts[n].digits = static_cast<int>(i - begin);
    } else {
      while (i < text.size() && is_letter(text[i]))
        ++i;
      parts[n].value = static_cast<int>(month_of(text.substr(begin, i - begin)));
      if (parts[n].value == 0)
        return false;
    }
    if (n == 2)
      break;
    const auto separator = i;
    while (i < text.size() && (text[i] == '-' || text[i] == '/' || text[i] == '.' || text[i] == ' ' || text[i] == ','))
      ++i;
    if (i == separator || i - separator > 2)
      return false;
  }
  if (i == text.size())
    return true;
  if ((text[i] != ' ' && text[i] != 'T') || i + 1 == text.size() || !is_digit(text[i + 1]))
    return false;
  return text.find_first_not_of("0123456789:.TZ+- AMPamp", i) == std::string_view::npos &&
         text.find(':', i) != std::string_view::npos;
}

std::optional<date> make_date(int y, int m, int d) {
  using namespace std::chrono;
  const year_month_day ymd{year{y}, month{static_cast<unsigned>(m)}, day{static_cast<unsigned>(d)}};
  if (!ymd.ok() || y < 1900 || y > 2199)
    return std::nullopt;
  return sys_days{ymd};
}

// "20240105"
std::optional<date> read_compact(std::string_view text) {
  int value = 0;
  for (const char c : text)
    value = value * 10 + (c - '0');
  return make_date(value / 10'000, value / 100 % 100, value % 100);
}

} // namespace

std::string_view trim(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  for (;;) {
    if (!text.empty() && space(text.front()))
      text.remove_prefix(1);
    else if (text.starts_with("\xC2\xA0"))
      text.remove_prefix(2);
    else
      break;
  }
  for (;;) {
    if (!text.empty() && space(text.back()))
      text.remove_suffix(1);
    else if (text.ends_with("\xC2\xA0"))
      text.remove_suffix(2);
    else
      break;
  }
  return text;
}

std::string_view cut_utf8(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max)
    return text;
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xC0) == 0x80)
    --bytes_max;
  return text.substr(0, bytes_max);
}

const char* to_string(date_order order) {
  return order == date_order::ymd ? "YYYY-MM-DD" : order == date_order::dmy ? "DD/MM/YYYY" : "MM/DD/YYYY";
}

std::optional<date_order> parse_date_order(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, date_order>, 8> names = {{{"YYYY-MM-DD", date_order::ymd},
                                                                                    {"YYYYMMDD", date_order::ymd},
                                                                                    {"DD/MM/YYYY", date_order::dmy},
                                                                                    {"DD.MM.YYYY", date_order::dmy},
                                                                                    {"DD-MM-YYYY", date_order::dmy},
                                                                                    {"DD-Mon-YY", date_order::dmy},
                                                                                    {"DD-Mon-YYYY", date_order::dmy},
                                                                                    {"MM/DD/YYYY", date_order::mdy}}};
  for (const auto& [known, order] : names)
    if (name == known)
      return order;
  return std::nullopt;
}

bool has_month_name(std::string_view text) {
  return std::count_if(text.begin(), text.end(), is_letter) >= 3;
}

std::optional<date> read_date(std::string_view text, date_order order) {
  text = trim(text);
  if (order == date_order::ymd && text.size() == 8 && std::all_of(text.begin(), text.end(), is_digit))
    return read_compact(text);
  std::array<date_part, 3> parts;
  if (!cut_date(text, parts))
    return std::nullopt;
  const auto index = [&](int y, int m, int d) { return std::array<date_part, 3>{parts[y], parts[m], parts[d]}; };
  auto [year, month, day] = order == date_order::ymd   ? index(0, 1, 2)
                            : order == date_order::dmy ? index(2, 1, 0)
                                                       : index(2, 0, 1);
  const bool named = month.digits == 0;
  if ((!named && month.digits > 2) || day.digits == 0 || day.digits > 2 || (year.digits != 4 && year.digits != 2) ||
      (order == date_order::ymd && year.digits != 4))
    return std::nullopt;
  if (year.digits == 2)
    year.value += year.value < 69 ? 2000 : 1900;
  return make_date(year.value, month.value, day.value);
}

namespace {

// The number without sign, currency and outer spaces; sets `negative`. Empty when something else stands around it.
std::string_view strip_number(std::string_view text, bool& negative) {
  text = trim(text);
  if (text.size() > 2 && text.front() == '(' && text.back() == ')') {
    negative = true;
    text = trim(text.substr(1, text.size() - 2));
  }
  static constexpr std::array<std::string_view, 5> signs = {"$", "€", "£", "¥", "₹"};
  const auto strip_currency = [&] {
    for (const auto sign : signs) {
      if (text.starts_with(sign))
        text.remove_prefix(sign.size());
      if (text.ends_with(sign))
        text.remove_suffix(sign.size());
    }
    const auto code = [](std::string_view t) {
      return t.size() == 3 && std::all_of(t.begin(), t.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    };
    if (text.size() > 3 && code(text.substr(0, 3)) && text.substr(0, 3) != "NAN" && text.substr(0, 3) != "INF")
      text.remove_prefix(3);
    else if (text.size() > 3 && code(text.substr(text.size() - 3)))
      text.remove_suffix(3);
    text = trim(text);
  };
  const auto strip_sign = [&] {
    if (text.starts_with('-') && !negative) {
      negative = true;
      text.remove_prefix(1);
    } else if (text.starts_with('+')) {
      text.remove_prefix(1);
    } else if (text.ends_with('-') && !negative) {
      negative = true;
      text.remove_suffix(1);
    } else if (text.starts_with("\xE2\x88\x92") && !negative) {
      negative = true;
      text.remove_prefix(3);
    }
    text = trim(text);
  };
  if (text.empty() || is_digit(text.front()) == false || is_digit(text.back()) == false) {
    strip_sign();
    strip_currency();
    if (!negative)
      strip_sign();
  }
  return text;
}

// Bytes of a mark between groups of three digits at `i` (space, no-break and thin spaces, apostrophe, `other`), else 0.
std::size_t group_mark(std::string_view text, std::size_t i, char other) {
  if (text[i] == other || text[i] == ' ' || text[i] == '\'')
    return 1;
  const auto rest = text.substr(i);
  if (rest.starts_with("\xC2\xA0"))
    return 2;
  return rest.starts_with("\xE2\x80\xAF") || rest.starts_with("\xE2\x80\x89") || rest.starts_with("\xE2\x80\x99") ? 3
                                                                                                                  : 0;
}

} // namespace

std::optional<decimal> read_number(std::string_view text, char decimal_mark) {
  bool negative = false;
  text = strip_number(text, negative);
  const char other = decimal_mark == '.' ? ',' : '.';
  std::int64_t whole = 0;
  int digits = 0, since_mark = 0;
  bool grouped = false;
  std::size_t i = 0;
  for (; i < text.size() && text[i] != decimal_mark;) {
    if (is_digit(text[i])) {
      whole = whole * 10 + (text[i] - '0');
      if (++digits > 14 && whole >= 100'000'000'000'000)
        return std::nullopt;
      ++since_mark;
      ++i;
      continue;
    }
    const auto mark = group_mark(text, i, other);
    if (mark == 0 || (grouped ? since_mark != 3 : since_mark < 1 || since_mark > 3))
      return std::nullopt;
    grouped = true;
    since_mark = 0;
    i += mark;
  }
  if (grouped && since_mark != 3)
    return std::nullopt;
  std::int64_t fraction = 0;
  int fraction_digits = 0;
  bool round_up = false;
  if (i < text.size())
    for (++i; i < text.size(); ++i) {
      if (!is_digit(text[i]))
        return std::nullopt;
      if (++fraction_digits <= 4)
        fraction = fraction * 10 + (text[i] - '0');
      else if (fraction_digits == 5)
        round_up = text[i] >= '5';
    }
  if (digits + fraction_digits == 0)
    return std::nullopt;
  for (int k = std::min(fraction_digits, 4); k < 4; ++k)
    fraction *= 10;
  const auto units = whole * decimal::scale + fraction + round_up;
  return decimal::from_units(negative ? -units : units);
}

mark_evidence decimal_mark_evidence(std::string_view text) {
  bool negative = false;
  text = strip_number(text, negative);
  const auto point = text.rfind('.'), comma = text.rfind(',');
  constexpr auto none = std::string_view::npos;
  if (point != none && comma != none)
    return point > comma ? mark_evidence::point : mark_evidence::comma;
  if (point == none && comma == none)
    return mark_evidence::none;
  const auto at = point != none ? point : comma;
  const char c = text[at];
  const auto as_decimal = c == '.' ? mark_evidence::point : mark_evidence::comma;
  const auto as_group = c == '.' ? mark_evidence::comma : mark_evidence::point;
  if (text.find(c) != at)
    return as_group; // twice: marks of groups
  const bool three_after = text.size() - at - 1 == 3;
  const bool group_possible = three_after && at >= 1 && at <= 3 && text[0] != '0';
  return group_possible ? mark_evidence::none : as_decimal;
}

} // namespace pricing::ingest
