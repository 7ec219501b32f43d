#include "forest/packed.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

namespace pricing::forest {
namespace {

constexpr std::uint32_t window = 254; // thresholds that one byte tells apart
constexpr std::size_t columns_max = 4096;
constexpr std::size_t new_sets_max = 8; // of one tree; a byte for every set costs more than walking
constexpr std::int8_t always_left = 127;

std::uint32_t depth_of(const tree& t) {
  std::vector<std::uint32_t> depth(t.nodes.size());
  std::uint32_t deepest = 0;
  for (std::size_t i = 0; i < t.nodes.size(); ++i) { // parents come first
    const auto& n = t.nodes[i];
    deepest = std::max(deepest, depth[i]);
    if (!n.leaf()) {
      depth[static_cast<std::size_t>(n.left)] = depth[static_cast<std::size_t>(n.right)] = depth[i] + 1;
    }
  }
  return deepest;
}

using set_key = std::tuple<std::uint32_t, bool, bool, missing_rule, std::vector<std::uint32_t>>;
set_key key_of(const tree& t, const node& n) {
  return {n.feature, n.member_left, n.default_left, n.missing, t.sets[static_cast<std::size_t>(n.set)].bits};
}

} // namespace

class packer {
 public:
  packer(const ensemble& e, packed& out) : e_(e), out_(out), depths_(e.trees.size()), fits_(e.trees.size()) {}

  void run() {
    choose();
    if (!make_columns()) {
      std::fill(fits_.begin(), fits_.end(), false);
      out_.ranked_.clear();
      out_.columns_.clear();
      out_.categories_.clear();
      out_.thresholds_.clear();
      out_.tops_.clear();
    }
    for (std::size_t i = 0; i < e_.trees.size(); ++i) {
      extend_runs(i);
      if (fits_[i]) {
        depths_[i] <= depth_packed_max ? add(e_.trees[i], depths_[i]) : add_loose(e_.trees[i]);
      }
    }
    pad();
  }

 private:
  void choose() {
    for (std::size_t i = 0; i < e_.trees.size(); ++i) {
      depths_[i] = std::max(1U, depth_of(e_.trees[i]));
      fits_[i] = take_sets(i);
    }
    // Equal depths spare one row a mispredicted jump per tree.
    std::uint32_t deepest = 0;
    for (std::size_t i = 0; i < depths_.size(); ++i) {
      deepest = std::max(deepest, depths_[i]);
    }
    for (auto& d : depths_) {
      d = deepest <= 6 && d + 1 == deepest ? deepest : d;
    }
  }

  bool take_sets(std::size_t index) {
    const auto& t = e_.trees[index];
    std::map<set_key, std::uint32_t> fresh;
    for (std::size_t i = 0; i < t.nodes.size(); ++i) {
      const auto& n = t.nodes[i];
      if (n.leaf() || n.set < 0) {
        continue;
      }
      auto key = key_of(t, n);
      if (!sets_.contains(key) && fresh.size() <= new_sets_max) {
        fresh.emplace(std::move(key), static_cast<std::uint32_t>(i));
      }
    }
    if (fresh.size() > new_sets_max) {
      return false;
    }
    for (auto& [key, node] : fresh) {
      sets_.emplace(key, static_cast<std::uint32_t>(out_.categories_.size()));
      out_.categories_.push_back({0, static_cast<std::uint32_t>(index), node});
    }
    return true;
  }

  // How a split treats what is missing, as its column: (rule, rank that the missing take).
  using treatment = std::pair<byte_column::missing, std::uint32_t>;
  treatment treat(const node& n, const std::vector<float>& thresholds) const {
    using missing = byte_column::missing;
    const auto all = static_cast<std::uint32_t>(thresholds.size());
    switch (n.missing) {
    case missing_rule::nan:
      return n.default_left ? treatment{missing::nowhere, 0} : treatment{missing::nan, all};
    case missing_rule::zero_or_nan:
      return {missing::zero_or_nan, n.default_left ? 0 : all};
    case missing_rule::none:
      break;
    }
    const auto zero = std::upper_bound(thresholds.begin(), thresholds.end(), 0.0F) - thresholds.begin();
    return {missing::nan, static_cast<std::uint32_t>(zero)};
  }

