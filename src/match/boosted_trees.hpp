#pragma once
// Gradient-boosted decision trees for yes/no questions with few rows and few columns: labelled pairs of a matching
// task. Second-order boosting of the logistic loss over quantile bins (Friedman 2001; Chen and Guestrin 2016), missing
// values sent where they lose least. Small on purpose: price models are trained by learn/, with XGBoost.
// The same rows and options give the same trees, on every machine and in every run. Scoring is thread-safe.
#include "core/error.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::match {

// Row-major; NaN is unknown.
struct labelled_rows {
  std::size_t columns = 0;
  std::vector<float> values; // rows x columns
  std::vector<float> labels; // 0 or 1, one a row
  std::vector<float> prior;  // log-odds to start from, one a row; empty: the share of ones
  std::size_t rows() const { return labels.size(); }
};

struct boosting_options {
  int rounds = 600;
  int depth = 5;
  int patience = 60; // rounds without a better loss on the validation rows before training ends
  double learning_rate = 0.05;
  double lambda = 1;       // L2 penalty of a leaf
  double child_weight = 1; // least sum of p (1 - p) in a leaf
  double row_share = 0.7;
  double column_share = 0.5;
  std::uint64_t seed = 1;
};

class boosted_trees {
 public:
  // Limits of load(); training stays below them.
  static constexpr std::size_t columns_max = 4'096, nodes_max = 1 << 20, depth_max = 12;

  // Without validation rows all rounds are kept. Fails with invalid_input when rows and columns do not fit together,
  // a label is neither 0 nor 1, or only one of the two labels is there.
  static result<boosted_trees> train(const labelled_rows& rows, const labelled_rows& validation,
                                     const boosting_options& options = {});

  // Sum of the trees for one row; the log-odds when `prior` is what training started from. `row` has columns() values.
  double log_odds(std::span<const float> row, double prior) const;
  double log_odds(std::span<const float> row) const { return log_odds(row, base_); }
  std::size_t columns() const { return columns_; }
  std::size_t trees() const { return roots_.size(); }
  // Total gain of the splits on each column.
  std::vector<double> importance() const;

  // Text, exact to the bit. load() refuses what save() cannot have written, with the reason.
  std::string save() const;
  static result<boosted_trees> load(std::string_view text);

 private:
  friend class tree_grower;
  struct node {
    float threshold = 0;             // left when value < threshold
    float value = 0;                 // of a leaf; the gain of a split
    std::int32_t left = -1;          // -1: leaf; right is left + 1
    std::int32_t column_and_nan = 0; // column * 2 + (1: unknown goes left)
  };
  std::size_t columns_ = 0;
  double base_ = 0;
  std::vector<std::uint32_t> roots_;
  std::vector<node> nodes_;
};

} // namespace pricing::match
