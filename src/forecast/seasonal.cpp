#include "forecast/seasonal.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace pricing::forecast {
namespace {

constexpr double normal_quantile_95 = 1.6448536269514722;

struct decomposition {
  std::vector<double> indices;
  double noise = 0; // sum of squares of what trend and index leave
  int spare = 0;    // its degrees of freedom
};

decomposition decompose(std::span<const double> values, int period, bool multiplicative) {
  const int n = static_cast<int>(values.size());
  if (period < 2 || n < 2 * period) {
    return {};
  }
  decomposition out;
  std::vector<double> sum(period, 0.0), squares(period, 0.0);
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
    const double r = multiplicative ? values[t] / average : values[t] - average;
    sum[t % period] += r;
    squares[t % period] += r * r;
    count[t % period] += 1;
  }
  double mean = 0;
  for (int k = 0; k < period; ++k) {
    if (count[k] == 0) {
      return {};
    }
    sum[k] /= count[k];
    mean += sum[k] / period;
    out.noise += std::max(0.0, squares[k] - count[k] * sum[k] * sum[k]);
    out.spare += count[k] - 1;
  }
  for (double& s : sum) {
    s = multiplicative ? s / mean : s - mean;
    if (multiplicative && !(s > 0)) {
      return {};
    }
  }
  out.indices = std::move(sum);
  return out;
}

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
  return decompose(values, period, multiplicative).indices;
}

std::vector<double> shrunk_seasonal_indices(std::span<const double> values, int period, bool multiplicative) {
  auto [indices, noise, spare] = decompose(values, period, multiplicative);
  if (indices.empty() || spare < 1) {
    return {};
  }
  const double none = multiplicative ? 1 : 0;
  double spread = 0;
  for (const double s : indices) {
    spread += (s - none) * (s - none) / (period - 1);
  }
  const double own_noise = noise / spare * period / (static_cast<double>(values.size()) - period);
  const double pull = std::max(0, period - 3) / (period - 1.0) * own_noise;
  const double keep = spread > pull ? 1 - pull / spread : 0;
  for (double& s : indices) {
    s = none + keep * (s - none);
  }
  return indices;
}

} // namespace pricing::forecast
