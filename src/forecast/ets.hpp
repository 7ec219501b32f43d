#pragma once
// Exponential smoothing as innovations state space models: Hyndman, Koehler, Ord and Snyder, "Forecasting with
// Exponential Smoothing" (2008), chapters 2 and 5. All forms with finite forecast variance; chosen by AICc. An update
// costs O(1); the parameters are searched eight sets at a time, first states come from decomposition and backcasting
// and not from the search. Pure.
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace pricing::forecast {

enum class component { none, additive, multiplicative };

struct ets_form {
  component error = component::additive; // never none
  component trend = component::none;
  bool damped = false;
  component season = component::none;
  bool operator==(const ets_form&) const = default;
};

std::string to_string(const ets_form& form); // "ETS(M,Ad,N)"

struct ets_model {
  ets_form form;
  int period = 1;
  double alpha = 0, beta = 0, gamma = 0, phi = 1; // beta ≤ alpha, gamma ≤ 1 − alpha, 0.8 ≤ phi ≤ 0.98 when damped
  double level = 0;                               // after the last value
  double trend = 0;                               // 1 is none where the trend is multiplicative
  std::vector<double> season;                     // index of the next value first
  double first_level = 0, first_trend = 0;
  std::vector<double> first_season; // index of the first value first
  double sse = 0;                   // of the errors; relative ones where the error is multiplicative
  double log_likelihood = 0;        // up to a constant that all forms share
  double aicc = 0;                  // with all first states counted; infinite where n is too small
};

struct ets_options {
  bool multiplicative_trend = false; // they run away over long horizons; forecast::ets leaves them out too
};

// The forms whose forecasts have a finite variance: additive errors only with additive parts, no multiplicative trend
// on an additive season. 19 in all; multiplicative ones need positive values, seasonal ones two cycles.
std::vector<ets_form> admissible_forms(std::span<const double> values, int period, const ets_options& options = {});

// nullopt where there are too few values for the form or its states leave the numbers (a multiplicative part of values
// that are not positive).
std::optional<ets_model> fit_ets(std::span<const double> values, int period, const ets_form& form);

// The admissible form of least AICc; nullopt below three values.
std::optional<ets_model> select_ets(std::span<const double> values, int period, const ets_options& options = {});

// Point forecasts: the path without further errors.
std::vector<double> predict(const ets_model& model, int horizon);

} // namespace pricing::forecast
