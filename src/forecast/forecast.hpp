#pragma once
// Forecasts of one series with intervals: a combination of theta, exponential smoothing and damped trend, weighted by
// what each would have got wrong at earlier origins of the same series. Deterministic, no state, a fraction of a
// millisecond for ten years of months. Pure.
#include "forecast/prepare.hpp"

#include <string>
#include <vector>

namespace pricing::forecast {

struct series {
  std::vector<double> values; // equally spaced, oldest first; NaN is missing; zero and negative values are values
  int period = 12;            // values in a season: 12 for months, 1 for none
};

struct forecast_options {
  prepare_options prepare{};
  int origins = 4;         // of the back-test; 0 weighs all members alike and takes intervals from the fit alone
  bool select_ets = false; // adds the admissible form of least AICc as a member, for some milliseconds
};

inline constexpr int horizon_max = 366;

struct interval {
  std::vector<double> lower, upper; // one per step ahead
};

struct member {
  std::string method;      // "dynamic theta", "theta of logs", "ETS(M,N,M)", "damped trend", …
  double weight = 0;       // they sum to 1
  double backtest_mae = 0; // in the unit of the series, mean over origins and steps; NaN without a back-test
};

struct backtest {
  int origins = 0;      // none where the series is too short
  double mae = 0;       // of the combination, in the unit of the series
  double smape = 0;     // in per cent, 0 to 200, as in M3
  double naive_mae = 0; // of the seasonal naive forecast: a mae above it says that the series has no more to give
};

struct forecast_result {
  std::vector<double> mean; // one per step after the last given value, missing ones at the end included
  interval at_80, at_90;
  std::string method; // "combination" or "constant"
  std::vector<member> members;
  backtest errors;
  std::vector<level_shift> shifts; // earlier values were put on the level of the newest
  int filled = 0;                  // missing values inside the series
};

// invalid_input or too_large with the reason where nothing can be forecast or a limit is broken.
result<forecast_result> forecast(const series& s, int horizon, const forecast_options& options = {});

// The value one season earlier: the baseline that a method has to beat. `values` not empty and without gaps.
std::vector<double> seasonal_naive(std::span<const double> values, int period, int horizon);

} // namespace pricing::forecast
