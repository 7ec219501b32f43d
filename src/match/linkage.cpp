#include "match/linkage.hpp"

#include "match/similarity.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace pricing::match {
namespace {

using words = std::vector<std::string_view>;

template <std::size_t Size>
bool contains(const std::array<std::string_view, Size>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// Words that carry no property.
bool is_filler(std::string_view word) {
  static constexpr std::array<std::string_view, 14> fillers = {"and", "of",  "for", "the", "with", "w",  "in",
                                                               "to",  "per", "on",  "a",   "an",   "by", "at"};
  return contains(fillers, word);
}

// A size, class, grade or type: any word with a digit, and short codes such as "ii", "b", "xl".
bool is_code(std::string_view word) {
  if (std::any_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return true;
  const bool roman = word.size() <= 4 && word.find_first_not_of("ivx") == std::string_view::npos;
  return roman || (word.size() <= 2 && !is_filler(word));
}

// Opposites and colours: one letter apart or not, they are never the same.
bool is_contrast(std::string_view word) {
  static constexpr std::array<std::string_view, 47> contrasts = {
      "left",           "right",        "up",     "down",   "in",    "out",    "inside", "outside", "upper",
      "lower",          "white",        "yellow", "red",    "green", "black",  "blue",   "orange",  "brown",
      "north",          "south",        "east",   "west",   "male",  "female", "hot",    "cold",    "single",
      "double",         "triple",       "first",  "second", "third", "fourth", "with",   "without", "temp",
      "permanent",      "install",      "remove", "rem",    "new",   "used",   "furn",   "oper",    "salv",
      "unidirectional", "bidirectional"};
  return contains(contrasts, word);
}

bool is_plural(std::string_view one, std::string_view many) {
  return many.size() > one.size() && one.size() >= 3 && many.starts_with(one) &&
         (many.substr(one.size()) == "s" || many.substr(one.size()) == "es");
}

// Every letter of `brief` in order in `full`, first letters equal: "reinf" in "reinforced", "pavt" in "pavement".
bool is_abbreviation(std::string_view brief, std::string_view full) {
  if (brief.size() < 3 || brief.size() + 2 > full.size() || brief[0] != full[0])
    return false;
  std::size_t at = 0;
  for (const char c : full)
    at += at < brief.size() && c == brief[at];
  return at == brief.size();
}

// Trade abbreviations that mean one word only.
bool is_known_abbreviation(std::string_view brief, std::string_view full) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 44> known = {
      {{"mod", "modified"},
       {"spec", "special"},
       {"perf", "perforated"},
       {"reinf", "reinforced"},
       {"nonreinf", "nonreinforced"},
       {"conc", "concrete"},
       {"pavt", "pavement"},
       {"cse", "course"},
       {"culv", "culvert"},
       {"struct", "structure"},
       {"exist", "existing"},
       {"dia", "diameter"},
       {"galv", "galvanized"},
       {"shld", "shoulder"},
       {"temp", "temporary"},
       {"adj", "adjust"},
       {"det", "detail"},
       {"sch", "schedule"},
       {"conn", "connection"},
       {"san", "sanitary"},
       {"alum", "aluminum"},
       {"aluminium", "aluminum"},
       {"approx", "approximate"},
       {"max", "maximum"},
       {"min", "minimum"},
       {"furn", "furnish"},
       {"cont", "container"},
       {"markg", "marking"},
       {"ltg", "lighting"},
       {"excav", "excavation"},
       {"traf", "traffic"},
       {"longit", "longitudinal"},
       {"thermopl", "thermoplastic"},
       {"elec", "electric"},
       {"elec", "electrical"},
       {"serv", "service"},
       {"sect", "section"},
       {"prep", "preparation"},
       {"struc", "structure"},
       {"pvmt", "pavement"},
       {"mrkg", "marking"},
       {"reconst", "reconstruct"},
       {"transp", "transportation"},
       {"bldg", "building"}}};
  return std::find(known.begin(), known.end(), std::pair{brief, full}) != known.end();
}

// Two neighbouring letters swapped.
bool is_swap(std::string_view a, std::string_view b) {
  if (a.size() != b.size())
    return false;
  std::size_t at = 0;
  while (at < a.size() && a[at] == b[at])
    ++at;
  return at + 1 < a.size() && a[at] == b[at + 1] && a[at + 1] == b[at] && a.substr(at + 2) == b.substr(at + 2);
}

double pair_probability(std::string_view a, std::string_view b) {
  if (a.size() > b.size())
    std::swap(a, b);
  if (is_known_abbreviation(a, b))
    return 0.98;
  if (is_contrast(a) || is_contrast(b))
    return 0;
  if (is_plural(a, b))
    return 0.97;
  const auto distance = levenshtein(a, b);
  if (distance == 1 || is_swap(a, b))
    return a.size() >= 7 ? 0.96 : a.size() >= 6 ? 0.9 : 0.6;
  if (distance == 2 && a.size() >= 8)
    return a.size() >= 10 ? 0.85 : 0.7;
  if (is_abbreviation(a, b))
    return a.size() >= 4 && b.starts_with(a) ? 0.78 : 0.7;
  return 0;
}

std::string joined(const words& list) {
  std::string out;
  for (const auto w : list)
    out += w;
  return out;
}

// Words of `from` that `other` lacks, counted as often as they are missing.
words missing(const words& from, words other) {
  words out;
  for (const auto w : from) {
    const auto at = std::find(other.begin(), other.end(), w);
    if (at == other.end())
      out.push_back(w);
    else
      other.erase(at);
  }
  return out;
}

// So many pairs of differing words leave less than 0.75 even when each is a known abbreviation.
constexpr std::size_t differing_words_max = 24;

// Pairs greedily, best pair first; what stays alone costs.
double pair_up(words left, words right) {
  if (std::max(left.size(), right.size()) > differing_words_max)
    return 0;
  double probability = 1;
  while (!left.empty() && !right.empty()) {
    double best = 0;
    std::size_t at_left = 0, at_right = 0;
    for (std::size_t i = 0; i < left.size(); ++i)
      for (std::size_t k = 0; k < right.size(); ++k)
        if (const double p = pair_probability(left[i], right[k]); p > best)
          best = p, at_left = i, at_right = k;
    if (best == 0)
      break;
    probability *= best;
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(at_left));
    right.erase(right.begin() + static_cast<std::ptrdiff_t>(at_right));
  }
  for (const auto* rest : {&left, &right})
    for (const auto w : *rest)
      probability *= w == "the" || w == "of" || w == "a" || w == "an" ? 0.97 : is_filler(w) ? 0.93 : 0.3;
  return probability;
}

} // namespace

std::uint64_t identity_key(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ull;
  for (const auto w : words_of(text)) {
    if (!is_code(w))
      continue;
    for (const char c : w)
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
    hash = (hash ^ ' ') * 0x100000001b3ull;
  }
  return hash;
}

double same_thing_probability(std::string_view a, std::string_view b) {
  if (a == b)
    return 1;
  if (a.empty() || b.empty() || std::max(a.size(), b.size()) > compared_bytes_max || identity_key(a) != identity_key(b))
    return 0;
  const auto wa = words_of(a), wb = words_of(b);
  if (joined(wa) == joined(wb))
    return 0.98;
  const auto left = missing(wa, wb), right = missing(wb, wa);
  if (left.empty() && right.empty())
    return std::count_if(wa.begin(), wa.end(), is_code) < 2 ? 0.95 : 0.9; // another order; two sizes may change places
  if (joined(left) == joined(right))
    return 0.96; // "pre cast", "precast"
  return pair_up(left, right);
}

} // namespace pricing::match
