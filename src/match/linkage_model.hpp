#pragma once
// From measures of a pair to the calibrated probability that both sides are the same thing: the mean log-odds of a few
// boosted trees trained on different samples, then logistic calibration (Platt 1999, with his smoothed targets) on
// pairs the trees have not seen. Training data is labelled pairs: a benchmark's, or the decisions of a review queue.
#include "match/boosted_trees.hpp"
#include "match/record_pairs.hpp"

namespace pricing::match {

struct labelled_pair {
  record_pair pair;
  bool same = false;
};

// Features of labelled pairs. Fails with not_found-like invalid_input when a position is outside its collection.
result<labelled_rows> rows_of(const record_pairs& pairs, std::span<const labelled_pair> labelled);

struct linkage_options {
  boosting_options boosting{};
  int models = 5; // boosted one by one from seeds seed, seed + 1, ...
};

class linkage_model {
 public:
  // Rounds are chosen, the probability calibrated and threshold() set on the validation rows.
  static result<linkage_model> train(const labelled_rows& rows, const labelled_rows& validation,
                                     const linkage_options& options = {});
  struct cross_fitted;
  // Without validation rows of their own: each fifth of the rows validates the model of the other four, the folds'
  // models are the members, and what they say of rows they have not seen calibrates their mean. Folds are dealt by
  // position among the rows of each label. All of the rounds asked for are boosted, so that the loss reported is of
  // rows that chose nothing; `options.models` does not apply.
  static result<cross_fitted> cross_fit(const labelled_rows& rows, const linkage_options& options = {});

  // In 0..1. `row` has columns() values; `prior` is the log-odds the rows of training had there (labelled_rows::prior).
  double probability(std::span<const float> row) const { return calibrated(mean_log_odds(row, nullptr)); }
  double probability(std::span<const float> row, double prior) const { return calibrated(mean_log_odds(row, &prior)); }
  // The probability from which on calling pairs the same gives the best F1 on the validation rows.
  double threshold() const { return threshold_; }
  std::size_t columns() const { return members_.empty() ? 0 : members_[0].columns(); }
  // Share of the total gain of each column.
  std::vector<double> importance() const;

  std::string save() const;
  static result<linkage_model> load(std::string_view text);

 private:
  static constexpr std::size_t members_max = 64;

  void calibrate(std::span<double> log_odds, std::span<const float> labels);
  double mean_log_odds(std::span<const float> row, const double* prior) const;
  double calibrated(double log_odds) const;

  std::vector<boosted_trees> members_;
  double slope_ = 1, offset_ = 0, threshold_ = 0.5;
};

// Mean log loss on rows the models have not seen, beside that of the prior (or of the share of ones) on the same rows.
struct linkage_model::cross_fitted {
  linkage_model model;
  double loss = 0;
  double prior_loss = 0;
};

// Confusion of "probability >= threshold" against the labels.
struct match_quality {
  std::size_t true_positives = 0, false_positives = 0, false_negatives = 0;
  double precision() const;
  double recall() const;
  double f1() const;
};
match_quality quality_at(std::span<const double> probabilities, std::span<const float> labels, double threshold);

} // namespace pricing::match
