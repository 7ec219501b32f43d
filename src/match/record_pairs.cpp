#include "match/record_pairs.hpp"

#include "match/normalize.hpp"
#include "match/similarity.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>

namespace pricing::match {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t candidates_each = 10;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool has_digit(std::string_view w) {
  return std::any_of(w.begin(), w.end(), is_digit);
}
bool is_number(std::string_view w) {
  return !w.empty() && w.find_first_not_of("0123456789./") == std::string_view::npos;
}

std::string_view cut(std::string_view text) {
  return text.substr(0, record_pairs::field_bytes_max);
}

double read_number(std::string_view text) {
  std::string plain;
  for (const char c : text.substr(0, 64))
    if (c != ',' && c != '$' && c != ' ')
      plain += c;
  double v = 0;
  const auto [end, code] = std::from_chars(plain.data(), plain.data() + plain.size(), v);
  return !plain.empty() && code == std::errc() && end == plain.data() + plain.size() && std::isfinite(v) ? v : unknown;
}

std::vector<term> distinct_of(std::vector<term> terms) {
  std::sort(terms.begin(), terms.end());
  terms.erase(std::unique(terms.begin(), terms.end()), terms.end());
  return terms;
}

// Letters and digits of each word that the writer set apart by spaces: "KX-TG9391T" is one code.
std::vector<std::string> compact_words(std::string_view folded) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : folded) {
    const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (space && !word.empty()) {
      out.push_back(std::move(word));
      word.clear();
    } else if (!space && (is_digit(c) || (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80)) {
      word += c;
    }
  }
  if (!word.empty())
    out.push_back(std::move(word));
  return out;
}

// A model or part number: a digit and at least four signs.
bool is_model_code(std::string_view w) {
  return w.size() >= 4 && w.size() <= 32 && has_digit(w);
}

bool is_colour(std::string_view w) {
  static constexpr std::array<std::string_view, 24> colours = {
      "black", "white",  "silver", "red",      "blue",     "green", "pink", "grey",
      "gray",  "yellow", "orange", "purple",   "brown",    "gold",  "cyan", "magenta",
      "beige", "bronze", "copper", "titanium", "graphite", "clear", "tan",  "violet"};
  return std::find(colours.begin(), colours.end(), w) != colours.end();
}

double dice(std::span<const term> a, std::span<const term> b) {
  if (a.empty() || b.empty())
    return unknown;
  std::vector<term> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return 2.0 * static_cast<double>(both.size()) / static_cast<double>(a.size() + b.size());
}

std::size_t common_prefix(std::string_view a, std::string_view b) {
  std::size_t n = 0;
  while (n < std::min(a.size(), b.size()) && a[n] == b[n])
    ++n;
  return n;
}

std::string digits_of(std::string_view w) {
  std::string out;
  std::copy_if(w.begin(), w.end(), std::back_inserter(out), is_digit);
  return out;
}

} // namespace

// Where measures go: values, or their names once.
class record_pairs::sink {
 public:
  std::vector<float> values;
  std::vector<std::string> names;
  bool named = false;
  std::string prefix{};
  void operator()(const char* name, double v) {
    values.push_back(static_cast<float>(v));
    if (named)
      names.push_back(prefix + name);
  }
};

std::vector<field_kind> infer_kinds(std::span<const record> left, std::span<const record> right, std::size_t fields) {
  std::vector<field_kind> out;
  for (std::size_t f = 0; f < fields; ++f) {
    bool all_numbers = true;
    for (const auto side : {left, right}) {
      std::size_t known = 0, numbers = 0;
      for (const auto& r : side)
        if (f < r.size() && !r[f].empty()) {
          ++known;
          numbers += !std::isnan(read_number(r[f]));
        }
      all_numbers &= known > 0 && numbers * 10 >= known * 9;
    }
    out.push_back(all_numbers ? field_kind::number : field_kind::text);
  }
  return out;
}

record_pairs::record_pairs(std::vector<field_kind> kinds, std::span<const record> left, std::span<const record> right)
    : kinds_(std::move(kinds)) {
  name_ = static_cast<std::size_t>(std::find(kinds_.begin(), kinds_.end(), field_kind::text) - kinds_.begin());
  left_ = prepare(left);
  right_ = prepare(right);
  for (const auto* side : {&left_, &right_})
    for (const auto& r : *side) {
      words_.observe(r.distinct);
      std::vector<term> grams;
      for (const auto& f : r.fields) {
        const auto more = gram_terms(f.text);
        grams.insert(grams.end(), more.begin(), more.end());
      }
      grams_.observe(grams);
    }
  weigh(left_);
  weigh(right_);
  find_candidates();
  if (!left_.empty() && !right_.empty()) {
    sink out;
    out.named = true;
    measure({0, 0}, out);
    names_ = std::move(out.names);
  }
}