  template <class F>
  void each_threshold_split(F&& f) const {
    for (std::size_t i = 0; i < e_.trees.size(); ++i) {
      for (const auto& n : e_.trees[i].nodes) {
        if (fits_[i] && !n.leaf() && n.set < 0) {
          f(n);
        }
      }
    }
  }

  bool make_columns() {
    each_threshold_split([&](const node& n) { lists_[n.feature].push_back(n.threshold); });
    for (auto& [feature, list] : lists_) {
      std::sort(list.begin(), list.end());
      list.erase(std::unique(list.begin(), list.end()), list.end());
    }
    each_threshold_split([&](const node& n) { columns_.emplace(key(n).first, 0); });
    if (columns_.size() + out_.categories_.size() > columns_max) {
      return false;
    }
    for (auto& [key, column] : columns_) { // ordered by feature
      const auto& [feature, rule, rank, segment] = key;
      column = static_cast<std::uint32_t>(out_.columns_.size());
      if (out_.ranked_.empty() || out_.ranked_.back().feature != feature) {
        add_feature(feature, column);
      }
      ++out_.ranked_.back().columns;
      out_.columns_.push_back({segment * window, rank, rule});
    }
    for (auto& c : out_.categories_) {
      c.column = static_cast<std::uint32_t>(out_.columns_.size());
      out_.columns_.emplace_back();
    }
    return true;
  }

  void add_feature(std::uint32_t feature, std::uint32_t column) {
    const auto& list = lists_[feature];
    ranked_feature f;
    f.feature = feature;
    f.table = static_cast<std::uint32_t>(out_.thresholds_.size());
    f.first_column = column;
    while ((std::size_t{1} << f.levels) <= list.size()) {
      ++f.levels;
    }
    out_.thresholds_.insert(out_.thresholds_.end(), list.begin(), list.end());
    const auto size = std::size_t{1} << f.levels;
    out_.thresholds_.resize(f.table + size - 1 + 17, std::numeric_limits<float>::quiet_NaN());
    out_.ranked_.push_back(f);
    const auto step = std::max<std::size_t>(1, size / 16);
    for (std::size_t i = 1; i <= 16; ++i) {
      const auto at = i * step - 1;
      out_.tops_.push_back(at + 1 < size ? out_.thresholds_[f.table + at] : std::numeric_limits<float>::quiet_NaN());
    }
  }

  using column_key = std::tuple<std::uint32_t, byte_column::missing, std::uint32_t, std::uint32_t>;
  // The column that a split tests, and its limit.
  std::pair<column_key, std::int8_t> key(const node& n) const {
    const auto& list = lists_.at(n.feature);
    const auto k = static_cast<std::uint32_t>(std::lower_bound(list.begin(), list.end(), n.threshold) - list.begin());
    const auto [rule, rank] = treat(n, list);
    return {{n.feature, rule, rank, k / window}, static_cast<std::int8_t>(static_cast<int>(k % window) + 1 - 128)};
  }

  void extend_runs(std::size_t i) {
    const bool is_packed = fits_[i];
    const auto at = is_packed ? out_.trees_.size() : i;
    if (out_.runs_.empty() || out_.runs_.back().is_packed != is_packed) {
      out_.runs_.push_back({is_packed, at, at});
    }
    out_.runs_.back().last = at + 1;
  }

  void add(const tree& t, std::uint32_t depth) {
    const auto slots = std::size_t{1} << depth;
    packed_tree p{static_cast<std::uint32_t>(out_.node_limit_.size()), static_cast<std::uint32_t>(out_.leaves_.size()),
                  depth, t.group};
    out_.node_column_.resize(p.node + slots, 0);
    out_.node_limit_.resize(p.node + slots, always_left);
    out_.leaves_.resize(p.leaf + slots);
    place(t, t.nodes.front(), p, 1, depth);
    out_.trees_.push_back(p);
  }

