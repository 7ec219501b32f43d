#include "forecast/theta.hpp"

#include "forecast/search.hpp"

#include <cmath>

namespace pricing::forecast {
namespace {

constexpr double alpha_min = 1e-4;
constexpr double dynamic_alpha_min = 0.05; // below it the two terms of the trend cancel and the fit says nothing
constexpr double trend_weight_max = 1.0;

lanes lerp(double low, double high, const lanes& u) {
  return lanes::all(low) + lanes::all(high - low) * u;
}

// Least squares of a fixed alpha: errors are e − level·d − weight·g.
struct sums {
  lanes ee, ed, eg, dd, dg, gg;
};

// One step of the line through the values so far: Fiorucci et al., equations of Ȳ, A and B.
struct line {
  double mean = 0, intercept = 0, slope = 0;
  void add(double value, int t) { // t is 1 for the first
    const double before = mean;
    mean += (value - mean) / t;
    slope = t == 1 ? 0 : ((t - 2) * slope + 6.0 / t * (value - before)) / (t + 1);
    intercept = mean - 0.5 * (t + 1) * slope;
  }
};

struct solution {
  double first_level, weight, sse;
};

solution solve(double ee, double ed, double eg, double dd, double dg, double gg) {
  const auto at = [&](double weight) {
    const double level = (ed - weight * dg) / dd;
    const double sse =
        ee - 2 * level * ed - 2 * weight * eg + level * level * dd + 2 * level * weight * dg + weight * weight * gg;
    return solution{level, weight, sse};
  };
  const double determinant = dd * gg - dg * dg;
  const double weight = determinant > 1e-12 * dd * gg ? (dd * eg - ed * dg) / determinant : 0;
  return at(std::clamp(weight, 0.0, trend_weight_max));
}

} // namespace

smoothing fit_smoothing(std::span<const double> values) {
  const int n = static_cast<int>(values.size());
  const double* y = values.data();
  const auto run = [&](const lanes& alpha, lanes& ee, lanes& ed, lanes& dd) {
    const lanes keep = lanes::all(1) - alpha;
    lanes level = lanes::all(0), decay = lanes::all(1);
    ee = ed = dd = level;
    for (int t = 0; t < n; ++t) {
      const lanes e = lanes::all(y[t]) - level;
      ee += e * e;
      ed += e * decay;
      dd += decay * decay;
      level += alpha * e;
      decay *= keep;
    }
  };
  const auto alpha_of = [](const unit_lanes& u) { return lerp(alpha_min, 1 - alpha_min, u[0]); };
  const auto objective = [&](const unit_lanes& u) {
    lanes ee, ed, dd;
    run(alpha_of(u), ee, ed, dd);
    return (ee - ed * ed / dd).values();
  };
  minimum best;
  std::array<unit_point, lane_count> starts{};
  for (int i = 0; i < lane_count; ++i) {
    starts[i][0] = i / (lane_count - 1.0);
  }
  try_points(objective, starts, best);
  descend(objective, 1, {0.15, 0.0005, 12}, best);
  smoothing out;
  out.alpha = alpha_min + (1 - 2 * alpha_min) * best.at[0];
  lanes ee, ed, dd;
  run(lanes::all(out.alpha), ee, ed, dd);
  out.first_level = ed.a[0] / dd.a[0];
  out.level = out.first_level;
  for (const double v : values) {
    const double e = v - out.level;
    out.sse += e * e;
    out.level += out.alpha * e;
  }
  return out;
}

theta_model fit_theta(std::span<const double> values) {
  const smoothing s = fit_smoothing(values);
  line l;
  int t = 0;
  for (const double v : values) {
    l.add(v, ++t);
  }
  return {.alpha = s.alpha,
          .level = s.level,
          .first_level = s.first_level,
          .trend_weight = 0.5,
          .intercept = l.intercept,
          .slope = l.slope,
          .mean = l.mean,
          .n = t,
          .dynamic = false,
          .sse = s.sse};
}

theta_model fit_dynamic_theta(std::span<const double> values) {
  const int n = static_cast<int>(values.size());
  std::vector<line> lines(n + 1);
  for (int t = 1; t <= n; ++t) {
    lines[t] = lines[t - 1];
    lines[t].add(values[t - 1], t);
  }
  const double* y = values.data();
  const line* at = lines.data();
  const auto run = [&](const lanes& alpha) {
    const lanes keep = lanes::all(1) - alpha, per_alpha = lanes::all(1) / alpha;
    lanes level = lanes::all(0), decay = lanes::all(1);
    sums s;
    s.ee = s.ed = s.eg = s.dd = s.dg = s.gg = level;
    for (int t = 0; t < n; ++t) {
      const lanes e = lanes::all(y[t]) - level;
      if (t >= 2) {
        const lanes g =
            decay * lanes::all(at[t].intercept) + (lanes::all(1) - decay * keep) * per_alpha * lanes::all(at[t].slope);
        s.ee += e * e;
        s.ed += e * decay;
        s.eg += e * g;
        s.dd += decay * decay;
        s.dg += decay * g;
        s.gg += g * g;
      }
      level += alpha * e;
      decay *= keep;
    }
    return s;
  };
  const auto solved = [](const sums& s) {
    std::array<solution, lane_count> out;
    const auto ee = s.ee.values(), ed = s.ed.values(), eg = s.eg.values(), dd = s.dd.values(), dg = s.dg.values(),
               gg = s.gg.values();
    for (int i = 0; i < lane_count; ++i) {
      out[i] = solve(ee[i], ed[i], eg[i], dd[i], dg[i], gg[i]);
    }
    return out;
  };
  const auto objective = [&](const unit_lanes& u) {
    const auto each = solved(run(lerp(dynamic_alpha_min, 0.99, u[0])));
    std::array<double, lane_count> out;
    for (int i = 0; i < lane_count; ++i) {
      out[i] = each[i].sse;
    }
    return out;
  };
  minimum best;
  std::array<unit_point, lane_count> starts{};
  for (int i = 0; i < lane_count; ++i) {
    starts[i][0] = i / (lane_count - 1.0);
  }
  try_points(objective, starts, best);
  descend(objective, 1, {0.15, 0.002, 10}, best);
  theta_model out;
  out.dynamic = true;
  out.alpha = dynamic_alpha_min + (0.99 - dynamic_alpha_min) * best.at[0];
  const solution s = solved(run(lanes::all(out.alpha)))[0];
  out.first_level = out.level = s.first_level;
  out.trend_weight = s.weight;
  out.sse = std::max(0.0, s.sse);
  for (const double v : values) {
    out.level += out.alpha * (v - out.level);
  }
  out.intercept = lines[n].intercept;
  out.slope = lines[n].slope;
  out.mean = lines[n].mean;
  out.n = n;
  return out;
}

std::vector<double> predict(const theta_model& model, int horizon) {
  std::vector<double> out(horizon);
  theta_model m = model;
  double decay = std::pow(1 - m.alpha, m.n);
  line l{m.mean, m.intercept, m.slope};
  for (int h = 0; h < horizon; ++h) {
    if (!m.dynamic) {
      out[h] = m.level + m.trend_weight * m.slope * (h + (1 - decay) / m.alpha);
      continue;
    }
    out[h] = m.level + m.trend_weight * (decay * l.intercept + (1 - decay * (1 - m.alpha)) / m.alpha * l.slope);
    m.level += m.alpha * (out[h] - m.level);
    decay *= 1 - m.alpha;
    l.add(out[h], m.n + h + 1);
  }
  return out;
}

} // namespace pricing::forecast
