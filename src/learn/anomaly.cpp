#include "learn/anomaly.hpp"

#include "learn/false_discovery.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <random>
#include <string>

namespace pricing::learn {
namespace {

double median_of(std::vector<float>& v) {
  const auto middle = v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2);
  std::nth_element(v.begin(), middle, v.end());
  if (v.size() % 2 != 0) {
    return *middle;
  }
  return (static_cast<double>(*middle) + *std::max_element(v.begin(), middle)) / 2;
}

// Share of calibration scores at least as large; own counts the row itself where it is not one of them.
double upper_share(const std::vector<float>& sorted, float score, double own) {
  const auto above = sorted.end() - std::lower_bound(sorted.begin(), sorted.end(), score);
  return (own + static_cast<double>(above)) / static_cast<double>(sorted.size() + 1);
}

void add_shares(std::vector<double>& share, std::span<const float> contribution, double weight) {
  double total = 0;
  for (const float c : contribution) {
    total += std::max(c, 0.0F);
  }
  if (total > 0) {
    for (std::size_t f = 0; f < share.size(); ++f) {
      share[f] += weight * std::max(contribution[f], 0.0F) / total;
    }
  }
}

} // namespace

void anomaly_detector::detector_scale::finish() {
  std::sort(sorted.begin(), sorted.end());
  const std::size_t tail = std::min(sorted.size(), std::max<std::size_t>(5, sorted.size() / 50));
  if (tail > 0) {
    start = sorted[sorted.size() - tail];
    mean_excess = std::accumulate(sorted.end() - static_cast<std::ptrdiff_t>(tail), sorted.end(), 0.0) /
                      static_cast<double>(tail) -
                  start;
  }
}

double anomaly_detector::detector_scale::p(float score, double own) const {
  const bool beyond = score > start && mean_excess > 0;
  const double share = upper_share(sorted, beyond ? start : score, own);
  return beyond ? std::max(share * std::exp(-(score - start) / mean_excess), 1e-300) : share;
}

robust_reference make_robust_reference(std::span<const float> log_residuals, const robust_options& o) {
  std::vector<float> v;
  std::copy_if(log_residuals.begin(), log_residuals.end(), std::back_inserter(v),
               [](float x) { return !std::isnan(x); });
  robust_reference out;
  out.n = v.size();
  double variance = 0;
  if (!v.empty()) {
    out.median = median_of(v);
    for (float& x : v) {
      x = static_cast<float>(std::abs(x - out.median));
    }
    const double spread = 1.4826 * median_of(v); // of a normal distribution, σ/MAD
    variance = spread * spread;
  }
  const auto n = static_cast<double>(out.n);
  const double prior = o.category_scale * o.category_scale * o.category_weight;
  out.scale = std::max(o.scale_min, std::sqrt((n * variance + prior) / std::max(n + o.category_weight, 1e-9)));
  return out;
}

double robust_z(double log_residual, const robust_reference& r) {
  const double doubt = r.n == 0 ? 0 : std::numbers::pi / (2 * static_cast<double>(r.n));
  return (log_residual - r.median) / (r.scale * std::sqrt(1 + doubt));
}

