#include "forecast/prepare.hpp"

#include "forecast/seasonal.hpp"

#include <algorithm>
#include <cmath>

namespace pricing::forecast {
namespace {

constexpr double seasonal_share_min = 0.6; // of the values observed: interpolation shows no season
constexpr double ratio_max = 1e6;          // largest over smallest for a series on a ratio scale
constexpr double value_max = 1e200;        // squares and sums must stay finite
constexpr int cycles_max = 40;             // older values tell nothing about the next year

double median(std::vector<double> v) {
  const auto middle = v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2);
  std::nth_element(v.begin(), middle, v.end());
  if (v.size() % 2 == 1) {
    return *middle;
  }
  return 0.5 * (*middle + *std::max_element(v.begin(), middle));
}

// Straight lines between observed values; both ends are observed.
void interpolate(std::vector<double>& y, const std::vector<bool>& observed) {
  std::size_t last = 0;
  for (std::size_t t = 1; t < y.size(); ++t) {
    if (!observed[t]) {
      continue;
    }
    for (std::size_t k = last + 1; k < t; ++k) {
      const double share = static_cast<double>(k - last) / static_cast<double>(t - last);
      y[k] = y[last] + share * (y[t] - y[last]);
    }
    last = t;
  }
}

void subtract_season(std::vector<double>& y, const std::vector<double>& season, double sign) {
  for (std::size_t t = 0; t < y.size() && !season.empty(); ++t) {
    y[t] -= sign * season[t % season.size()];
  }
}

void fill_gaps(prepared_series& s) {
  interpolate(s.values, s.observed);
  if (s.period == 1 || std::find(s.observed.begin(), s.observed.end(), false) == s.observed.end()) {
    return;
  }
  // Once more between values without their season, so that a missing December gets a December's value.
  const auto season = shrunk_seasonal_indices(s.values, s.period, false);
  subtract_season(s.values, season, 1);
  interpolate(s.values, s.observed);
  subtract_season(s.values, season, -1);
}

// A step that dwarfs the usual change from one value to the next and that stays. `z` has no season and is on a log
// scale where the series is positive. 0 is none.
struct step {
  int at = 0;
  double size = 0;
};

step find_step(const std::vector<double>& z) {
  constexpr int side = 6;           // values on either side that must agree
  constexpr double noise_times = 8; // far beyond what a test of one level would ask: every position is tried
  const int n = static_cast<int>(z.size());
  if (n < 2 * side) {
    return {};
  }
  std::vector<double> changes(n - 1);
  for (int t = 1; t < n; ++t) {
    changes[t - 1] = z[t] - z[t - 1];
  }
  const double drift = median(changes);
  std::vector<double> distance(changes);
  for (double& c : distance) {
    c = std::abs(c - drift);
  }
  double noise = 1.4826 * median(distance);
  step best;
  for (int t = side; t + side <= n; ++t) {
    const double jump = changes[t - 1] - drift;
    if (std::abs(jump) <= std::abs(best.size) || std::abs(jump) < 1e-3) {
      continue;
    }
    const std::vector<double> before(z.begin() + t - side, z.begin() + t), after(z.begin() + t, z.begin() + t + side);
    const double shift = median(after) - median(before) - drift * side;
    // The widest swing on either side must be well below the step, or it is a ramp or a wild series.
    const auto swing = [](const std::vector<double>& v) {
      const auto [low, high] = std::minmax_element(v.begin(), v.end());
      return *high - *low;
    };
    const double within = std::max({noise, swing(before) / 2, swing(after) / 2});
    if (shift * jump > 0 && std::abs(shift) > noise_times * noise && std::abs(shift) > 3 * within &&
        std::abs(jump) > 0.7 * std::abs(shift)) {
      best = {t, shift};
    }
  }
  return best;
}

void remove_shifts(prepared_series& s) {
  constexpr int shifts_max = 3;
  for (int k = 0; k < shifts_max; ++k) {
    std::vector<double> z(s.values);
    if (s.positive) {
      std::transform(z.begin(), z.end(), z.begin(), [](double v) { return std::log(v); });
    }
    if (is_seasonal(z, s.period)) {
      subtract_season(z, shrunk_seasonal_indices(z, s.period, false), 1);
    }
    const step found = find_step(z);
    if (found.at == 0) {
      return;
    }
    for (int t = 0; t < found.at; ++t) {
      s.values[t] = s.positive ? s.values[t] * std::exp(found.size) : s.values[t] + found.size;
    }
    s.shifts.push_back({s.skipped + found.at, s.positive ? std::expm1(found.size) : found.size * s.scale});
  }
}

error cannot(const std::string& reason) {
  return invalid_input("This series cannot be forecast: " + reason);
}

} // namespace

