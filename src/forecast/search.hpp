#pragma once
// Bounded minimisation over the unit box of one to four dimensions, eight points a pass. Deterministic; the number of
// passes is limited, so a hostile objective costs a known time.
#include "forecast/lanes.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

namespace pricing::forecast {

inline constexpr int dimensions_max = 4;
using unit_point = std::array<double, dimensions_max>; // each in [0, 1]; those past the dimension are 0
using unit_lanes = std::array<lanes, dimensions_max>;

struct search_limits {
  double first_step = 0.2;
  double last_step = 0.01;
  int passes_max = 40;
};

struct minimum {
  unit_point at{};
  double value = std::numeric_limits<double>::infinity();
};

// objective(const unit_lanes&) -> std::array<double, 8>; not a number counts as infinitely bad.
template <class Objective>
void try_points(const Objective& objective, const std::array<unit_point, lane_count>& points, minimum& best) {
  unit_lanes x;
  for (int k = 0; k < dimensions_max; ++k) {
    std::array<double, lane_count> column{};
    for (int i = 0; i < lane_count; ++i) {
      column[i] = points[i][k];
    }
    x[k] = lanes::from(column);
  }
  const std::array<double, lane_count> values = objective(x);
  for (int i = 0; i < lane_count; ++i) {
    if (values[i] < best.value) {
      best = {points[i], values[i]};
    }
  }
}

// Compass search: all axis neighbours at once, and what lanes are left for diagonals or the direction that last helped.
template <class Objective>
void descend(const Objective& objective, int dimensions, const search_limits& limits, minimum& best) {
  double step = limits.first_step;
  unit_point last{};
  for (int pass = 0; pass < limits.passes_max && step >= limits.last_step; ++pass) {
    std::array<unit_point, lane_count> points;
    points.fill(best.at);
    const auto move = [&](int lane, int axis, double by) {
      points[lane][axis] = std::clamp(points[lane][axis] + by, 0.0, 1.0);
    };
    if (dimensions == 1) {
      for (int i = 0; i < lane_count / 2; ++i) { // the whole interval at a quarter of a step
        move(2 * i, 0, step * (i + 1) / 4);
        move(2 * i + 1, 0, -step * (i + 1) / 4);
      }
    } else {
      for (int k = 0; k < dimensions; ++k) {
        move(2 * k, k, step);
        move(2 * k + 1, k, -step);
      }
      if (dimensions == 2) {
        for (int i = 4; i < lane_count; ++i) {
          move(i, 0, i & 1 ? step : -step);
          move(i, 1, i & 2 ? step : -step);
        }
      } else if (dimensions == 3) {
        for (int k = 0; k < dimensions; ++k) {
          move(6, k, last[k]);
          move(7, k, 2 * last[k]);
        }
      }
    }
    const minimum before = best;
    try_points(objective, points, best);
    if (best.value < before.value) {
      for (int k = 0; k < dimensions; ++k) {
        last[k] = best.at[k] - before.at[k];
      }
      if (dimensions == 1) {
        step /= 4;
      }
    } else {
      step *= dimensions == 1 ? 0.25 : 0.4;
    }
  }
}

} // namespace pricing::forecast
