#include "learn/false_discovery.hpp"

#include <algorithm>
#include <boost/math/special_functions/erf.hpp>
#include <cmath>
#include <cstddef>

namespace pricing::learn {

std::vector<double> false_discovery_rates(std::span<const double> p) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (!std::isnan(p[i])) {
      order.push_back(i);
    }
  }
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> out(p.begin(), p.end());
  const auto m = static_cast<double>(order.size());
  double least = 1;
  for (std::size_t k = order.size(); k > 0; --k) {
    least = std::min(least, p[order[k - 1]] * m / static_cast<double>(k));
    out[order[k - 1]] = least;
  }
  return out;
}

std::vector<double> false_discovery_rates(std::span<const double> p, std::span<const double> weights) {
  double sum = 0;
  double n = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    sum += std::isnan(p[i]) ? 0 : weights[i];
    n += std::isnan(p[i]) ? 0 : 1;
  }
  std::vector<double> weighted(p.begin(), p.end());
  for (std::size_t i = 0; i < p.size(); ++i) {
    weighted[i] *= sum / n / weights[i];
  }
  auto out = false_discovery_rates(weighted);
  for (double& q : out) {
    q = std::min(q, 1.0);
  }
  return out;
}

double early_p_value(double p, double share) {
  if (!(p > 0 && p < 1)) { // NaN stays NaN
    return p;
  }
  return std::erfc(boost::math::erfc_inv(p) * std::pow(std::clamp(share, 0.0, 1.0), 0.25));
}

} // namespace pricing::learn
