#include "forecast/seasonal.hpp"

#include <cmath>
#include <numeric>

namespace pricing::forecast {
namespace {

constexpr double normal_quantile_95 = 1.6448536269514722;

} // namespace

bool is_seasonal(std::span<const double> values, int period) {
  const int n = static_cast<int>(values.size());
  if (period < 2 || n < 2 * period + 1) {
    return false;
  }
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  std::vector<double> centred(values.begin(), values.end());
  for (double& v : centred) {
    v -= mean;
  }
  const auto product = [&](int lag) {
    return std::inner_product(centred.begin() + lag, centred.end(), centred.begin(), 0.0);
  };
  const double variance = product(0);
  if (!(variance > 0)) {
    return false;
  }
  double squares = 0;
  for (int lag = 1; lag < period; ++lag) {
    const double r = product(lag) / variance;
    squares += r * r;
  }
  return std::abs(product(period) / variance) > normal_quantile_95 * std::sqrt((1 + 2 * squares) / n);
}

std::vector<double> seasonal_indices(std::span<const double> values, int period, bool multiplicative) {
  const int n = static_cast<int>(values.size());
  if (period < 2 || n < 2 * period) {
    return {};
  }
  std::vector<double> sum(period, 0.0);
  std::vector<int> count(period, 0);
  const int half = period / 2;
  // An even period takes half of both ends, so that the average stands on a month.
  const bool even = period % 2 == 0;
  double window = std::accumulate(values.begin(), values.begin() + 2 * half + 1, 0.0);
  for (int t = half; t + half < n; ++t) {
    if (t > half) {
      window += values[t + half] - values[t - half - 1];
    }
    const double average = (even ? window - 0.5 * (values[t - half] + values[t + half]) : window) / period;
    if (multiplicative && !(average > 0)) {
      return {};
    }
    sum[t % period] += multiplicative ? values[t] / average : values[t] - average;
    count[t % period] += 1;
  }
  double mean = 0;
  for (int k = 0; k < period; ++k) {
    if (count[k] == 0) {
      return {};
    }
    sum[k] /= count[k];
    mean += sum[k] / period;
  }
  for (double& s : sum) {
    s = multiplicative ? s / mean : s - mean;
    if (multiplicative && !(s > 0)) {
      return {};
    }
  }
  return sum;
}

} // namespace pricing::forecast