result<anomaly_detector> anomaly_detector::fit(forest::rows reference, std::size_t features, const anomaly_options& o) {
  if (reference.count < rows_min) {
    return invalid_input("anomalies: at least " + std::to_string(rows_min) +
                         " earlier rows are needed to say what is usual");
  }
  if (o.z_feature && *o.z_feature >= features) {
    return invalid_input("anomalies: z_feature is not one of the " + std::to_string(features) + " features");
  }
  if (!(o.false_discovery_rate > 0 && o.false_discovery_rate < 1)) {
    return invalid_input("anomalies: false_discovery_rate must be between 0 and 1");
  }
  if (features == 0 || reference.stride < features) {
    return invalid_input("anomalies: at least one feature, and a stride of at least the features");
  }
  std::vector<std::size_t> order(reference.count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937_64 random(o.isolation.seed);
  for (std::size_t i = order.size(); i > 1; --i) { // not std::shuffle: its draws differ between libraries
    std::swap(order[i - 1], order[random() % i]);
  }
  const std::size_t training = std::min(reference.count / 2, training_rows_max);
  std::vector<float> values;
  values.reserve(training * features);
  for (std::size_t i = 0; i < training; ++i) {
    const float* row = reference.values + order[i] * reference.stride;
    values.insert(values.end(), row, row + features);
  }
  const forest::rows x{values.data(), training, features};
  auto trees = forest::isolation_forest::train(x, features, o.isolation);
  if (!trees) {
    return trees.error();
  }
  auto tails = tail_outliers::fit(x, features);
  if (!tails) {
    return tails.error();
  }
  anomaly_detector out(std::move(*trees), std::move(*tails), o);

  const std::size_t calibration = std::min(reference.count - training, calibration_rows_max);
  std::vector<detector_scores> scores(calibration);
  for (std::size_t i = 0; i < calibration; ++i) {
    scores[i] = out.detect(reference.values + order[training + i] * reference.stride);
    out.isolation_.sorted.push_back(scores[i].isolation);
    out.tail_.sorted.push_back(scores[i].tails);
    if (!std::isnan(scores[i].z)) {
      out.z_.sorted.push_back(scores[i].z);
    }
  }
  for (auto* s : {&out.isolation_, &out.tail_, &out.z_}) {
    s->finish();
  }
  for (const auto& s : scores) {
    out.combined_.push_back(static_cast<float>(combine(out.judge(s, 0), !std::isnan(s.z))));
  }
  std::sort(out.combined_.begin(), out.combined_.end());
  return out;
}

anomaly_detector::detector_scores anomaly_detector::detect(const float* row) const {
  detector_scores s;
  s.isolation = forest_.score(row);
  s.tails = static_cast<float>(tails_.score(row));
  s.z = options_.z_feature ? std::abs(row[*options_.z_feature]) : std::numeric_limits<float>::quiet_NaN();
  return s;
}

anomaly_evidence anomaly_detector::judge(const detector_scores& s, double own) const {
  anomaly_evidence e;
  e.isolation_p = isolation_.p(s.isolation, own);
  e.tails_p = tail_.p(s.tails, own);
  e.z_p = std::isnan(s.z) ? 1 : z_.p(s.z, own);
  return e;
}

double anomaly_detector::combine(const anomaly_evidence& e, bool with_z) {
  const double two = -std::log(e.isolation_p) - std::log(e.tails_p);
  return with_z ? (two - std::log(e.z_p)) / 3 : two / 2;
}

double anomaly_detector::score(const float* row) const {
  const auto s = detect(row);
  return combine(judge(s, 1), !std::isnan(s.z));
}

std::vector<anomaly_reason> anomaly_detector::reasons(std::span<const float> row) const {
  const std::size_t n = features();
  const auto e = judge(detect(row.data()), 1);
  std::vector<double> share(n, 0.0);
  std::vector<float> contribution(n);
  if (forest_.reasons(row, contribution)) {
    add_shares(share, contribution, -std::log(e.isolation_p));
  }
  tails_.evidence(row, contribution);
  add_shares(share, contribution, -std::log(e.tails_p));
  if (options_.z_feature) {
    share[*options_.z_feature] -= std::log(e.z_p);
  }
  const double total = std::accumulate(share.begin(), share.end(), 0.0);
  std::vector<anomaly_reason> out;
  for (std::size_t f = 0; f < n; ++f) {
    if (share[f] > 0) {
      out.push_back({f, share[f] / total, row[f], tails_.typical(f), tails_.tail(f, row[f])});
    }
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.share > b.share; });
  out.resize(std::min(out.size(), options_.reasons_max));
  return out;
}

result<anomaly_report> anomaly_detector::examine(forest::rows upload, std::span<const row_money> money) const {
  if (upload.count > 0 && upload.stride < features()) {
    return invalid_input("anomalies: rows need " + std::to_string(features()) + " features");
  }
  if (!money.empty() && money.size() != upload.count) {
    return invalid_input("anomalies: give the money of every row or of none");
  }
  anomaly_report out;
  out.rows.resize(upload.count);
  std::vector<double> p(upload.count);
  for (std::size_t i = 0; i < upload.count; ++i) {
    const auto s = detect(upload.values + i * upload.stride);
    out.rows[i] = judge(s, 1);
    p[i] = upper_share(combined_, static_cast<float>(combine(out.rows[i], !std::isnan(s.z))), 1);
    out.rows[i].p = p[i];
  }
  const auto q = false_discovery_rates(p);
  for (std::size_t i = 0; i < upload.count; ++i) {
    out.rows[i].q = q[i];
    if (q[i] > options_.false_discovery_rate) {
      continue;
    }
    anomaly a{i, out.rows[i], std::nullopt, reasons({upload.values + i * upload.stride, features()})};
    if (!money.empty() && money[i].expected > 0) {
      a.excess = (money[i].price - money[i].expected) * money[i].quantity;
    }
    out.anomalies.push_back(std::move(a));
  }
  std::stable_sort(out.anomalies.begin(), out.anomalies.end(), [](const anomaly& a, const anomaly& b) {
    return std::abs(a.excess.value_or(0)) > std::abs(b.excess.value_or(0));
  });
  return out;
}

} // namespace pricing::learn