  void place(const tree& t, const node& n, const packed_tree& p, std::size_t slot, std::uint32_t levels) {
    if (n.leaf()) {
      const auto first = p.leaf + (slot << levels) - (std::size_t{1} << p.depth);
      std::fill_n(out_.leaves_.begin() + static_cast<std::ptrdiff_t>(first), std::size_t{1} << levels, n.value);
      return;
    }
    std::tie(out_.node_column_[p.node + slot], out_.node_limit_[p.node + slot]) = test_of(t, n);
    place(t, t.nodes[static_cast<std::size_t>(n.left)], p, 2 * slot, levels - 1);
    place(t, t.nodes[static_cast<std::size_t>(n.right)], p, 2 * slot + 1, levels - 1);
  }

  // The column and the limit of a split.
  std::pair<std::uint16_t, std::int8_t> test_of(const tree& t, const node& n) const {
    if (n.set >= 0) { // the byte is 1 to the right
      return {static_cast<std::uint16_t>(out_.categories_[sets_.at(key_of(t, n))].column), std::int8_t{1}};
    }
    const auto [k, limit] = key(n);
    return {static_cast<std::uint16_t>(columns_.at(k)), limit};
  }

  // Breadth first, so that children are neighbours and the upper levels lie together.
  void add_loose(const tree& t) {
    const auto first = out_.loose_.size();
    out_.trees_.push_back({static_cast<std::uint32_t>(first), 0, 0, t.group});
    std::vector<std::size_t> order{0};
    for (std::size_t i = 0; i < order.size(); ++i) {
      const auto& n = t.nodes[order[i]];
      loose_node out;
      if (n.leaf()) {
        out.next = static_cast<std::uint32_t>(first + i);
        out.limit = always_left;
      } else {
        out.next = static_cast<std::uint32_t>(first + order.size());
        std::tie(out.column, out.limit) = test_of(t, n);
        order.push_back(static_cast<std::size_t>(n.left));
        order.push_back(static_cast<std::size_t>(n.right));
      }
      out_.loose_.push_back(out);
      out_.loose_values_.push_back(n.value);
    }
  }

  // What kernels may read beyond the last tree.
  void pad() {
    if (out_.columns_.empty()) {
      out_.columns_.emplace_back();
    }
    if (out_.columns_.size() <= 256) {
      out_.node_column_byte_.assign(out_.node_column_.begin(), out_.node_column_.end());
      out_.node_column_byte_.resize(out_.node_column_byte_.size() + 256, 0);
    }
    out_.node_limit_.resize(out_.node_limit_.size() + 256, always_left);
    out_.leaves_.resize(out_.leaves_.size() + 64, 0);
  }

  const ensemble& e_;
  packed& out_;
  std::vector<std::uint32_t> depths_;
  std::vector<bool> fits_;
  std::map<std::uint32_t, std::vector<float>> lists_; // thresholds of a feature, rising
  std::map<column_key, std::uint32_t> columns_;
  std::map<set_key, std::uint32_t> sets_; // as an index of categories
};

packed::packed(const ensemble& e) {
  packer(e, *this).run();
}

packed_model packed::view() const {
  packed_model m;
  m.ranked = ranked_.data();
  m.ranked_count = ranked_.size();
  m.columns = columns_.data();
  m.column_count = columns_.size();
  m.thresholds = thresholds_.data();
  m.tops = tops_.data();
  m.node_column = node_column_.data();
  m.node_column_byte = node_column_byte_.empty() ? nullptr : node_column_byte_.data();
  m.node_limit = node_limit_.data();
  m.trees = trees_.data();
  m.leaves = leaves_.data();
  m.loose = loose_.data();
  m.loose_values = loose_values_.data();
  return m;
}

} // namespace pricing::forest
