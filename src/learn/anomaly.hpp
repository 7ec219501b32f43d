#pragma once
// Prices that do not fit: robust z by item, isolation forest and tails over context features, combined into one
// conformal p-value per row, with the false discovery rate of each upload held, and for every anomaly its reasons and
// what it costs. Pure; a fitted detector is immutable and shared without locks.
// Callers: the anomaly task of an import and the route for prices on their way.
#include "forest/isolation.hpp"
#include "learn/anomaly_ecod.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace pricing::learn {

// Centre and spread of one item's log residuals (log price less log expected price, so already adjusted for quantity
// and index).
struct robust_reference {
  double median = 0;
  double scale = 0; // 1.4826·MAD, drawn towards the spread of the category
  std::size_t n = 0;
};

struct robust_options {
  double category_scale = 0.4; // spread where the item says little
  double category_weight = 5;  // as many residuals' worth of it
  double scale_min = 0.02;     // prices from a list do not vary at all; 2 % is not an anomaly
};

// NaN residuals are left out; with none, median 0 and the category's spread.
robust_reference make_robust_reference(std::span<const float> log_residuals, const robust_options& options = {});

// (residual − median) / (scale · √(1 + π/2n)); the root because the median itself is uncertain by √(π/2n) scales.
double robust_z(double log_residual, const robust_reference& reference);

struct anomaly_options {
  double false_discovery_rate = 0.1;    // expected share of false alarms among the anomalies of an upload
  std::size_t reasons_max = 5;          // per anomaly, the weightiest
  std::optional<std::size_t> z_feature; // which feature is the item's robust z: |z| then is a detector of its own
  forest::isolation_options isolation{};
};

struct anomaly_reason {
  std::size_t feature = 0;
  double share = 0;  // of the evidence; all features together make 1
  float value = 0;   // NaN: missing
  float typical = 0; // median of the reference
  double tail = 1;   // two-sided tail probability of the value alone
};

struct anomaly_evidence {
  double p = 1;           // probability that an ordinary row looks so strange: (1 + #{≥})/(n + 1)
  double q = 1;           // adjusted for the rows of the upload, false_discovery.hpp
  double isolation_p = 1; // of each detector alone, by an exponential tail beyond the largest fiftieth
  double tails_p = 1;
  double z_p = 1; // 1 without z_feature or where z is missing
};

// What a row is about in money, one currency; price and expected per unit.
struct row_money {
  double price = 0;
  double expected = 0; // not above zero: unknown
  double quantity = 0;
};

struct anomaly {
  std::size_t row = 0;
  anomaly_evidence evidence;
  std::optional<double> excess; // (price − expected) · quantity; negative when paid too little
  std::vector<anomaly_reason> reasons;
};

struct anomaly_report {
  std::vector<anomaly_evidence> rows; // one per row, in their order
  std::vector<anomaly> anomalies;     // q ≤ rate; the most money first
};

class anomaly_detector {
 public:
  // Reference rows: what was accepted earlier, NaN for missing. Half of them, at most training_rows_max and drawn by
  // the seed, train; the others calibrate, so a p-value cannot be below 1/(calibration_rows() + 1): a single anomaly
  // among m rows is found only if that is at most rate/m. invalid_input: fewer than rows_min rows, what
  // isolation_forest refuses, a z_feature that is not there, a rate outside (0, 1).
  static result<anomaly_detector> fit(forest::rows reference, std::size_t features,
                                      const anomaly_options& options = {});

  static constexpr std::size_t rows_min = 40;
  static constexpr std::size_t training_rows_max = 20'000;
  static constexpr std::size_t calibration_rows_max = 200'000;

  std::size_t features() const { return tails_.features(); }
  std::size_t calibration_rows() const { return combined_.size(); }

  // One upload, judged together. money may be empty; otherwise one per row. invalid_input: a stride below features() or
  // another number of money than rows.
  result<anomaly_report> examine(forest::rows upload, std::span<const row_money> money = {}) const;
  // The score behind p, for ranking: mean −log p of the detectors.
  double score(const float* row) const;
  std::vector<anomaly_reason> reasons(std::span<const float> row) const;

 private:
  // Calibration scores of one detector in ascending order. The tail goes on beyond the largest, as a price ten times
  // too high must outweigh two detectors that see nothing.
  struct detector_scale {
    std::vector<float> sorted;
    float start = 0;        // of the tail
    double mean_excess = 0; // over start; 0: no tail
    void finish();
    double p(float score, double own) const; // own: 1 for a row that is not in the calibration set, 0 for one that is
  };
  struct detector_scores {
    float isolation = 0, tails = 0, z = 0; // z is NaN when unknown
  };
  anomaly_detector(forest::isolation_forest forest, tail_outliers tails, const anomaly_options& options)
      : forest_(std::move(forest)), tails_(std::move(tails)), options_(options) {}
  detector_scores detect(const float* row) const;
  anomaly_evidence judge(const detector_scores& s, double own) const;
  static double combine(const anomaly_evidence& e, bool with_z);

  forest::isolation_forest forest_;
  tail_outliers tails_;
  anomaly_options options_;
  detector_scale isolation_, tail_, z_;
  std::vector<float> combined_;
};

} // namespace pricing::learn
