#pragma once
// Isolation forest: how few random cuts set a row apart from the rows it was trained on. Liu, Ting and Zhou, "Isolation
// Forest", ICDM 2008. The same seed and rows give the same forest on every machine. Immutable after training, shared
// without locks, no allocation per call. Called by learn/anomaly.
#include "forest/forest.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pricing::forest {

struct isolation_options {
  std::size_t trees = 300;       // 1 to 10,000; more only steadies the score
  std::size_t sample_rows = 256; // drawn for each tree without replacement, 2 to 256; fewer if there are fewer
  std::uint64_t seed = 1;
};

class isolation_forest {
 public:
  static constexpr std::size_t depth = 8; // log2 of the largest sample, as in the paper
  static constexpr std::size_t features_max = std::size_t{1} << 24;

  // Rows may hold NaN (missing). A cut sends missing values where most of its training rows went; features that are
  // constant or missing throughout are never cut. invalid_input: fewer than two rows, no or too many features, a stride
  // below features, options out of range, an infinite value.
  static result<isolation_forest> train(rows x, std::size_t features, const isolation_options& options = {});

  std::size_t features() const { return features_; }
  std::size_t trees() const { return trees_.size(); }

  // 2^(−mean depth/c(sample)), c the mean depth of an unsuccessful search: near 1 set apart at once, about 0.5
  // ordinary. row has features() values.
  float score(const float* row) const;
  // out has at least x.count values; invalid_input if it or the stride is too small.
  result<void> scores(rows x, std::span<float> out) const;

  // How many cuts earlier each feature set the row apart than an average training row: out[features()]; the sum is
  // expected_depth() − the row's mean depth, positive speaks for an anomaly. The depth expected at a node is taken from
  // its training rows; each cut's change of it belongs to the feature cut.
  result<void> reasons(std::span<const float> row, std::span<float> out) const;
  double expected_depth() const { return expected_depth_; }
  double mean_depth(const float* row) const;

 private:
  static constexpr std::size_t inner = (std::size_t{1} << depth) - 1;
  // Splits of a perfect tree in heap order; below a leaf every split sends everything left.
  struct split {
    float threshold; // x < threshold goes left
    std::uint32_t feature : 31;
    std::uint32_t missing_left : 1;
  };
  struct tree {
    std::array<split, inner> splits;
    std::array<float, inner + 1> depths;   // of the leaf reached, with what its training rows would still need
    std::array<float, 2 * inner + 1> mean; // expected depth at every node, for reasons
  };
  class grower;

  template <bool Missing>
  float depth_sum(const float* row) const;

  std::size_t features_ = 0;
  std::vector<tree> trees_;
  double expected_depth_ = 0;
  double normal_depth_ = 1; // c(sample)
};

} // namespace pricing::forest