std::vector<record_pairs::prepared_record> record_pairs::prepare(std::span<const record> side) const {
  std::vector<prepared_record> out;
  out.reserve(side.size());
  for (const auto& source : side) {
    prepared_record r;
    r.fields.resize(kinds_.size());
    std::vector<term> words;
    for (std::size_t f = 0; f < kinds_.size(); ++f) {
      auto& field = r.fields[f];
      field.number = unknown;
      if (f >= source.size())
        continue;
      const auto raw = cut(source[f]);
      if (kinds_[f] == field_kind::number) {
        field.number = read_number(raw);
        continue;
      }
      field.text = normalize_item(raw);
      auto terms = word_terms(field.text);
      words.insert(words.end(), terms.begin(), terms.end());
      field.distinct = distinct_of(std::move(terms));
      for (const auto w : words_of(field.text)) {
        if (is_number(w))
          r.numbers.push_back(hash_term(w));
        if (is_colour(w))
          r.colours.push_back(hash_term(w));
      }
      for (auto& w : compact_words(fold_text(raw))) {
        r.compact += w;
        if (is_model_code(w) && r.codes.size() < codes_max &&
            std::find(r.codes.begin(), r.codes.end(), w) == r.codes.end())
          r.codes.push_back(std::move(w));
      }
      r.compact += ' ';
      if (f == name_)
        r.name_codes = r.codes.size();
    }
    r.distinct = distinct_of(std::move(words));
    r.numbers = distinct_of(std::move(r.numbers));
    r.colours = distinct_of(std::move(r.colours));
    out.push_back(std::move(r));
  }
  return out;
}

void record_pairs::weigh(std::vector<prepared_record>& side) {
  for (auto& r : side) {
    std::vector<term> words, grams;
    for (auto& f : r.fields) {
      auto w = word_terms(f.text), g = gram_terms(f.text);
      words.insert(words.end(), w.begin(), w.end());
      grams.insert(grams.end(), g.begin(), g.end());
      f.words = words_.vector_of(std::move(w));
      f.grams = grams_.vector_of(std::move(g));
    }
    r.words = words_.vector_of(std::move(words));
    r.grams = grams_.vector_of(std::move(grams));
  }
}

double record_pairs::rough_score(record_pair pair) const {
  const auto& a = left_[pair.left];
  const auto& b = right_[pair.right];
  double code = 0;
  for (const auto* from : {&a, &b}) {
    const auto& other = from == &a ? b : a;
    for (std::size_t i = 0; i < from->name_codes; ++i)
      if (other.compact.find(from->codes[i]) != std::string::npos)
        code = 1;
  }
  const double names = name_ < kinds_.size() ? cosine(a.fields[name_].grams, b.fields[name_].grams) : 0;
  return cosine(a.words, b.words) + names + code;
}

void record_pairs::standing::add(std::uint32_t at, double score) {
  if (score > best) {
    second = best;
    best = score;
    best_at = at;
  } else {
    second = std::max(second, score);
  }
}

void record_pairs::find_candidates() {
  const auto search = [&](const auto& from, const auto& to, bool left_first, auto member) {
    cosine_index index;
    for (const auto& r : to)
      index.add(r.*member);
    for (std::uint32_t i = 0; i < from.size(); ++i)
      for (const auto& near : index.nearest(from[i].*member, candidates_each))
        candidates_.push_back(left_first ? record_pair{i, near.position} : record_pair{near.position, i});
  };
  for (const auto member : {&prepared_record::words, &prepared_record::grams}) {
    search(left_, right_, true, member);
    search(right_, left_, false, member);
  }
  std::sort(candidates_.begin(), candidates_.end());
  candidates_.erase(std::unique(candidates_.begin(), candidates_.end()), candidates_.end());
  left_standing_.resize(left_.size());
  right_standing_.resize(right_.size());
  for (const auto pair : candidates_) {
    const double score = rough_score(pair);
    left_standing_[pair.left].add(pair.right, score);
    right_standing_[pair.right].add(pair.left, score);
  }
}

std::vector<float> record_pairs::features(record_pair pair) const {
  sink out;
  out.values.reserve(names_.size());
  measure(pair, out);
  return std::move(out.values);
}

double record_pairs::shared_weight(std::span<const term> a, std::span<const term> b) const {
  double shared = 0, all = 0;
  for (const auto t : a) {
    const double w = words_.idf(t);
    all += w;
    if (std::binary_search(b.begin(), b.end(), t))
      shared += w;
  }
  return all > 0 ? shared / all : unknown;
}

