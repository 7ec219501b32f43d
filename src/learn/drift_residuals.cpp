#include "learn/drift_residuals.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace pricing::learn {

std::vector<float> relative_residuals(std::span<const float> residuals, std::span<const std::uint32_t> categories) {
  constexpr double bound = 3;
  constexpr double prior = 4;
  struct total {
    double sum = 0, n = 0;
  };
  total all;
  std::unordered_map<std::uint32_t, total> of;
  for (std::size_t i = 0; i < residuals.size(); ++i) {
    if (!std::isnan(residuals[i])) {
      const double r = std::clamp<double>(residuals[i], -bound, bound);
      total& own = of[categories[i]];
      own.sum += r;
      own.n += 1;
      all.sum += r;
      all.n += 1;
    }
  }
  std::vector<float> out(residuals.begin(), residuals.end());
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!std::isnan(out[i])) {
      const total& own = of[categories[i]];
      out[i] -= static_cast<float>((all.sum - own.sum) / (all.n - own.n + prior));
    }
  }
  return out;
}

} // namespace pricing::learn
