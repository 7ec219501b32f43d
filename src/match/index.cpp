#include "match/index.hpp"

#include "match/similarity.hpp"

#include <algorithm>

namespace pricing::match {
namespace {

// Compared in full at most so many entries a search, those with most trigrams in common.
constexpr std::size_t compared_max = 40;
constexpr double shared_grams_min = 0.5; // Dice of the trigram sets

std::uint64_t bucket_key(std::string_view text, std::string_view group) {
  std::uint64_t hash = identity_key(text);
  for (const char c : group)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x9E3779B97F4A7C15ull;
  return hash;
}

// Distinct trigrams of the text without its spaces, so that split words still meet. Longer texts than can be compared
// meet by their beginning.
std::vector<std::uint32_t> grams_of(std::string_view text) {
  text = text.substr(0, compared_bytes_max);
  std::vector<std::uint32_t> out;
  std::uint32_t window = 0x2020;
  for (const char c : text) {
    if (c == ' ')
      continue;
    window = (window << 8 | static_cast<unsigned char>(c)) & 0xFFFFFF;
    out.push_back(window);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

} // namespace

void similarity_index::add(std::int64_t id, std::string_view text, std::string_view group) {
  const auto grams = grams_of(text);
  auto& b = buckets_[bucket_key(text, group)];
  const auto position = static_cast<std::uint32_t>(b.entries.size());
  b.entries.push_back(static_cast<std::uint32_t>(entries_.size()));
  for (const auto gram : grams)
    b.postings[gram].push_back(position);
  entries_.push_back({id, std::string(text), static_cast<std::uint32_t>(grams.size())});
}

std::vector<candidate> similarity_index::find(std::string_view text, std::string_view group, std::size_t count,
                                              double probability_min) const {
  const auto found = buckets_.find(bucket_key(text, group));
  if (found == buckets_.end())
    return {};
  const auto& b = found->second;
  const auto grams = grams_of(text);
  std::vector<std::uint32_t> shared(b.entries.size());
  for (const auto gram : grams)
    if (const auto posting = b.postings.find(gram); posting != b.postings.end())
      for (const auto position : posting->second)
        ++shared[position];

  std::vector<std::pair<double, std::uint32_t>> near;
  for (std::uint32_t position = 0; position < shared.size(); ++position) {
    const auto& e = entries_[b.entries[position]];
    const double dice = 2.0 * shared[position] / static_cast<double>(grams.size() + e.grams);
    if (dice >= shared_grams_min)
      near.emplace_back(dice, b.entries[position]);
  }
  const auto compared = std::min(near.size(), compared_max);
  std::partial_sort(near.begin(), near.begin() + static_cast<std::ptrdiff_t>(compared), near.end(), std::greater<>());

  std::vector<candidate> out;
  for (std::size_t i = 0; i < compared; ++i) {
    const auto& e = entries_[near[i].second];
    const double p = linkage_.probability(text, e.text);
    if (p < probability_min)
      continue;
    const auto same = std::find_if(out.begin(), out.end(), [&](const auto& c) { return c.id == e.id; });
    if (same == out.end())
      out.push_back({e.id, p});
    else
      same->probability = std::max(same->probability, p);
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& c) {
    return a.probability != c.probability ? a.probability > c.probability : a.id < c.id;
  });
  if (out.size() > count)
    out.resize(count);
  return out;
}

} // namespace pricing::match
