#include "learn/anomaly_ecod.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace pricing::learn {

result<tail_outliers> tail_outliers::fit(forest::rows x, std::size_t features) {
  if (x.count == 0 || features == 0 || x.stride < features) {
    return invalid_input("outliers by tails: at least one row and one feature, and a stride of at least the features");
  }
  tail_outliers out;
  out.columns_.resize(features);
  for (std::size_t f = 0; f < features; ++f) {
    auto& column = out.columns_[f];
    column.reserve(x.count);
    for (std::size_t i = 0; i < x.count; ++i) {
      if (const float v = x.values[i * x.stride + f]; !std::isnan(v)) {
        column.push_back(v);
      }
    }
    std::sort(column.begin(), column.end());
  }
  return out;
}

double tail_outliers::tail(std::size_t feature, float value) const {
  const auto& column = columns_[feature];
  if (column.empty() || std::isnan(value)) {
    return 1;
  }
  const auto [first, last] = std::equal_range(column.begin(), column.end(), value);
  const auto nearer = std::min(last - column.begin(), column.end() - first);
  return std::min(1.0, 2 * static_cast<double>(1 + nearer) / static_cast<double>(column.size() + 1));
}

float tail_outliers::typical(std::size_t feature) const {
  const auto& column = columns_[feature];
  return column.empty() ? std::numeric_limits<float>::quiet_NaN() : column[column.size() / 2];
}

void tail_outliers::evidence(std::span<const float> row, std::span<float> out) const {
  for (std::size_t f = 0; f < columns_.size(); ++f) {
    const bool known = !std::isnan(row[f]) && !columns_[f].empty();
    out[f] = known ? static_cast<float>(-std::log(tail(f, row[f])) - 1) : 0;
  }
}

double tail_outliers::score(const float* row) const {
  double sum = 0;
  for (std::size_t f = 0; f < columns_.size(); ++f) {
    if (!std::isnan(row[f]) && !columns_[f].empty()) {
      sum -= std::log(tail(f, row[f])) + 1;
    }
  }
  return sum;
}

} // namespace pricing::learn
