#pragma once
// Best matches for a text among many, without comparing with each: entries are split by group (an item's unit) and by
// identity_key(), and found through an inverted index of trigrams. 24,000 items against themselves take about a second.
// add() and find() may alternate; concurrent find() calls are safe while nobody adds.
#include "match/linkage.hpp"
#include "match/taught_linkage.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pricing::match {

struct candidate {
  std::int64_t id = 0;
  double probability = 0;
};

class similarity_index {
 public:
  similarity_index() = default;
  explicit similarity_index(taught_linkage linkage) : linkage_(std::move(linkage)) {}
  // Scores from now on with what the review queue taught.
  void teach(taught_linkage linkage) { linkage_ = std::move(linkage); }
  // `text` is normalized; only entries of the same `group` are ever compared.
  void add(std::int64_t id, std::string_view text, std::string_view group = {});
  // At most `count` entries with probability >= `probability_min`, best first, one per id; ties by lower id.
  std::vector<candidate> find(std::string_view text, std::string_view group = {}, std::size_t count = 3,
                              double probability_min = 0.5) const;
  std::size_t size() const { return entries_.size(); }

 private:
  struct entry {
    std::int64_t id;
    std::string text;
    std::uint32_t grams;
  };
  struct bucket {
    std::vector<std::uint32_t> entries;
    std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> postings; // gram -> positions in `entries`
  };

  taught_linkage linkage_;
  std::vector<entry> entries_;
  std::unordered_map<std::uint64_t, bucket> buckets_;
};

} // namespace pricing::match
