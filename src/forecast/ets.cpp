#include "forecast/ets.hpp"

#include "forecast/search.hpp"
#include "forecast/seasonal.hpp"

#include <cmath>
#include <numeric>

namespace pricing::forecast {
namespace {

constexpr double alpha_min = 1e-4, alpha_max = 0.9999;
constexpr double phi_min = 0.8, phi_max = 0.98;
constexpr double infinite = std::numeric_limits<double>::infinity();

template <class Real>
struct parameters {
  Real alpha, beta_share, gamma, phi; // beta = beta_share·alpha
};

struct states {
  double level = 0, trend = 0;
  std::vector<double> season; // by position t mod period
};

template <class Real>
Real constant(double x) {
  if constexpr (std::is_same_v<Real, lanes>) {
    return lanes::all(x);
  } else {
    return x;
  }
}

double power(double x, double p) {
  return std::pow(x, p);
}
lanes power(const lanes& x, const lanes& p) {
  auto v = x.values();
  const auto e = p.values();
  for (int i = 0; i < lane_count; ++i) {
    v[i] = std::pow(v[i], e[i]);
  }
  return lanes::from(v);
}

// The recursion of one form over lanes or one number. Both kinds of error share it: only the likelihood differs.
template <component Trend, bool Damped, component Season, class Real>
struct filter {
  parameters<Real> p;
  Real level, trend;
  Real* season; // one per position

  Real base() const { // level and trend one step on
    if constexpr (Trend == component::none) {
      return level;
    } else if constexpr (Trend == component::additive) {
      return level + damped_trend();
    } else {
      return level * damped_trend();
    }
  }
  Real damped_trend() const {
    if constexpr (!Damped) {
      return trend;
    } else if constexpr (Trend == component::multiplicative) {
      return power(trend, p.phi);
    } else {
      return p.phi * trend;
    }
  }
  Real expected(const Real& q, int position) const {
    if constexpr (Season == component::none) {
      return q;
    } else if constexpr (Season == component::additive) {
      return q + season[position];
    } else {
      return q * season[position];
    }
  }
  void update(double value, const Real& q, int position) {
    const Real y = constant<Real>(value);
    Real adjusted = y;
    if constexpr (Season == component::additive) {
      adjusted = y - season[position];
      season[position] += p.gamma * (y - q - season[position]);
    } else if constexpr (Season == component::multiplicative) {
      adjusted = y / season[position];
      season[position] += p.gamma * (y / q - season[position]);
    }
    const Real step = p.alpha * (adjusted - q);
    if constexpr (Trend == component::additive) {
      trend = damped_trend() + p.beta_share * step;
    } else if constexpr (Trend == component::multiplicative) {
      const Real before = damped_trend();
      trend = before + p.beta_share * ((q + step) / level - before);
    }
    level = q + step;
  }
};

parameters<double> at(const parameters<lanes>& p, int i) {
  return {p.alpha.values()[i], p.beta_share.values()[i], p.gamma.values()[i], p.phi.values()[i]};
}

struct problem {
  const double* values;
  int n;
  int period;
  ets_form form;
  double sse_floor; // a perfect fit would be infinitely likely: errors below a millionth of the values are all the same