void record_pairs::measure_field(const prepared_field& a, const prepared_field& b, field_kind kind, sink& out) const {
  if (kind == field_kind::number) {
    const double larger = std::max(std::abs(a.number), std::abs(b.number));
    out("relative difference", larger > 0 ? std::abs(a.number - b.number) / larger : a.number - b.number);
    out("difference", std::abs(a.number - b.number));
    return;
  }
  const bool known = !a.text.empty() && !b.text.empty();
  const auto if_known = [&](double v) { return known ? v : unknown; };
  out("word cosine", if_known(cosine(a.words, b.words)));
  out("trigram cosine", if_known(cosine(a.grams, b.grams)));
  out("indel", known ? indel_similarity(a.text, b.text) : unknown);
  out("jaro-winkler", known ? jaro_winkler(a.text, b.text) : unknown);
  out("token set", if_known(dice(a.distinct, b.distinct)));
  const double left_in_right = shared_weight(a.distinct, b.distinct);
  const double right_in_left = shared_weight(b.distinct, a.distinct);
  out("containment", if_known(std::max(left_in_right, right_in_left)));
  out("coverage", if_known(std::min(left_in_right, right_in_left)));
}

void record_pairs::measure_codes(const prepared_record& a, const prepared_record& b, sink& out) const {
  // The best agreement of two names' codes, and whether its digits agree: "dsct300" and "dsct500" are near and apart.
  double best = unknown, prefix = unknown, digits = unknown;
  for (std::size_t i = 0; i < a.name_codes; ++i)
    for (std::size_t k = 0; k < b.name_codes; ++k) {
      const auto& x = a.codes[i];
      const auto& y = b.codes[k];
      const auto same = common_prefix(x, y);
      const double ratio = static_cast<double>(same) / static_cast<double>(std::min(x.size(), y.size()));
      const double alike = std::max(indel_similarity(x, y), ratio * 0.99);
      if (std::isnan(best) || alike > best) {
        best = alike;
        prefix = static_cast<double>(same);
        digits = digits_of(x) == digits_of(y) ? 1 : 0;
      }
    }
  out("code agreement", best);
  out("code prefix", prefix);
  out("code digits agree", digits);
  // Longest code of one side's name that stands somewhere in the other record, spaces and hyphens aside; and the
  // longest beginning of one that does.
  for (const auto* from : {&a, &b}) {
    const auto& other = from == &a ? b : a;
    double found = from->name_codes > 0 ? 0 : unknown, part = found, share = found;
    for (std::size_t i = 0; i < from->name_codes; ++i) {
      const std::string_view code = from->codes[i];
      auto length = code.size();
      while (length >= 4 && other.compact.find(code.substr(0, length)) == std::string::npos)
        --length;
      if (length < 4)
        continue;
      if (length == code.size())
        found = std::max(found, static_cast<double>(length));
      part = std::max(part, static_cast<double>(length));
      share = std::max(share, static_cast<double>(length) / static_cast<double>(code.size()));
    }
    out(from == &a ? "left code found" : "right code found", found);
    out(from == &a ? "left code begun" : "right code begun", part);
    out(from == &a ? "left code begun share" : "right code begun share", share);
  }
  double any = 0;
  for (const auto& x : a.codes)
    for (const auto& y : b.codes)
      if (x == y || (x.size() >= 5 && y.size() >= 5 && (x.starts_with(y) || y.starts_with(x))))
        any = std::max(any, static_cast<double>(std::min(x.size(), y.size())));
  out("any code shared", a.codes.empty() || b.codes.empty() ? unknown : any);
  out("numbers", dice(a.numbers, b.numbers));
  out("colours", dice(a.colours, b.colours));
}

void record_pairs::measure(record_pair pair, sink& out) const {
  const auto& a = left_[pair.left];
  const auto& b = right_[pair.right];
  for (std::size_t f = 0; f < kinds_.size(); ++f) {
    if (out.named)
      out.prefix = "field " + std::to_string(f + 1) + ": ";
    measure_field(a.fields[f], b.fields[f], kinds_[f], out);
  }
  out.prefix.clear();
  out("word cosine", cosine(a.words, b.words));
  out("trigram cosine", cosine(a.grams, b.grams));
  measure_codes(a, b, out);
  const std::vector<term> none;
  const auto& left_name = name_ < kinds_.size() ? a.fields[name_].distinct : none;
  const auto& right_name = name_ < kinds_.size() ? b.fields[name_].distinct : none;
  out("left name in right", shared_weight(left_name, b.distinct));
  out("right name in left", shared_weight(right_name, a.distinct));
  double rarest = 0, missed_left = 0, missed_right = 0;
  for (const auto t : a.distinct)
    if (std::binary_search(b.distinct.begin(), b.distinct.end(), t))
      rarest = std::max(rarest, words_.idf(t));
  for (const auto t : left_name)
    if (!std::binary_search(b.distinct.begin(), b.distinct.end(), t))
      missed_left = std::max(missed_left, words_.idf(t));
  for (const auto t : right_name)
    if (!std::binary_search(a.distinct.begin(), a.distinct.end(), t))
      missed_right = std::max(missed_right, words_.idf(t));
  out("rarest shared word", rarest);
  out("rarest missing in right", missed_left);
  out("rarest missing in left", missed_right);
  const double score = rough_score(pair);
  out("lead over other rights", score - left_standing_[pair.left].rival_of(pair.right));
  out("lead over other lefts", score - right_standing_[pair.right].rival_of(pair.left));
}

} // namespace pricing::match
