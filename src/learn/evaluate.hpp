#pragma once
// Time-forward evaluation: trains on what was before each step, predicts the step, never looks ahead. Compares with the
// buyer's estimate, the last price, the trailing two-year median and a kernel median on the same lines.
#include "core/error.hpp"
#include "learn/price_model.hpp"

#include <string>
#include <vector>

namespace pricing::learn {

struct evaluation_options {
  std::chrono::sys_days from;
  std::chrono::sys_days until; // exclusive
  int retrain_months = 6;      // 0: train once, before `from`
  int earlier_bids = 3;        // a line counts with at least so many in the 730 days before
  bool need_estimate = true;   // only lines that have the buyer's estimate
  train_options training{};    // `until` is set for each step
};

struct error_summary {
  double to_low = 0;    // median |p/l − 1|, l the price of the event's lowest bidder
  double to_median = 0; // median |p/median of bids − 1|
  double within_20 = 0; // share within ±20 % of that price
  double totals_10 = 0; // share of events whose total is within ±10 % of the lowest bidder's
};

struct category_report {
  std::string category; // as the view has it: the item's, else the leading word of its description
  std::size_t lines = 0;
  std::size_t bids = 0;
  double to_low = 0;      // as error_summary's, of our model
  double coverage_90 = 0; // of single bids
};

struct evaluation {
  std::size_t lines = 0;
  std::size_t events = 0;
  error_summary ours, estimate, last_price, trailing_median, kernel_median;
  double coverage_90 = 0; // of single bids
  double coverage_50 = 0;
  double worst_band_90 = 0;                // lowest coverage among quantity bands (fifths)
  std::vector<category_report> categories; // those with the most bids, at most ten, largest first
  double mean_width_90 = 0;                // log(high/low)
  double interval_score_90 = 0;            // mean, on log price: width + 2/0.1 · miss
  double train_s = 0;                      // longest single training
  double predict_s = 0;
};

result<evaluation> evaluate(const market_view& view, const evaluation_options& options);

// A model that does not beat last price and trailing median on unseen time, on both targets, is not promoted.
bool beats_baselines(const evaluation& e);

// Plain text table: measure, ours, baselines.
std::string to_table(const evaluation& e);

} // namespace pricing::learn
