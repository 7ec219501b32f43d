#include "match/normalize.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace pricing::match {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

// Latin-1 letters U+00C0..U+00FF without their marks; the empty string stands for a sign.
constexpr std::array<std::string_view, 64> latin_letters = {
    "a", "a", "a", "a", "a", "a", "ae", "c", "e",  "e",  "e", "e", "i", "i", "i", "i", "d",  "n", "o",  "o", "o", "o",
    "o", "",  "o", "u", "u", "u", "u",  "y", "th", "ss", "a", "a", "a", "a", "a", "a", "ae", "c", "e",  "e", "e", "e",
    "i", "i", "i", "i", "d", "n", "o",  "o", "o",  "o",  "o", "",  "o", "u", "u", "u", "u",  "y", "th", "y"};

// One code point as it enters the folded text: letters lose marks and case, fractions are spelt, signs become a space.
void append_folded(std::string& out, std::uint32_t c, std::string_view bytes) {
  if (c >= 0xC0 && c <= 0xFF) {
    const auto letter = latin_letters[c - 0xC0];
    out += letter.empty() ? std::string_view(" ") : letter;
  } else if (c == 0xBC || c == 0xBD || c == 0xBE) {
    if (!out.empty() && is_digit(out.back()))
      out += ' ';
    out += c == 0xBC ? "1/4" : c == 0xBD ? "1/2" : "3/4";
  } else if (c == 0x201C || c == 0x201D || c == 0x2033) {
    out += '"';
  } else if (c >= 0x391 && c <= 0x3A9) { // Greek and Cyrillic capitals to small letters
    append_folded(out, 0,
                  std::string{static_cast<char>(0xC0 | ((c + 32) >> 6)), static_cast<char>(0x80 | ((c + 32) & 0x3F))});
  } else if (c >= 0x410 && c <= 0x42F) {
    append_folded(out, 0,
                  std::string{static_cast<char>(0xC0 | ((c + 32) >> 6)), static_cast<char>(0x80 | ((c + 32) & 0x3F))});
  } else if (c < 0xC0 && c != 0) {
    out += ' ';
  } else if (c >= 0x2000 && c <= 0x206F) {
    out += ' ';
  } else {
    out += bytes;
  }
}

// Length of the UTF-8 sequence at `i`, or 1 with `c` read as Windows-1252 when the bytes are not UTF-8.
std::size_t decode(std::string_view text, std::size_t i, std::uint32_t& c) {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  const auto first = byte(i);
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  c = first;
  if (first < 0xC2 || first > 0xF4 || i + length > text.size())
    return 1;
  std::uint32_t value = first & (0xFF >> (length + 1));
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xC0) != 0x80)
      return 1;
    value = value << 6 | (byte(i + k) & 0x3F);
  }
  c = value;
  return length;
}

std::string fold(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 4);
  for (std::size_t i = 0; i < text.size();) {
    const char ch = text[i];
    if (static_cast<unsigned char>(ch) < 0x80) {
      out += ch >= 'A' && ch <= 'Z' ? static_cast<char>(ch + 32) : ch;
      ++i;
      continue;
    }
    std::uint32_t c = 0;
    const auto length = decode(text, i, c);
    if (length == 1)
      append_folded(out, c, " ");
    else
      append_folded(out, c, text.substr(i, length));
    i += length;
  }
  return out;
}

bool is_word(char c) {
  return is_lower(c) || is_digit(c) || static_cast<unsigned char>(c) >= 0x80;
}

// End of "12,345.00" at `i`, or `i` when there is no number.
std::size_t skip_number(std::string_view s, std::size_t i) {
  if (i >= s.size() || !is_digit(s[i]))
    return i;
  while (i < s.size() && (is_digit(s[i]) || ((s[i] == ',' || s[i] == '.') && i + 1 < s.size() && is_digit(s[i + 1]))))
    ++i;
  return i;
}

// Looked ahead at most so far from one position, so that a megabyte of "(" or "_" costs no more than its length.
constexpr std::size_t look_ahead_bytes_max = 128;