result<prepared_series> prepare(std::span<const double> values, int period, const prepare_options& options) {
  if (period < 1 || period > period_max) {
    return invalid_input("The period must be between 1 and " + std::to_string(period_max) + ".",
                         {{"period", "must be between 1 and " + std::to_string(period_max)}});
  }
  if (values.size() > values_max) {
    return error{errc::too_large,
                 "A series may have at most " + std::to_string(values_max) + " values; send the newest."};
  }
  int first = -1, last = -1;
  for (int t = 0; t < static_cast<int>(values.size()); ++t) {
    if (std::isnan(values[t])) {
      continue;
    }
    if (!(std::abs(values[t]) <= value_max)) {
      const std::string path = "values[" + std::to_string(t) + "]";
      return invalid_input("A value is infinite or too large: " + path + ".",
                           {{path, "must be at most 1e200 in size"}});
    }
    first = first < 0 ? t : first;
    last = t;
  }
  if (first < 0) {
    return cannot("it has no values.");
  }
  prepared_series s;
  s.trailing_gap = static_cast<int>(values.size()) - 1 - last;
  if (s.trailing_gap > options.trailing_gap_cycles_max * std::max(period, 2)) {
    return cannot("its newest value is " + std::to_string(s.trailing_gap) + " periods old.");
  }
  first = std::max(first, last + 1 - cycles_max * std::max(period, 12));
  while (std::isnan(values[first])) {
    ++first;
  }
  s.skipped = first;
  s.values.assign(values.begin() + first, values.begin() + last + 1);
  int seen = 0;
  double largest = 0;
  for (const double v : s.values) {
    s.observed.push_back(!std::isnan(v));
    seen += !std::isnan(v);
    largest = std::isnan(v) ? largest : std::max(largest, std::abs(v));
  }
  const int n = static_cast<int>(s.values.size());
  if (seen < options.observed_min) {
    return cannot("it has " + std::to_string(seen) + " values and needs at least " +
                  std::to_string(options.observed_min) + ".");
  }
  if (seen < options.observed_share_min * n) {
    return cannot("only " + std::to_string(seen) + " of " + std::to_string(n) + " periods have a value.");
  }
  s.period = period > 1 && n >= 2 * period + 1 && seen >= seasonal_share_min * n ? period : 1;
  if (largest > 0) {
    double mean = 0;
    for (const double v : s.values) {
      mean += std::isnan(v) ? 0 : std::abs(v) / largest / seen;
    }
    s.scale = largest * mean;
  }
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (double& v : s.values) {
    if (!std::isnan(v)) {
      v /= s.scale;
      low = std::min(low, v);
      high = std::max(high, v);
    }
  }
  s.positive = low > 0 && high < ratio_max * low;
  s.constant = high - low <= 1e-12 * std::max(std::abs(high), std::abs(low));
  fill_gaps(s);
  if (s.positive) { // a season of a far month may carry a filled value below zero
    for (double& v : s.values) {
      v = std::max(v, low);
    }
  }
  if (options.remove_level_shifts && !s.constant) {
    remove_shifts(s);
  }
  return s;
}

} // namespace pricing::forecast