  int dimensions() const {
    return 1 + (form.trend != component::none) + (form.season != component::none) + form.damped;
  }
  // What the likelihood was maximised over, first states and the variance included, as forecast::ets counts.
  int parameter_count() const {
    return dimensions() + 1 + (form.trend != component::none) + (form.season != component::none ? period - 1 : 0) + 1;
  }
  parameters<lanes> decode(const unit_lanes& u) const {
    parameters<lanes> p{lanes::all(alpha_min) + lanes::all(alpha_max - alpha_min) * u[0], lanes::all(0), lanes::all(0),
                        lanes::all(1)};
    int k = 1;
    if (form.trend != component::none) {
      p.beta_share = u[k] * u[k]; // most trends move little: more of the box for them
      ++k;
    }
    if (form.season != component::none) {
      p.gamma = (lanes::all(1) - p.alpha) * (u[k] * u[k]);
      ++k;
    }
    if (form.damped) {
      p.phi = lanes::all(phi_min) + lanes::all(phi_max - phi_min) * u[k];
    }
    return p;
  }
};

// −2·log likelihood of eight parameter sets from the same first states.
template <component Trend, bool Damped, component Season>
std::array<double, lane_count> deviance(const problem& m, const parameters<lanes>& p, const states& first,
                                        std::vector<lanes>& season) {
  for (int k = 0; k < static_cast<int>(first.season.size()); ++k) {
    season[k] = lanes::all(first.season[k]);
  }
  filter<Trend, Damped, Season, lanes> f{p, lanes::all(first.level), lanes::all(first.trend), season.data()};
  lanes sse = lanes::all(0);
  std::array<double, lane_count> log_scale{};
  const bool relative = m.form.error == component::multiplicative;
  int position = 0;
  if (!relative) {
    for (int t = 0; t < m.n; ++t) {
      const lanes q = f.base();
      const lanes e = lanes::all(m.values[t]) - f.expected(q, position);
      sse += e * e;
      f.update(m.values[t], q, position);
      position = position + 1 == m.period ? 0 : position + 1;
    }
  } else {
    lanes product = lanes::all(1);
    for (int t = 0; t < m.n; ++t) {
      const lanes q = f.base();
      const lanes expected = f.expected(q, position);
      const lanes e = (lanes::all(m.values[t]) - expected) / expected;
      sse += e * e;
      product *= expected;
      if (t % 8 == 7 || t + 1 == m.n) { // a logarithm for eight steps: values are of the order of one
        const auto each = product.values();
        for (int i = 0; i < lane_count; ++i) {
          log_scale[i] += std::log(each[i]);
        }
        product = lanes::all(1);
      }
      f.update(m.values[t], q, position);
      position = position + 1 == m.period ? 0 : position + 1;
    }
  }
  auto out = sse.values();
  for (int i = 0; i < lane_count; ++i) {
    out[i] = m.n * std::log(std::max(out[i], m.sse_floor)) + 2 * log_scale[i];
    out[i] = std::isfinite(out[i]) ? out[i] : infinite;
  }
  return out;
}

// Runs one parameter set to the end. Backwards it gives the states before the first value.
template <component Trend, bool Damped, component Season>
double advance(const problem& m, const parameters<double>& p, states& s, bool backwards) {
  filter<Trend, Damped, Season, double> f{p, s.level, s.trend, s.season.data()};
  double sse = 0;
  const int positions = Season == component::none ? 1 : m.period;
  for (int k = 0; k < m.n; ++k) {
    const int t = backwards ? m.n - 1 - k : k;
    const double q = f.base();
    const double expected = f.expected(q, t % positions);
    const double e = m.form.error == component::multiplicative ? m.values[t] / expected - 1 : m.values[t] - expected;
    sse += e * e;
    f.update(m.values[t], q, t % positions);
  }
  s.level = f.level;
  s.trend = f.trend;
  return sse;
}

// Level and trend by least squares over the first values without their season.
std::optional<states> first_states(const problem& m) {
  states s;
  std::vector<double> y(m.values, m.values + m.n);
  if (m.form.season != component::none) {
    const bool multiplicative = m.form.season == component::multiplicative;
    s.season = seasonal_indices(y, m.period, multiplicative);
    if (s.season.empty()) {
      return std::nullopt;
    }
    for (int t = 0; t < m.n; ++t) {
      y[t] = multiplicative ? y[t] / s.season[t % m.period] : y[t] - s.season[t % m.period];
    }
  }
  const int k = std::min(m.n, std::max(10, 2 * m.period));
  double mean = 0, slope = 0;
  for (int t = 0; t < k; ++t) {
    mean += y[t] / k;
  }
  for (int t = 0; t < k; ++t) {
    slope += (t - 0.5 * (k - 1)) * (y[t] - mean);
  }
  slope *= 12.0 / (static_cast<double>(k) * (static_cast<double>(k) * k - 1));
  if (m.form.trend == component::none) {
    s.level = mean;
    return s;
  }
  s.level = mean - 0.5 * (k + 1) * slope; // of the time before the first value
  s.trend = slope;
  if (m.form.trend == component::multiplicative) {
    if (!(s.level > 0.1 * mean)) { // a line that starts below zero has no growth rate
      s.level = y[0];
    }
    s.trend = std::clamp(1 + slope / s.level, 0.5, 2.0);
  }
  return s;
}

template <component Trend, bool Damped, component Season>
std::optional<ets_model> fit(const problem& m) {
  std::optional<states> first = first_states(m);
  if (!first) {
    return std::nullopt;
  }
  std::vector<lanes> season(first->season.size());
  const auto objective = [&](const unit_lanes& u) {
    return deviance<Trend, Damped, Season>(m, m.decode(u), *first, season);
  };
  // Two passes over a coarse design, then downhill.
  minimum best;
  const int d = m.dimensions();
  constexpr double levels[] = {0.05, 0.2, 0.5, 0.85};
  for (int half = 0; half < (d == 1 ? 1 : 2); ++half) {
    std::array<unit_point, lane_count> starts{};
    for (int i = 0; i < lane_count; ++i) {
      starts[i][0] = d == 1 ? i / (lane_count - 1.0) : levels[i % 4];
      for (int k = 1; k < d; ++k) {
        const bool high = ((i / 4 + half * k + i * (k - 1)) & 1) != 0;
        starts[i][k] = m.form.damped && k == d - 1 ? (high ? 0.95 : 0.5) : (high ? 0.4 : 0.1);
      }
    }
    try_points(objective, starts, best);
  }
  descend(objective, d, {0.15, 0.01, 30}, best);
  if (!std::isfinite(best.value)) {
    return std::nullopt;
  }
  parameters<double> p =
      at(m.decode({lanes::all(best.at[0]), lanes::all(best.at[1]), lanes::all(best.at[2]), lanes::all(best.at[3])}), 0);
  // The same parameters run forwards and back find first states that fit better than the decomposition's.
  for (int round = 0; round < 2; ++round) {
    const states before = *first;
    states s = before;
    const auto turn = [&] {
      if constexpr (Trend == component::additive) {
        s.trend = -s.trend;
      } else if constexpr (Trend == component::multiplicative) {
        s.trend = 1 / s.trend;
      }
    };
    advance<Trend, Damped, Season>(m, p, s, false);
    turn();
    advance<Trend, Damped, Season>(m, p, s, true);
    turn();
    *first = s;
    minimum again;
    std::array<unit_point, lane_count> same;
    same.fill(best.at);
    try_points(objective, same, again);
    descend(objective, d, {0.06, 0.01, 12}, again);
    if (!(again.value < best.value)) {
      *first = before;
      break;
    }
    best = again;
    p = at(m.decode({lanes::all(best.at[0]), lanes::all(best.at[1]), lanes::all(best.at[2]), lanes::all(best.at[3])}),
           0);
  }
  ets_model out;
  out.form = m.form;
  out.period = Season == component::none ? 1 : m.period;
  out.alpha = p.alpha;
  out.beta = p.alpha * p.beta_share;
  out.gamma = p.gamma;
  out.phi = p.phi;
  out.first_level = first->level;
  out.first_trend = first->trend;
  out.first_season = first->season;
  states s = *first;
  out.sse = advance<Trend, Damped, Season>(m, p, s, false);
  out.level = s.level;
  out.trend = s.trend;
  out.season = s.season;
  if (!out.season.empty()) {
    std::rotate(out.season.begin(), out.season.begin() + m.n % m.period, out.season.end());
  }
  out.log_likelihood = -0.5 * best.value;
  const int k = m.parameter_count();
  out.aicc = m.n - k - 1 > 0 ? best.value + 2 * k + 2.0 * k * (k + 1) / (m.n - k - 1) : infinite;
  return out;
}

template <component Trend, bool Damped>
std::optional<ets_model> with_season(const problem& m) {
  switch (m.form.season) {
  case component::additive:
    return fit<Trend, Damped, component::additive>(m);
  case component::multiplicative:
    return fit<Trend, Damped, component::multiplicative>(m);
  default:
    return fit<Trend, Damped, component::none>(m);
  }
}

char letter(component c) {
  return c == component::none ? 'N' : c == component::additive ? 'A' : 'M';
}

} // namespace

std::string to_string(const ets_form& form) {
  std::string out = "ETS(";
  out += letter(form.error);
  out += ',';
  out += letter(form.trend);
  out += form.damped ? "d," : ",";
  out += letter(form.season);
  return out + ')';
}

std::vector<ets_form> admissible_forms(std::span<const double> values, int period, const ets_options& options) {
  using enum component;
  const int n = static_cast<int>(values.size());
  const bool positive = std::all_of(values.begin(), values.end(), [](double v) { return v > 0; });
  const bool seasonal = period > 1 && n >= 2 * period;
  std::vector<ets_form> out;
  for (const component error : {additive, multiplicative}) {
    for (const component trend : {none, additive, multiplicative}) {
      for (const component season : {none, additive, multiplicative}) {
        const bool unbounded = error == additive && (trend == multiplicative || season == multiplicative);
        const bool mixed = trend == multiplicative && season == additive;
        if (unbounded || mixed || (error == multiplicative && !positive) || (season != none && !seasonal) ||
            (trend == multiplicative && !options.multiplicative_trend)) {
          continue;
        }
        out.push_back({error, trend, false, season});
        if (trend != none) {
          out.push_back({error, trend, true, season});
        }
      }
    }
  }
  return out;
}

std::optional<ets_model> fit_ets(std::span<const double> values, int period, const ets_form& form) {
  double sse_floor = static_cast<double>(values.size());
  if (form.error == component::additive) {
    sse_floor = std::inner_product(values.begin(), values.end(), values.begin(), 0.0);
  }
  sse_floor = std::max(1e-12 * sse_floor, std::numeric_limits<double>::min());
  const problem m{values.data(), static_cast<int>(values.size()), std::max(period, 1), form, sse_floor};
  if (m.n < 3 || (form.season != component::none && (period < 2 || m.n < 2 * period))) {
    return std::nullopt;
  }
  switch (form.trend) {
  case component::additive:
    return form.damped ? with_season<component::additive, true>(m) : with_season<component::additive, false>(m);
  case component::multiplicative:
    return form.damped ? with_season<component::multiplicative, true>(m)
                       : with_season<component::multiplicative, false>(m);
  default:
    return with_season<component::none, false>(m);
  }
}

std::optional<ets_model> select_ets(std::span<const double> values, int period, const ets_options& options) {
  std::optional<ets_model> best;
  for (const ets_form& form : admissible_forms(values, period, options)) {
    auto model = fit_ets(values, period, form);
    if (model && (!best || model->aicc < best->aicc)) {
      best = std::move(model);
    }
  }
  return best;
}

std::vector<double> predict(const ets_model& model, int horizon) {
  std::vector<double> out(horizon);
  double base = model.level;
  double trend = model.trend;
  for (int h = 0; h < horizon; ++h) {
    if (model.form.trend == component::additive) {
      trend *= model.phi;
      base += trend;
    } else if (model.form.trend == component::multiplicative) {
      trend = std::pow(trend, model.phi);
      base *= trend;
    }
    out[h] = base;
    if (!model.season.empty()) {
      const double s = model.season[h % model.season.size()];
      out[h] = model.form.season == component::additive ? base + s : base * s;
    }
  }
  return out;
}

} // namespace pricing::forecast
