#pragma once
// The theta method and its dynamic optimised form, on values without season. Both cost O(n) an update and search one
// parameter: for a given alpha the first level and the weight of the trend are least squares in closed form. Pure.
#include <span>
#include <vector>

namespace pricing::forecast {

// Simple exponential smoothing: level ← level + alpha·(value − level).
struct smoothing {
  double alpha = 0;
  double first_level = 0;
  double level = 0; // after the last value
  double sse = 0;
};
// The alpha in [0.0001, 0.9999] and first level of least squared one-step errors. Needs two values.
smoothing fit_smoothing(std::span<const double> values);

struct theta_model {
  double alpha = 0;
  double level = 0; // after the last value
  double first_level = 0;
  double trend_weight = 0; // 1 − 1/θ: 0 is simple smoothing, ½ the classic method
  double intercept = 0;    // of the least-squares line through the values so far (A, B of the papers)
  double slope = 0;
  double mean = 0;
  int n = 0;
  bool dynamic = false; // the line is refitted as values come in
  double sse = 0;       // of one-step errors from the third value on
};

// Smoothing with drift of half the least-squares slope: Hyndman and Billah (2003). Needs three values.
theta_model fit_theta(std::span<const double> values);
// Dynamic optimised theta model: Fiorucci, Pellegrini, Louzada, Petropoulos and Koehler (2016). Needs four values.
theta_model fit_dynamic_theta(std::span<const double> values);

std::vector<double> predict(const theta_model& model, int horizon);

} // namespace pricing::forecast
