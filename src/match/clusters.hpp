#pragma once
// The spellings of a list that mean the same thing: each text joins the best earlier one of its group, or founds a
// cluster. Heavier texts go first, so a cluster is named by its commonest spelling, and a chain of small differences
// cannot grow: every member is as near to the founder as asked.
#include "match/index.hpp"

#include <span>

namespace pricing::match {

struct spelling {
  std::string text;  // normalized
  std::string group; // only texts of one group meet (an item's unit)
  double weight = 1; // how often it stands in the data
};

// For each spelling the position of its cluster's founder (its own when it founds one). Deterministic.
std::vector<std::uint32_t> cluster_spellings(std::span<const spelling> list, double probability_min,
                                             const taught_linkage& linkage = {});

} // namespace pricing::match
