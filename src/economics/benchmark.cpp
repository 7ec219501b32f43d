#include "economics/benchmark.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace pricing::economics {
namespace {

struct weighted_value {
  double value;
  double weight;
};

// Smallest value with at least this share of the weight at or below; halfway to the next where it is met exactly.
double quantile(const std::vector<weighted_value>& sorted, double total, double share) {
  double sum = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    sum += sorted[i].weight;
    if (sum > share * total * (1 + 1e-12)) {
      return sorted[i].value;
    }
    if (sum >= share * total * (1 - 1e-12) && i + 1 < sorted.size()) {
      return 0.5 * (sorted[i].value + sorted[i + 1].value);
    }
  }
  return sorted.back().value;
}

} // namespace

double shrunk_slope(std::span<const benchmark_price> prices, double category_slope, double category_weight) {
  double n = 0, x = 0, y = 0;
  for (const auto& p : prices) {
    n += p.weight;
    x += p.weight * p.log_quantity;
    y += p.weight * (p.log_price - p.log_index);
  }
  if (!(n > 0)) {
    return category_slope;
  }
  double xx = 0, xy = 0;
  for (const auto& p : prices) {
    const double dx = p.log_quantity - x / n;
    xx += p.weight * dx * dx;
    xy += p.weight * dx * (p.log_price - p.log_index - y / n);
  }
  const double whole = xx + category_weight;
  return whole > 0 ? (xy + category_weight * category_slope) / whole : category_slope;
}

std::optional<benchmark> make_benchmark(std::span<const benchmark_price> prices, const benchmark_request& r) {
  std::vector<benchmark_price> known;
  for (const auto& p : prices) {
    if (p.day < r.as_of && p.weight > 0 && std::isfinite(p.log_price) && std::isfinite(p.log_quantity)) {
      known.push_back(p);
    }
  }
  benchmark out;
  out.slope = shrunk_slope(known, r.category_slope, r.category_slope_weight);
  std::vector<weighted_value> values;
  double total = 0, squares = 0;
  for (const auto& p : known) {
    const double dq = p.log_quantity - r.log_quantity;
    const double z = dq / r.quantity_scale;
    const double w = p.weight * std::exp(-(r.as_of - p.day) / r.time_scale_days - 0.5 * z * z);
    if (!(w > 0)) {
      continue;
    }
    values.push_back({p.log_price - out.slope * dq + r.log_index - p.log_index, w});
    total += w;
    squares += w * w;
    out.newest_day = out.prices == 0 ? p.day : std::max(out.newest_day, p.day);
    ++out.prices;
  }
  out.effective_n = squares > 0 ? total * total / squares : 0;
  if (out.prices == 0 || out.effective_n < r.effective_n_min) {
    return std::nullopt;
  }
  std::sort(values.begin(), values.end(), [](auto& a, auto& b) { return a.value < b.value; });
  out.q05 = quantile(values, total, 0.05);
  out.q25 = quantile(values, total, 0.25);
  out.median = quantile(values, total, 0.5);
  out.q75 = quantile(values, total, 0.75);
  out.q95 = quantile(values, total, 0.95);
  return out;
}

} // namespace pricing::economics
