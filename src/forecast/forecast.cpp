#include "forecast/forecast.hpp"

#include "forecast/ets.hpp"
#include "forecast/seasonal.hpp"
#include "forecast/theta.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace pricing::forecast {
namespace {

using path = std::vector<double>;

// A series without its season; gives the season back to what was forecast.
struct adjusted {
  path values;
  path season; // empty is none
  bool multiplicative = false;

  adjusted(const path& y, path indices, bool multiplies)
      : values(y), season(std::move(indices)), multiplicative(multiplies) {
    for (std::size_t t = 0; t < values.size() && !season.empty(); ++t) {
      const double s = season[t % season.size()];
      values[t] = multiplicative ? values[t] / s : values[t] - s;
    }
  }
  path restore(path f) const {
    for (std::size_t h = 0; h < f.size() && !season.empty(); ++h) {
      const double s = season[(values.size() + h) % season.size()];
      f[h] = multiplicative ? f[h] * s : f[h] + s;
    }
    return f;
  }
};

path logs(const path& y) {
  path out(y);
  std::transform(out.begin(), out.end(), out.begin(), [](double v) { return std::log(v); });
  return out;
}

// How far errors grow with the horizon: standard deviation at each step over that of the first.
struct growth {
  double error = 0; // standard deviation of one-step errors, of logs where the series is positive
  double alpha = 0.1;
  double beta = 0;
  double phi = 1;

