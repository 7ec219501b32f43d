#pragma once
// Outliers by the empirical tails of each feature: Li et al., "ECOD: Unsupervised Outlier Detection Using Empirical
// Cumulative Distribution Functions", TKDE 2022, with the more extreme side taken feature by feature, so that the score
// is a sum over features and is its own explanation. Immutable after fit. Called by anomaly.
#include "forest/forest.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace pricing::learn {

class tail_outliers {
 public:
  // invalid_input: no rows, no features, a stride below features. NaN is missing.
  static result<tail_outliers> fit(forest::rows x, std::size_t features);

  std::size_t features() const { return columns_.size(); }

  // Two-sided tail probability of a value of one feature: min(1, 2·min(left, right)), left = (1 + #{≤ v})/(n + 1),
  // right likewise. 1 for a missing value and for a feature that was never seen.
  double tail(std::size_t feature, float value) const;
  // Median of a feature in the rows fitted; NaN if it was never seen.
  float typical(std::size_t feature) const;

  // −log tail of each feature less the 1 that is expected, in nats; 0 where missing. row and out: features() values.
  void evidence(std::span<const float> row, std::span<float> out) const;
  // The sum of the evidence: 0 ordinary, larger is stranger.
  double score(const float* row) const;

 private:
  std::vector<std::vector<float>> columns_; // sorted, without NaN
};

} // namespace pricing::learn
