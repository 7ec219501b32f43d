#include "forest/isolation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>

namespace pricing::forest {
namespace {

// Mean depth of an unsuccessful search in a binary search tree of n keys: 2H(n−1) − 2(n−1)/n.
double search_depth(std::size_t n) {
  if (n < 2) {
    return 0;
  }
  double harmonic = 0;
  for (std::size_t i = 1; i < n; ++i) {
    harmonic += 1.0 / static_cast<double>(i);
  }
  return 2 * harmonic - 2 * static_cast<double>(n - 1) / static_cast<double>(n);
}

// The distributions of <random> may differ between libraries, its engines may not.
class dice {
 public:
  explicit dice(std::uint64_t seed) : engine_(seed) {}
  double unit() { return static_cast<double>(engine_() >> 11U) * 0x1p-53; }
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(unit() * static_cast<double>(n)); }

 private:
  std::mt19937_64 engine_;
};

bool any_missing(const float* row, std::size_t n) {
  bool missing = false;
  for (std::size_t f = 0; f < n; ++f) {
    missing |= std::isnan(row[f]);
  }
  return missing;
}

std::uint64_t seed_of_tree(std::uint64_t seed, std::size_t tree) { // SplitMix64: near seeds must not give near streams
  std::uint64_t z = seed + 0x9e3779b97f4a7c15U * (tree + 1);
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

} // namespace

class isolation_forest::grower {
 public:
  grower(rows x, std::size_t features, std::size_t sample_rows)
      : x_(x), features_(features), order_(x.count), sample_(std::min(sample_rows, x.count)) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    for (std::size_t n = 0; n < leaf_depth_.size(); ++n) {
      leaf_depth_[n] = search_depth(n);
    }
  }

  void grow(tree& t, std::uint64_t seed) {
    dice d(seed);
    for (std::size_t i = 0; i < sample_; ++i) {
      std::swap(order_[i], order_[i + d.below(order_.size() - i)]);
    }
    grow(t, d, 0, 0, 0, sample_);
  }

 private:
  struct range {
    std::size_t feature;
    float low, high;
  };

  float value(std::size_t i, std::size_t feature) const { return x_.values[order_[i] * x_.stride + feature]; }

  // A feature at random among those that differ within the rows, in expected time of a few looks while most do.
  bool choose(dice& d, std::size_t begin, std::size_t end, range& out) {
    candidates_.resize(features_);
    std::iota(candidates_.begin(), candidates_.end(), std::uint32_t{0});
    for (std::size_t left = features_; left > 0; --left) {
      const std::size_t k = d.below(left);
      out = {candidates_[k], std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()};
      for (std::size_t i = begin; i < end; ++i) {
        const float v = value(i, out.feature); // NaN compares false
        out.low = v < out.low ? v : out.low;
        out.high = v > out.high ? v : out.high;
      }
      if (out.low < out.high) {
        return true;
      }
      candidates_[k] = candidates_[left - 1];
    }
    return false;
  }

  // Returns the mean depth of the rows below; fills the whole heap under a leaf.
  double grow(tree& t, dice& d, std::size_t node, std::size_t level, std::size_t begin, std::size_t end) {
    range r{};
    const std::size_t count = end - begin;
    if (level == depth || count < 2 || !choose(d, begin, end, r)) {
      const double length = static_cast<double>(level) + leaf_depth_[count];
      fill(t, node, static_cast<float>(length));
      return length;
    }
    auto threshold = static_cast<float>(r.low + (static_cast<double>(r.high) - r.low) * d.unit());
    if (!(threshold > r.low)) {
      threshold = std::nextafter(r.low, r.high); // both sides must get a row
    }
    const auto at = [&](std::size_t i) { return order_.begin() + static_cast<std::ptrdiff_t>(i); };
    const auto middle = std::partition(
        at(begin), at(end), [&](std::size_t row) { return x_.values[row * x_.stride + r.feature] < threshold; });
    // NaN is on the right now; where most known rows are left, it follows them
    const auto known_end = std::partition(
        middle, at(end), [&](std::size_t row) { return !std::isnan(x_.values[row * x_.stride + r.feature]); });
    const bool missing_left = middle - at(begin) > known_end - middle;
    std::size_t right_begin = static_cast<std::size_t>(middle - order_.begin());
    if (missing_left) {
      std::rotate(middle, known_end, at(end));
      right_begin += static_cast<std::size_t>(at(end) - known_end);
    }
    t.splits[node] = {threshold, static_cast<std::uint32_t>(r.feature), missing_left};
    const double left = grow(t, d, 2 * node + 1, level + 1, begin, right_begin);
    const double right = grow(t, d, 2 * node + 2, level + 1, right_begin, end);
    const double mean =
        (left * static_cast<double>(right_begin - begin) + right * static_cast<double>(end - right_begin)) /
        static_cast<double>(count);
    t.mean[node] = static_cast<float>(mean);
    return mean;
  }

