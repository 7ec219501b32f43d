#include "forest/gpu_image.hpp"

#include <algorithm>

namespace pricing::forest::gpu {
namespace {

static_assert(static_cast<int>(missing_rule::nan) == static_cast<int>(plain_node::missing::nan) &&
              static_cast<int>(missing_rule::zero_or_nan) == static_cast<int>(plain_node::missing::zero_or_nan) &&
              static_cast<int>(missing_rule::none) == static_cast<int>(plain_node::missing::none));

} // namespace

image::image(const ensemble& e, const packed& layout, const explained* shap) {
  parts_.features = e.features;
  parts_.groups = e.groups;
  parts_.base = {e.base.data(), e.base.size()};
  add_plain(e);
  add_trees(e, layout);
  if (shap == nullptr) {
    return;
  }
  parts_.path_floats = 1;
  for (std::size_t i = 0; i < e.trees.size(); ++i) {
    if (!add_path(e.trees[i], shap->view(i), first_plain_[i])) {
      parts_.path_floats = 0;
      return;
    }
  }
  bias_.assign(shap->bias().begin(), shap->bias().end());
}

void image::add_plain(const ensemble& e) {
  for (const auto& t : e.trees) {
    const auto first = static_cast<std::uint32_t>(plain_.size());
    std::vector<std::uint32_t> set_at;
    for (const auto& s : t.sets) {
      set_at.push_back(static_cast<std::uint32_t>(set_bits_.size()));
      set_bits_.insert(set_bits_.end(), s.bits.begin(), s.bits.end());
    }
    for (const auto& n : t.nodes) {
      plain_node p;
      p.threshold = n.leaf() ? n.value : n.threshold;
      p.feature = n.feature;
      p.rule = static_cast<plain_node::missing>(n.missing);
      p.default_left = n.default_left;
      p.member_left = n.member_left;
      if (!n.leaf()) {
        p.left = n.left + static_cast<std::int32_t>(first);
        p.right = n.right + static_cast<std::int32_t>(first);
        p.is_set = n.set >= 0;
        if (p.is_set) {
          p.bits = set_at[static_cast<std::size_t>(n.set)];
          p.words = static_cast<std::uint32_t>(t.sets[static_cast<std::size_t>(n.set)].bits.size());
        }
      }
      plain_.push_back(p);
    }
    first_plain_.push_back(first);
  }
}

// Trees of a packed run stand for as many trees of the ensemble, one after another.
void image::add_trees(const ensemble& e, const packed& layout) {
  const auto m = layout.view();
  std::size_t slots = 0;
  std::size_t loose = 0;
  for (const auto& run : layout.runs()) {
    for (std::size_t i = run.first; i < run.last; ++i) {
      const auto at = trees_.size();
      if (!run.is_packed) {
        trees_.push_back({first_plain_[at], 0, plain_depth, e.trees[at].group});
        continue;
      }
      const auto& t = m.trees[i];
      if (t.depth == 0) {
        loose = t.node + e.trees[at].nodes.size();
      } else {
        slots = t.node + (std::size_t{1} << t.depth);
        parts_.leaves.size = t.leaf + (std::size_t{1} << t.depth);
      }
      trees_.push_back(t);
    }
  }
  for (std::size_t i = 0; i < slots; ++i) {
    nodes_.push_back({m.node_column[i], m.node_limit[i]});
  }
  for (const auto& c : layout.categories()) {
    categories_.push_back({c.column, first_plain_[c.tree] + c.node});
  }
  parts_.ranked = {m.ranked, m.ranked_count};
  parts_.columns = {m.columns, m.column_count};
  parts_.leaves.data = m.leaves;
  parts_.loose = {m.loose, loose};
  parts_.loose_values = {m.loose_values, loose};
  parts_.thresholds.data = m.thresholds;
  for (std::size_t i = 0; i < m.ranked_count; ++i) {
    const auto& f = m.ranked[i];
    parts_.thresholds.size = std::max(parts_.thresholds.size, f.table + (std::size_t{1} << f.levels) - 1);
  }
}

bool image::add_path(const tree& t, const explained_tree& shap, std::uint32_t first_plain) {
  constexpr std::size_t splits_max = UINT32_MAX / 4;
  path_tree p;
  p.weight = weights_.size();
  p.step = static_cast<std::uint32_t>(steps_.size());
  p.points = static_cast<std::uint32_t>(shap.points);
  p.group = t.group;
  weights_.insert(weights_.end(), shap.weights, shap.weights + 2 * 6 * shap.points * shap.split_count);

  const auto first_split = splits_.size();
  std::vector<std::uint32_t> level(t.nodes.size());
  std::vector<std::uint32_t> slot(t.nodes.size());
  std::vector<std::int64_t> split_of(t.nodes.size(), -1);
  std::uint32_t deepest = 0;
  for (std::size_t i = 0; i < shap.split_count; ++i) {
    const auto& s = shap.splits[i];
    path_split out{s.threshold,  s.feature,     s.kind, first_plain + s.original,
                   slot[s.node], level[s.node], -1,     {s.weights[0], s.weights[1]}};
    if (s.earlier[0] >= 0) { // of both children, as both edges are by this feature
      out.earlier = static_cast<std::int32_t>(level[static_cast<std::size_t>(s.earlier[0])]);
    }
    for (std::uint32_t side = 0; side < 2; ++side) {
      level[s.child[side]] = out.level + 1;
      slot[s.child[side]] = 2 * (out.level + 1) + side;
    }
    deepest = std::max(deepest, out.level + 1);
    split_of[s.node] = static_cast<std::int64_t>(splits_.size());
    splits_.push_back(out);
  }
  if (deepest > levels_max || splits_.size() >= splits_max || 3 * splits_.size() >= UINT32_MAX) {
    return false;
  }
  // Depth first; what is left to do at a split waits on the stack until its subtree is done.
  struct waiting {
    std::uint32_t node;
    path_step next;
  };
  std::vector<waiting> stack;
  if (shap.split_count > 0) {
    stack.push_back({shap.splits[0].node, path_step::right});
  }
  while (!stack.empty()) {
    const auto now = stack.back();
    stack.pop_back();
    const auto split = static_cast<std::size_t>(split_of[now.node]);
    steps_.push_back(static_cast<std::uint32_t>(split) << 2 | static_cast<std::uint32_t>(now.next));
    if (now.next == path_step::up) {
      continue;
    }
    const bool right = now.next == path_step::right;
    stack.push_back({now.node, right ? path_step::left : path_step::up});
    const auto child = shap.splits[split - first_split].child[right ? 1 : 0];
    if (split_of[child] >= 0) {
      stack.push_back({child, path_step::right});
    }
  }
  p.step_end = static_cast<std::uint32_t>(steps_.size());
  parts_.path_floats = std::max<std::size_t>(parts_.path_floats, 2 * (deepest + 1) * shap.points);
  paths_.push_back(p);
  return true;
}

model image::view() const {
  model m = parts_;
  m.categories = {categories_.data(), categories_.size()};
  m.trees = {trees_.data(), trees_.size()};
  m.nodes = {nodes_.data(), nodes_.size()};
  m.plain = {plain_.data(), plain_.size()};
  m.set_bits = {set_bits_.data(), set_bits_.size()};
  m.paths = {paths_.data(), paths_.size()};
  m.splits = {splits_.data(), splits_.size()};
  m.steps = {steps_.data(), steps_.size()};
  m.weights = {weights_.data(), weights_.size()};
  m.bias = {bias_.data(), bias_.size()};
  return m;
}

} // namespace pricing::forest::gpu