  path shape(int horizon) const {
    path out(horizon);
    double variance = 1, trend = 0, damp = 1;
    for (int h = 0; h < horizon; ++h) {
      out[h] = std::sqrt(variance);
      damp *= phi;
      trend += beta * damp;
      variance += (alpha + trend) * (alpha + trend);
    }
    return out;
  }
};

struct forecasts {
  std::vector<path> paths; // one per member
  growth errors;
};

const ets_form damped_form{component::additive, component::additive, true, component::none};

ets_form level_form(bool positive, int period) {
  const component kind = positive ? component::multiplicative : component::additive;
  return {kind, component::none, false, period > 1 ? kind : component::none};
}

// A path that ran away is worth less than the last value.
void keep_finite(path& f, const path& y) {
  for (const double v : f) {
    if (!std::isfinite(v)) {
      f.assign(f.size(), y.back());
      return;
    }
  }
}

forecasts run_members(const path& y, int period, bool positive, int horizon, const std::optional<ets_form>& selected) {
  forecasts out;
  const int n = static_cast<int>(y.size());
  const path shrunk = shrunk_seasonal_indices(y, period, positive);
  const adjusted plain(y, shrunk, positive);
  const theta_model dynamic = fit_dynamic_theta(plain.values);
  out.paths.push_back(plain.restore(predict(dynamic, horizon)));

  const path scaled = positive ? logs(y) : y;
  const adjusted line(scaled, is_seasonal(scaled, period) ? seasonal_indices(scaled, period, false) : path{}, false);
  const theta_model theta = fit_theta(line.values);
  path straight = line.restore(predict(theta, horizon));
  if (positive) {
    std::transform(straight.begin(), straight.end(), straight.begin(), [](double v) { return std::exp(v); });
  }
  out.paths.push_back(std::move(straight));

  std::optional<ets_model> level = fit_ets(y, period, level_form(positive, n >= 2 * period ? period : 1));
  if (!level) {
    level = fit_ets(y, 1, level_form(positive, 1));
  }
  out.paths.push_back(level ? predict(*level, horizon) : path(horizon, y.back()));

  const adjusted tested(y, is_seasonal(y, period) ? shrunk : path{}, positive);
  const std::optional<ets_model> damped = fit_ets(tested.values, 1, damped_form);
  out.paths.push_back(damped ? tested.restore(predict(*damped, horizon)) : path(horizon, y.back()));

  if (selected) {
    const auto model = fit_ets(y, period, *selected);
    out.paths.push_back(model ? predict(*model, horizon) : path(horizon, y.back()));
  }
  for (path& f : out.paths) {
    keep_finite(f, y);
  }
  out.errors.error = std::sqrt(theta.sse / std::max(1, n - 2));
  out.errors.alpha = std::max(0.1, theta.alpha);
  if (damped) {
    out.errors.alpha = std::max(0.1, 0.5 * (theta.alpha + damped->alpha));
    out.errors.beta = 0.5 * damped->beta;
    out.errors.phi = damped->phi;
  }
  return out;
}

std::vector<int> test_origins(int n, int period, int horizon, int wanted) {
  std::vector<int> out;
  const int ahead = std::min(horizon, n / 3);
  const int apart = std::max(1, ahead / 4);
  for (int k = 0; k < wanted; ++k) {
    const int origin = n - ahead + (k - 1) * apart;
    if (origin >= std::max(6, period > 1 ? 2 * period + 1 : 0) && origin < n) {
      out.push_back(origin);
    }
  }
  return out;
}

struct test_run {
  int origin = 0;
  forecasts at;
};

struct weighing {
  path weights;
  path mae; // of each member
};

double mean_error(const path& f, const path& y, const std::vector<bool>& observed, int origin) {
  double sum = 0;
  int count = 0;
  for (std::size_t h = 0; h < f.size(); ++h) {
    if (observed[origin + h]) {
      sum += std::abs(f[h] - y[origin + h]);
      ++count;
    }
  }
  return count == 0 ? 0 : sum / count;
}

weighing weigh(const std::vector<test_run>& runs, const prepared_series& s, std::size_t members) {
  weighing out{path(members, 1.0 / static_cast<double>(members)), path(members, std::nan(""))};
  if (runs.empty()) {
    return out;
  }
  double total = 0;
  for (std::size_t k = 0; k < members; ++k) {
    out.mae[k] = 0;
    for (const test_run& r : runs) {
      out.mae[k] += mean_error(r.at.paths[k], s.values, s.observed, r.origin) / static_cast<double>(runs.size());
    }
    out.weights[k] = 1 / (out.mae[k] + 1e-9); // values are of the order of one
    total += out.weights[k];
  }
  for (double& w : out.weights) {
    w /= total;
  }
  return out;
}

path blend(const forecasts& f, const path& weights) {
  path out(f.paths[0].size(), 0.0);
  for (std::size_t k = 0; k < weights.size(); ++k) {
    for (std::size_t h = 0; h < out.size(); ++h) {
      out[h] += weights[k] * f.paths[k][h];
    }
  }
  return out;
}

// Error on the scale on which intervals are symmetric.
double miss(double actual, double expected, bool positive) {
  return positive && expected > 0 ? std::log(actual / expected) : actual - expected;
}

// Half-width at the first step. The fit alone is too sure of itself; a few earlier origins alone are too few to
// say. So both: the conformal quantile of the back-test's errors over their expected growth, as far as there are some.
double half_width(std::vector<double> scores, double model_error, int values, double coverage, double normal_quantile) {
  constexpr double fit_optimism =
      1.15; // a fit's one-step errors are smaller than those to come; an assumption, not a fit
  constexpr double prior_scores = 24; // steps of one origin err together, so that many of them count as few
  const double model = fit_optimism * normal_quantile * model_error;
  if (scores.empty()) {
    return model * (1 + 6.0 / values); // nothing but a fit, and of few values mostly
  }
  std::sort(scores.begin(), scores.end());
  const double n = static_cast<double>(scores.size());
  const auto rank = static_cast<std::size_t>(std::min(n, std::ceil((n + 1) * coverage)));
  const double share = n / (n + prior_scores);
  return share * scores[rank - 1] + (1 - share) * model;
}

interval around(const path& mean, const path& shape, double half, bool positive) {
  interval out{mean, mean};
  for (std::size_t h = 0; h < mean.size(); ++h) {
    const double by = half * shape[h];
    out.lower[h] = positive && mean[h] > 0 ? mean[h] * std::exp(-by) : mean[h] - by;
    out.upper[h] = positive && mean[h] > 0 ? mean[h] * std::exp(std::min(by, 50.0)) : mean[h] + by;
  }
  return out;
}

// Drops the steps that fall on missing values at the end, and the scale.
void finish(path& f, int gap, double scale) {
  f.erase(f.begin(), f.begin() + gap);
  for (double& v : f) {
    v *= scale;
  }
}

} // namespace

