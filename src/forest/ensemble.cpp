#include "forest/ensemble.hpp"

#include <cmath>
#include <utility>

namespace pricing::forest {
namespace {

error bad_node(std::size_t t, std::int64_t n, const std::string& why) {
  return invalid_input("tree " + std::to_string(t) + ", node " + std::to_string(n) + ": " + why);
}

struct pending {
  std::int32_t old_index;
  std::int32_t parent; // new index; -1 for the root
  std::uint32_t depth;
  bool is_left;
};

class tree_checker {
 public:
  tree_checker(const ensemble& e, const limits& l, std::size_t index) : e_(e), l_(l), index_(index) {}

  result<tree> run(tree&& t) {
    if (t.nodes.empty()) {
      return bad_node(index_, 0, "the tree is empty");
    }
    if (t.group >= e_.groups) {
      return bad_node(index_, 0,
                      "it adds to output " + std::to_string(t.group) + ", but there are " + std::to_string(e_.groups));
    }
    std::vector<bool> seen(t.nodes.size(), false);
    std::vector<pending> stack{{0, -1, 0, false}};
    tree out;
    out.group = t.group;
    while (!stack.empty()) {
      const pending p = stack.back();
      stack.pop_back();
      if (p.depth > l_.depth_max) {
        return bad_node(index_, p.old_index, "deeper than " + std::to_string(l_.depth_max));
      }
      if (seen[static_cast<std::size_t>(p.old_index)]) {
        return bad_node(index_, p.old_index, "reached by two paths; a tree may not share nodes or loop");
      }
      seen[static_cast<std::size_t>(p.old_index)] = true;
      const node& n = t.nodes[static_cast<std::size_t>(p.old_index)];
      if (auto ok = check(n, p.old_index, t); ok.has_error()) {
        return ok.error();
      }
      place(out, n, p, stack);
    }
    out.sets = std::move(t.sets);
    return out;
  }

 private:
  static void place(tree& out, const node& n, const pending& p, std::vector<pending>& stack) {
    const auto at = static_cast<std::int32_t>(out.nodes.size());
    out.nodes.push_back(n);
    if (p.parent >= 0) {
      auto& parent = out.nodes[static_cast<std::size_t>(p.parent)];
      (p.is_left ? parent.left : parent.right) = at;
    }
    if (!n.leaf()) {
      stack.push_back({n.right, at, p.depth + 1, false});
      stack.push_back({n.left, at, p.depth + 1, true});
    }
  }

  result<void> check(const node& n, std::int32_t at, const tree& t) const {
    if (n.leaf()) {
      if (!std::isfinite(n.value)) {
        return bad_node(index_, at, "its value is not a finite number");
      }
      return {};
    }
    const auto size = static_cast<std::int64_t>(t.nodes.size());
    if (n.left >= size || n.right < 0 || n.right >= size) {
      return bad_node(index_, at, "a child outside the " + std::to_string(size) + " nodes of the tree");
    }
    if (n.feature >= e_.features) {
      return bad_node(index_, at,
                      "it splits on feature " + std::to_string(n.feature) + " of " + std::to_string(e_.features));
    }
    if (n.set >= static_cast<std::int64_t>(t.sets.size())) {
      return bad_node(index_, at, "its set of categories does not exist");
    }
    if (n.set < 0 && std::isnan(n.threshold)) {
      return bad_node(index_, at, "its threshold is not a number");
    }
    if (!(n.cover >= 0) || !std::isfinite(n.cover)) {
      return bad_node(index_, at, "its cover is negative or not a number");
    }
    return {};
  }

  const ensemble& e_;
  const limits& l_;
  std::size_t index_;
};

result<void> check_head(const ensemble& e, const limits& l) {
  const auto over = [](const char* what, std::size_t n, std::size_t max) {
    return invalid_input("the model has " + std::to_string(n) + " " + what + "; the limit is " + std::to_string(max));
  };
  if (e.trees.size() > l.trees_max) {
    return over("trees", e.trees.size(), l.trees_max);
  }
  if (e.features > l.features_max) {
    return over("features", e.features, l.features_max);
  }
  if (e.groups == 0 || e.groups > l.groups_max) {
    return over("outputs", e.groups, l.groups_max);
  }
  if (e.base.size() != e.groups) {
    return invalid_input("the model has " + std::to_string(e.base.size()) + " base scores for " +
                         std::to_string(e.groups) + " outputs");
  }
  for (const float b : e.base) {
    if (!std::isfinite(b)) {
      return invalid_input("the base score is not a finite number once linked to the margin");
    }
  }
  std::size_t nodes = 0;
  for (const auto& t : e.trees) {
    nodes += t.nodes.size();
  }
  if (nodes > l.nodes_max) {
    return over("nodes", nodes, l.nodes_max);
  }
  return {};
}

} // namespace

namespace {

// XGBoost sends negative values to "not a member"; LightGBM truncates them first, so that -0.5 is category 0.
bool member(const tree& t, const node& n, float x) {
  const float lowest = n.member_left ? -1.0F : 0.0F;
  if (x < lowest || (n.member_left && x == -1.0F) || !(x < 16777216.0F)) {
    return false;
  }
  return t.sets[static_cast<std::size_t>(n.set)].contains(x <= 0 ? 0U : static_cast<std::uint32_t>(x));
}

} // namespace

bool goes_right(const tree& t, const node& n, float x) {
  if (std::isnan(x)) {
    if (n.missing != missing_rule::none) {
      return !n.default_left;
    }
    x = 0;
  }
  if (n.set >= 0) {
    return member(t, n, x) != n.member_left;
  }
  if (n.missing == missing_rule::zero_or_nan && std::abs(x) <= 1e-35F) {
    return !n.default_left;
  }
  return !(x < n.threshold);
}

result<ensemble> finish(ensemble e, const limits& l) {
  if (auto ok = check_head(e, l); ok.has_error()) {
    return ok.error();
  }
  for (std::size_t i = 0; i < e.trees.size(); ++i) {
    auto checked = tree_checker(e, l, i).run(std::move(e.trees[i]));
    if (checked.has_error()) {
      return checked.error();
    }
    e.trees[i] = std::move(*checked);
  }
  return e;
}

} // namespace pricing::forest