// An amount of money: "$3,500.00", "____41,000.000", "___$ 12". A bare number is no amount.
std::size_t skip_amount(std::string_view text, std::size_t i) {
  const auto s = text.substr(0, i + look_ahead_bytes_max);
  std::size_t at = i;
  std::size_t underscores = 0;
  bool dollar = false;
  for (; at < s.size() && (s[at] == '_' || s[at] == '$' || s[at] == ' '); ++at) {
    underscores += s[at] == '_';
    dollar |= s[at] == '$';
  }
  if (!dollar && underscores < 2)
    return i;
  const auto end = skip_number(s, at);
  return end == at ? i : end;
}

// "(s01-3 of 12034)", "(sn 1234)", "(structure no. 99)", "(s12-34567)": where, not what. `i` stands on the parenthesis.
std::size_t skip_site_reference(std::string_view text, std::size_t i) {
  const auto s = text.substr(0, i + look_ahead_bytes_max);
  const auto close = s.find(')', i);
  if (close == std::string_view::npos)
    return i;
  auto inside = s.substr(i + 1, close - i - 1);
  if (const auto of = inside.find(" of "); of != std::string_view::npos && of > 0 && of + 4 < inside.size()) {
    if (is_digit(inside[of + 4]) && (is_digit(inside[of - 1]) || (of > 1 && is_digit(inside[of - 2]))) &&
        is_lower(inside.front()))
      return close + 1;
  }
  for (const std::string_view name :
       {"structure number", "structure no", "structure", "str no", "str. no", "str", "sn"}) {
    if (!inside.starts_with(name))
      continue;
    auto at = inside.find_first_not_of(" .:#", name.size());
    if (at == std::string_view::npos)
      return i;
    const auto end = inside.find_first_not_of("0123456789", at);
    return at != end && end == std::string_view::npos ? close + 1 : i;
  }
  return i;
}

void append_space(std::string& out) {
  if (!out.empty() && out.back() != ' ')
    out += ' ';
}
void append_word(std::string& out, std::string_view word) {
  append_space(out);
  out += word;
  out += ' ';
}
void trim_end(std::string& out) {
  while (!out.empty() && out.back() == ' ')
    out.pop_back();
}

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t i = 0; i < text.size();) {
    const auto end = std::min(text.find(' ', i), text.size());
    if (end > i)
      words.push_back(text.substr(i, end - i));
    i = end + 1;
  }
  return words;
}

bool is_legal_form(std::string_view word) {
  static constexpr std::array<std::string_view, 34> forms = {
      "inc", "incorporated", "llc", "llp", "lp",  "ltd", "limited", "corp", "corporation", "co", "company", "companies",
      "plc", "gmbh",         "kg",  "ag",  "sa",  "sas", "sarl",    "srl",  "spa",         "bv", "nv",      "ab",
      "oy",  "aps",          "pte", "pvt", "pty", "lc",  "kgaa",    "mbh",  "eurl",        "sro"};
  return std::find(forms.begin(), forms.end(), word) != forms.end();
}

// Words of one company: initials joined, '&' spelt, apostrophes dropped.
std::vector<std::string> company_words(std::string_view folded) {
  std::string plain;
  for (std::size_t i = 0; i < folded.size(); ++i) {
    const char c = folded[i];
    if (c == '&' || c == '+')
      append_word(plain, "and");
    else if (is_word(c))
      plain += c;
    else if (c != '\'' && c != '`')
      append_space(plain);
  }
  std::vector<std::string> out;
  bool joining = false;
  for (const auto word : split_words(plain)) {
    const bool initial = word.size() == 1 && is_lower(word[0]);
    if (initial && joining)
      out.back() += word;
    else
      out.emplace_back(word);
    joining = initial;
  }
  return out;
}

std::string normalize_company(std::string_view folded) {
  auto words = company_words(folded);
  const auto all = words;
  while (!words.empty() && (is_legal_form(words.back()) || words.back() == "and" || words.back() == "the"))
    words.pop_back();
  if (words.size() > 1 && words.front() == "the")
    words.erase(words.begin());
  if (words.empty())
    words = all;
  std::string out;
  for (const auto& w : words) {
    append_space(out);
    out += w;
  }
  return out;
}

} // namespace

