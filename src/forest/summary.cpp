#include "forest/summary.hpp"

#include <algorithm>

namespace pricing::forest {

summary summarise(const ensemble& e) {
  summary out;
  out.trees = e.trees.size();
  out.features.resize(e.features);
  double depths = 0;
  std::vector<std::uint32_t> depth; // of every node
  for (const auto& t : e.trees) {
    depth.assign(t.nodes.size(), 0);
    for (std::size_t i = 0; i < t.nodes.size(); ++i) { // parents come before their children
      const auto& n = t.nodes[i];
      if (n.leaf()) {
        ++out.leaves;
        depths += depth[i];
        out.depth_max = std::max<std::size_t>(out.depth_max, depth[i]);
        continue;
      }
      depth[static_cast<std::size_t>(n.left)] = depth[static_cast<std::size_t>(n.right)] = depth[i] + 1;
      auto& use = out.features[n.feature];
      use.gain += static_cast<double>(n.gain);
      ++use.splits;
      out.gains = out.gains || n.gain != 0;
    }
  }
  out.leaf_depth = out.leaves > 0 ? depths / static_cast<double>(out.leaves) : 0;
  return out;
}

} // namespace pricing::forest
