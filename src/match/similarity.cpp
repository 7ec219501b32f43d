#include "match/similarity.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <unordered_map>

namespace pricing::match {
namespace {

using word = std::uint64_t;
constexpr std::size_t bits = 64;

// For each byte, the positions of `pattern` where it stands, in blocks of 64.
class positions {
 public:
  explicit positions(std::string_view pattern) : blocks_((pattern.size() + bits - 1) / bits), table_(256 * blocks_) {
    for (std::size_t i = 0; i < pattern.size(); ++i)
      table_[static_cast<unsigned char>(pattern[i]) * blocks_ + i / bits] |= word{1} << (i % bits);
  }
  std::size_t blocks() const { return blocks_; }
  word at(char c, std::size_t block) const { return table_[static_cast<unsigned char>(c) * blocks_ + block]; }

 private:
  std::size_t blocks_;
  std::vector<word> table_;
};

struct column_block {
  word up = ~word{0}; // vertical +1 differences
  word down = 0;      // vertical -1 differences
};

// One block of one column; `carry` is the horizontal difference entering at the top and leaving at the bottom.
int advance_block(column_block& b, word equal, int carry, word last_bit) {
  const word carry_down = carry < 0;
  const word xv = equal | b.down;
  equal |= carry_down;
  const word xh = (((equal & b.up) + b.up) ^ b.up) | equal;
  word plus = b.down | ~(xh | b.up);
  word minus = b.up & xh;
  const int out = (plus & last_bit) != 0 ? 1 : (minus & last_bit) != 0 ? -1 : 0;
  plus = plus << 1 | word{carry > 0};
  minus = minus << 1 | carry_down;
  b.up = minus | ~(xv | plus);
  b.down = plus & xv;
  return out;
}

} // namespace

std::size_t levenshtein(std::string_view a, std::string_view b) {
  a = a.substr(0, compared_bytes_max);
  b = b.substr(0, compared_bytes_max);
  if (a.empty() || b.empty())
    return a.size() + b.size();
  const positions where(a);
  std::vector<column_block> column(where.blocks());
  const word last = word{1} << ((a.size() - 1) % bits);
  auto distance = static_cast<std::ptrdiff_t>(a.size());
  for (const char c : b) {
    int carry = 1;
    for (std::size_t k = 0; k < column.size(); ++k)
      carry = advance_block(column[k], where.at(c, k), carry, k + 1 == column.size() ? last : word{1} << (bits - 1));
    distance += carry;
  }
  return static_cast<std::size_t>(distance);
}

double indel_similarity(std::string_view a, std::string_view b) {
  a = a.substr(0, compared_bytes_max);
  b = b.substr(0, compared_bytes_max);
  if (a.empty() || b.empty())
    return a.size() == b.size() ? 1 : 0;
  const positions where(a);
  std::vector<word> s(where.blocks(), ~word{0});
  for (const char c : b) {
    word carry = 0;
    for (std::size_t k = 0; k < s.size(); ++k) {
      const word u = s[k] & where.at(c, k);
      const word sum = s[k] + u;
      const word with_carry = sum + carry;
      carry = (sum < u) | (with_carry < sum);
      s[k] = with_carry | (s[k] - u);
    }
  }
  std::size_t common = 0;
  for (std::size_t k = 0; k < s.size(); ++k) {
    const auto used = std::min(bits, a.size() - k * bits);
    const word mask = used == bits ? ~word{0} : (word{1} << used) - 1;
    common += static_cast<std::size_t>(std::popcount(~s[k] & mask));
  }
  return 2.0 * static_cast<double>(common) / static_cast<double>(a.size() + b.size());
}

double jaro_winkler(std::string_view a, std::string_view b) {
  a = a.substr(0, compared_bytes_max);
  b = b.substr(0, compared_bytes_max);
  if (a.empty() || b.empty())
    return a.size() == b.size() ? 1 : 0;
  const auto half = std::max(a.size(), b.size()) / 2;
  const auto reach = half > 0 ? half - 1 : 0;
  std::vector<bool> taken_a(a.size()), taken_b(b.size());
  double matches = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto from = i > reach ? i - reach : 0;
    for (std::size_t k = from; k < std::min(b.size(), i + reach + 1); ++k)
      if (!taken_b[k] && a[i] == b[k]) {
        taken_a[i] = taken_b[k] = true;
        ++matches;
        break;
      }
  }
  if (matches == 0)
    return 0;
  double moved = 0;
  for (std::size_t i = 0, k = 0; i < a.size(); ++i) {
    if (!taken_a[i])
      continue;
    while (!taken_b[k])
      ++k;
    moved += a[i] != b[k++];
  }
  const double jaro = (matches / static_cast<double>(a.size()) + matches / static_cast<double>(b.size()) +
                       (matches - moved / 2) / matches) /
                      3;
  std::size_t prefix = 0;
  while (prefix < std::min({a.size(), b.size(), std::size_t{4}}) && a[prefix] == b[prefix])
    ++prefix;
  return jaro + 0.1 * static_cast<double>(prefix) * (1 - jaro);
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t i = 0; i < text.size();) {
    const auto end = std::min(text.find(' ', i), text.size());
    if (end > i)
      out.push_back(text.substr(i, end - i));
    i = end + 1;
  }
  return out;
}

double token_set_similarity(std::string_view a, std::string_view b) {
  a = a.substr(0, compared_bytes_max);
  b = b.substr(0, compared_bytes_max);
  auto wa = words_of(a), wb = words_of(b);
  for (auto* words : {&wa, &wb}) {
    std::sort(words->begin(), words->end());
    words->erase(std::unique(words->begin(), words->end()), words->end());
  }
  if (wa.empty() || wb.empty())
    return wa.size() == wb.size() ? 1 : 0;
  std::vector<std::string_view> both;
  std::set_intersection(wa.begin(), wa.end(), wb.begin(), wb.end(), std::back_inserter(both));
  return 2.0 * static_cast<double>(both.size()) / static_cast<double>(wa.size() + wb.size());
}

double ngram_cosine(std::string_view a, std::string_view b, std::size_t n) {
  a = a.substr(0, compared_bytes_max);
  b = b.substr(0, compared_bytes_max);
  if (a.empty() || b.empty())
    return a.size() == b.size() ? 1 : 0;
  const auto counts = [n](std::string_view text) {
    std::unordered_map<std::string_view, double> out;
    const auto grams = n > 0 && text.size() > n ? text.size() - n + 1 : 1;
    for (std::size_t i = 0; i < grams; ++i)
      ++out[text.substr(i, n)];
    return out;
  };
  const auto ca = counts(a), cb = counts(b);
  double dot = 0, na = 0, nb = 0;
  for (const auto& [gram, count] : ca) {
    na += count * count;
    const auto other = cb.find(gram);
    dot += other == cb.end() ? 0 : count * other->second;
  }
  for (const auto& [gram, count] : cb)
    nb += count * count;
  return std::min(1.0, dot / std::sqrt(na * nb));
}

} // namespace pricing::match