std::vector<double> seasonal_naive(std::span<const double> values, int period, int horizon) {
  const int n = static_cast<int>(values.size());
  const int m = std::clamp(period, 1, n);
  path out(horizon);
  for (int h = 0; h < horizon; ++h) {
    out[h] = values[n - m + h % m];
  }
  return out;
}

result<forecast_result> forecast(const series& given, int horizon, const forecast_options& options) {
  if (horizon < 1 || horizon > horizon_max) {
    const std::string rule = "must be between 1 and " + std::to_string(horizon_max);
    return invalid_input("The horizon " + rule + ".", {{"horizon", rule}});
  }
  auto ready = prepare(given.values, given.period, options.prepare);
  if (!ready) {
    return ready.error();
  }
  const prepared_series& s = *ready;
  const int n = static_cast<int>(s.values.size());
  const int ahead = horizon + s.trailing_gap;
  forecast_result out;
  out.shifts = s.shifts;
  out.filled = static_cast<int>(std::count(s.observed.begin(), s.observed.end(), false));
  if (s.constant) {
    out.method = "constant";
    out.members = {{"constant", 1, 0}};
    out.mean.assign(horizon, s.values.back() * s.scale);
    out.at_80 = out.at_90 = {out.mean, out.mean};
    return out;
  }
  out.method = "combination";
  std::optional<ets_form> selected;
  if (options.select_ets) {
    if (const auto model = select_ets(s.values, s.period)) {
      selected = model->form;
    }
  }
  const forecasts now = run_members(s.values, s.period, s.positive, ahead, selected);
  std::vector<test_run> runs;
  for (const int origin : test_origins(n, s.period, ahead, std::clamp(options.origins, 0, 24))) {
    const path known(s.values.begin(), s.values.begin() + origin);
    runs.push_back({origin, run_members(known, s.period, s.positive, std::min(ahead, n - origin), selected)});
  }
  const weighing w = weigh(runs, s, now.paths.size());
  path mean = blend(now, w.weights);

  std::vector<double> scores;
  double smape = 0, mae = 0, naive = 0;
  for (const test_run& r : runs) {
    const path f = blend(r.at, w.weights);
    const path shape = r.at.errors.shape(static_cast<int>(f.size()));
    const path same = seasonal_naive(std::span(s.values).first(r.origin), s.period, static_cast<int>(f.size()));
    for (std::size_t h = 0; h < f.size(); ++h) {
      const double actual = s.values[r.origin + h];
      if (s.observed[r.origin + h]) {
        scores.push_back(std::abs(miss(actual, f[h], s.positive)) / shape[h]);
        const double size = std::abs(f[h]) + std::abs(actual);
        smape += size > 0 ? 200 * std::abs(f[h] - actual) / size : 0;
        mae += std::abs(f[h] - actual);
        naive += std::abs(same[h] - actual);
      }
    }
  }
  const double tested = std::max<double>(1, static_cast<double>(scores.size()));
  out.errors = {static_cast<int>(runs.size()), mae / tested * s.scale, smape / tested, naive / tested * s.scale};
  const path shape = now.errors.shape(ahead);
  out.at_80 = around(mean, shape, half_width(scores, now.errors.error, n, 0.8, 1.2815515655446004), s.positive);
  out.at_90 = around(mean, shape, half_width(scores, now.errors.error, n, 0.9, 1.6448536269514722), s.positive);
  for (path* f : {&mean, &out.at_80.lower, &out.at_80.upper, &out.at_90.lower, &out.at_90.upper}) {
    finish(*f, s.trailing_gap, s.scale);
  }
  out.mean = std::move(mean);

  std::vector<std::string> names{"dynamic theta", s.positive ? "theta of logs" : "theta",
                                 to_string(level_form(s.positive, s.period)), "damped trend"};
  if (selected) {
    names.push_back(to_string(*selected));
  }
  for (std::size_t k = 0; k < names.size(); ++k) {
    out.members.push_back({names[k], w.weights[k], w.mae[k] * s.scale});
  }
  return out;
}

} // namespace pricing::forecast