  static void fill(tree& t, std::size_t node, float length) {
    t.mean[node] = length;
    if (node >= inner) {
      t.depths[node - inner] = length;
      return;
    }
    t.splits[node] = {std::numeric_limits<float>::infinity(), 0, 1};
    fill(t, 2 * node + 1, length);
    fill(t, 2 * node + 2, length);
  }

  rows x_;
  std::size_t features_;
  std::vector<std::size_t> order_;
  std::size_t sample_;
  std::array<double, 257> leaf_depth_{};
  std::vector<std::uint32_t> candidates_;
};

result<isolation_forest> isolation_forest::train(rows x, std::size_t features, const isolation_options& o) {
  if (features == 0 || features > features_max || x.stride < features) {
    return invalid_input("isolation forest: between 1 and 16,777,216 features, and a stride of at least as many");
  }
  if (x.count < 2) {
    return invalid_input("isolation forest: at least two rows are needed to learn from");
  }
  if (o.trees < 1 || o.trees > 10'000 || o.sample_rows < 2 || o.sample_rows > 256) {
    return invalid_input("isolation forest: trees must be 1 to 10,000 and sample_rows 2 to 256");
  }
  for (std::size_t i = 0; i < x.count; ++i) {
    const float* row = x.values + i * x.stride;
    if (std::any_of(row, row + features, [](float v) { return std::isinf(v); })) {
      return invalid_input("isolation forest: row " + std::to_string(i) +
                           " holds an infinite value; use NaN for missing");
    }
  }
  isolation_forest f;
  f.features_ = features;
  f.trees_.resize(o.trees);
  f.normal_depth_ = search_depth(std::min(o.sample_rows, x.count));
  grower g(x, features, o.sample_rows);
  for (std::size_t k = 0; k < o.trees; ++k) {
    g.grow(f.trees_[k], seed_of_tree(o.seed, k));
    f.expected_depth_ += f.trees_[k].mean[0] / static_cast<double>(o.trees);
  }
  return f;
}

template <bool Missing>
float isolation_forest::depth_sum(const float* row) const {
  const auto step = [row](const tree& t, std::size_t node) {
    const split s = t.splits.data()[node]; // unchecked: this loop is the cost of a score
    const float v = row[s.feature];
    const bool right = Missing ? (s.missing_left != 0 ? v >= s.threshold : !(v < s.threshold)) : v >= s.threshold;
    return 2 * node + 1 + (right ? 1U : 0U);
  };
  constexpr std::size_t lanes = 8; // independent walks hide the latency of the loads
  const tree* trees = trees_.data();
  float sum = 0;
  std::size_t k = 0;
  for (; k + lanes <= trees_.size(); k += lanes) {
    std::size_t node[lanes] = {};
    for (std::size_t level = 0; level < depth; ++level) {
      for (std::size_t j = 0; j < lanes; ++j) {
        node[j] = step(trees[k + j], node[j]);
      }
    }
    for (std::size_t j = 0; j < lanes; ++j) {
      sum += trees[k + j].depths.data()[node[j] - inner];
    }
  }
  for (; k < trees_.size(); ++k) {
    std::size_t node = 0;
    for (std::size_t level = 0; level < depth; ++level) {
      node = step(trees_[k], node);
    }
    sum += trees_[k].depths[node - inner];
  }
  return sum;
}

double isolation_forest::mean_depth(const float* row) const {
  const float sum = any_missing(row, features_) ? depth_sum<true>(row) : depth_sum<false>(row);
  return static_cast<double>(sum) / static_cast<double>(trees_.size());
}

float isolation_forest::score(const float* row) const {
  return static_cast<float>(std::exp2(-mean_depth(row) / normal_depth_));
}

result<void> isolation_forest::scores(rows x, std::span<float> out) const {
  if (x.stride < features_ || out.size() < x.count) {
    return invalid_input("isolation forest: rows need " + std::to_string(features_) +
                         " features, and room for each score");
  }
  for (std::size_t i = 0; i < x.count; ++i) {
    out[i] = score(x.values + i * x.stride);
  }
  return {};
}

result<void> isolation_forest::reasons(std::span<const float> row, std::span<float> out) const {
  if (row.size() < features_ || out.size() < features_) {
    return invalid_input("isolation forest: a row and its reasons have " + std::to_string(features_) + " values");
  }
  std::fill_n(out.begin(), features_, 0.0F);
  const float share = 1.0F / static_cast<float>(trees_.size());
  for (const tree& t : trees_) {
    for (std::size_t node = 0; node < inner;) {
      const split s = t.splits[node];
      const float v = row[s.feature];
      const bool right = s.missing_left != 0 ? v >= s.threshold : !(v < s.threshold);
      const std::size_t next = 2 * node + 1 + (right ? 1 : 0);
      out[s.feature] += share * (t.mean[node] - t.mean[next]);
      node = next;
    }
  }
  return {};
}

} // namespace pricing::forest