std::string normalize_item(std::string_view text) {
  const std::string s = fold(text);
  std::string out;
  out.reserve(s.size());
  for (std::size_t i = 0; i < s.size();) {
    const char c = s[i];
    if (const auto end = c == '(' ? skip_site_reference(s, i) : skip_amount(s, i); end > i) {
      append_space(out);
      i = end;
      continue;
    }
    const bool between_digits = i > 0 && i + 1 < s.size() && is_digit(s[i - 1]) && is_digit(s[i + 1]);
    // The digit before may have left with an amount of money.
    const bool after_digit = !out.empty() && is_digit(out.back());
    if (is_word(c) || ((c == '.' || c == '/') && between_digits && after_digit))
      out += c;
    else if (c == '&')
      append_word(out, "and");
    else if (c == '"' && i > 0 && is_digit(s[i - 1]))
      append_word(out, "inch");
    else if (c != '\'' && c != '`' &&
             !(c == ',' && between_digits && i + 3 < s.size() && is_digit(s[i + 2]) && is_digit(s[i + 3])))
      append_space(out);
    ++i;
  }
  trim_end(out);
  return out;
}

std::string normalize_supplier(std::string_view text) {
  const std::string folded = fold(text);
  std::string out;
  for (std::size_t i = 0; i <= folded.size();) {
    const auto end = std::min(folded.find('/', i), folded.size());
    const auto partner = normalize_company(std::string_view(folded).substr(i, end - i));
    if (!partner.empty())
      out += (out.empty() ? "" : " / ") + partner;
    i = end + 1;
  }
  return out;
}

std::string fold_text(std::string_view text) {
  return fold(text);
}

std::string normalize_unit(std::string_view text) {
  std::string key;
  for (const char c : fold(text))
    if (is_word(c) || c == '%' || c == '/')
      key += c;
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 75> spellings = {{
      {"each", "ea"},         {"eaches", "ea"},     {"pc", "ea"},         {"pcs", "ea"},         {"piece", "ea"},
      {"pieces", "ea"},       {"foot", "ft"},       {"feet", "ft"},       {"linft", "lft"},      {"linearfoot", "lft"},
      {"linearfeet", "lft"},  {"lf", "lft"},        {"sqyd", "syd"},      {"sy", "syd"},         {"squareyard", "syd"},
      {"squareyards", "syd"}, {"sqft", "sft"},      {"sf", "sft"},        {"squarefoot", "sft"}, {"squarefeet", "sft"},
      {"cuyd", "cyd"},        {"cy", "cyd"},        {"cubicyard", "cyd"}, {"cubicyards", "cyd"}, {"cuft", "cft"},
      {"cf", "cft"},          {"cubicfoot", "cft"}, {"cubicfeet", "cft"}, {"tons", "ton"},       {"tonne", "t"},
      {"tonnes", "t"},        {"mt", "t"},          {"metricton", "t"},   {"metrictons", "t"},   {"lbs", "lb"},
      {"pound", "lb"},        {"pounds", "lb"},     {"kgs", "kg"},        {"kilogram", "kg"},    {"kilograms", "kg"},
      {"hour", "hr"},         {"hours", "hr"},      {"hrs", "hr"},        {"acres", "acre"},     {"gallon", "gal"},
      {"gallons", "gal"},     {"month", "mo"},      {"months", "mo"},     {"mile", "mi"},        {"miles", "mi"},
      {"inch", "in"},         {"inches", "in"},     {"ls", "lsum"},       {"lumpsum", "lsum"},   {"dollar", "dlr"},
      {"dollars", "dlr"},     {"sets", "set"},      {"units", "unit"},    {"stations", "sta"},   {"station", "sta"},
      {"week", "wk"},         {"weeks", "wk"},      {"days", "day"},      {"meter", "m"},        {"metre", "m"},
      {"meters", "m"},        {"metres", "m"},      {"sqm", "m2"},        {"m²", "m2"},          {"cbm", "m3"},
      {"liter", "l"},         {"litre", "l"},       {"liters", "l"},      {"litres", "l"},       {"packs", "pack"},
  }};
  for (const auto& [spelling, unit] : spellings)
    if (spelling == key)
      return std::string(unit);
  return key;
}

} // namespace pricing::match
