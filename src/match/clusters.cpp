#include "match/clusters.hpp"

#include <algorithm>
#include <numeric>

namespace pricing::match {

std::vector<std::uint32_t> cluster_spellings(std::span<const spelling> list, double probability_min,
                                             const taught_linkage& linkage) {
  std::vector<std::uint32_t> order(list.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return list[a].weight > list[b].weight; });
  similarity_index founders(linkage);
  std::unordered_map<std::string, std::uint32_t> known; // founder of each text and group
  std::vector<std::uint32_t> out(list.size());
  for (const auto i : order) {
    const auto& s = list[i];
    const auto [at, fresh] = known.try_emplace(s.text + '\x1f' + s.group, i);
    if (fresh) {
      const auto near = founders.find(s.text, s.group, 1, probability_min);
      if (near.empty())
        founders.add(i, s.text, s.group);
      else
        at->second = static_cast<std::uint32_t>(near[0].id);
    }
    out[i] = at->second;
  }
  return out;
}

} // namespace pricing::match
