#include "forecast/ets.hpp"
#include "forecast/seasonal.hpp"
#include "forecast/theta.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace pricing::forecast {
namespace {

using enum component;

std::vector<double> seasonal_walk(int n, std::uint64_t seed, double noise = 0.02) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, noise);
  std::vector<double> y(n);
  double level = 1;
  for (int t = 0; t < n; ++t) {
    level += 0.003 + 0.4 * normal(random);
    y[t] = level * (1 + 0.2 * std::sin(2 * M_PI * t / 12)) + normal(random);
  }
  return y;
}

double smoothing_sse(const std::vector<double>& y, double alpha, double level) {
  double sse = 0;
  for (const double v : y) {
    sse += (v - level) * (v - level);
    level += alpha * (v - level);
  }
  return sse;
}

TEST(smoothing, no_parameters_on_a_fine_grid_fit_better) {
  const auto y = seasonal_walk(50, 4);
  const smoothing s = fit_smoothing(y);
  EXPECT_NEAR(s.sse, smoothing_sse(y, s.alpha, s.first_level), 1e-12);
  for (double alpha = 0.0001; alpha < 1; alpha += 0.01) {
    for (double level = s.first_level - 0.5; level < s.first_level + 0.5; level += 0.02) {
      EXPECT_GE(smoothing_sse(y, alpha, level), s.sse * (1 - 1e-6));
    }
  }
}

TEST(smoothing, ends_at_the_level_computed_by_hand) {
  // The likelihood of ETS(A,N,N) is that of simple smoothing: both must land on the same recursion.
  const std::vector<double> y{3, 5, 4, 6, 5, 7, 6, 8};
  const auto model = fit_ets(y, 1, {additive, none, false, none});
  ASSERT_TRUE(model);
  double level = model->first_level;
  for (const double v : y) {
    level = model->alpha * v + (1 - model->alpha) * level;
  }
  EXPECT_NEAR(model->level, level, 1e-12);
  EXPECT_NEAR(model->sse, smoothing_sse(y, model->alpha, model->first_level), 1e-12);
  for (const double f : predict(*model, 3)) {
    EXPECT_EQ(f, model->level);
  }
}

TEST(theta, is_smoothing_with_half_the_slope_as_drift) {
  const auto y = seasonal_walk(40, 7);
  const smoothing s = fit_smoothing(y);
  double slope = 0, mean = std::accumulate(y.begin(), y.end(), 0.0) / 40, squares = 0;
  for (int t = 0; t < 40; ++t) {
    slope += (t - 19.5) * (y[t] - mean);
    squares += (t - 19.5) * (t - 19.5);
  }
  slope /= squares;
  const auto f = predict(fit_theta(y), 5);
  for (int h = 1; h <= 5; ++h) {
    const double drift = 0.5 * slope * (h - 1 + (1 - std::pow(1 - s.alpha, 40)) / s.alpha);
    EXPECT_NEAR(f[h - 1], s.level + drift, 1e-10);
  }
}

TEST(dynamic_theta, follows_a_straight_line_and_is_at_least_as_good_as_no_trend) {
  std::vector<double> y(30);
  for (int t = 0; t < 30; ++t) {
    y[t] = 2 + 0.1 * t;
  }
  const auto f = predict(fit_dynamic_theta(y), 6);
  for (int h = 0; h < 6; ++h) {
    EXPECT_NEAR(f[h], 2 + 0.1 * (30 + h), 0.02);
  }
  const auto walk = seasonal_walk(60, 9);
  const theta_model model = fit_dynamic_theta(walk);
  EXPECT_GE(model.trend_weight, 0);
  EXPECT_LE(model.trend_weight, 1);
}

TEST(seasonal_indices, recover_a_pure_season_and_keep_their_mean) {
  std::vector<double> add(60), times(60);
  for (int t = 0; t < 60; ++t) {
    add[t] = 10 + 0.1 * t + std::cos(2 * M_PI * t / 12);
    times[t] = 10 * (1 + 0.3 * std::cos(2 * M_PI * t / 12));
  }
  const auto a = seasonal_indices(add, 12, false), m = seasonal_indices(times, 12, true);
  for (int k = 0; k < 12; ++k) {
    EXPECT_NEAR(a[k], std::cos(2 * M_PI * k / 12), 1e-9);
    EXPECT_NEAR(m[k], 1 + 0.3 * std::cos(2 * M_PI * k / 12), 1e-9);
  }
  const auto noisy = seasonal_walk(70, 3);
  const auto i = seasonal_indices(noisy, 12, true);
  EXPECT_NEAR(std::accumulate(i.begin(), i.end(), 0.0), 12, 1e-9);
  EXPECT_TRUE(is_seasonal(times, 12));
  EXPECT_FALSE(is_seasonal(std::vector<double>(40, 1.0), 12));
  EXPECT_TRUE(seasonal_indices(std::vector<double>(23, 1.0), 12, false).empty());
}

TEST(seasonal_indices, shrink_to_nothing_where_there_is_only_noise) {
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal(10, 1);
  double raw = 0, shrunk = 0;
  for (int round = 0; round < 20; ++round) {
    std::vector<double> y(48);
    std::generate(y.begin(), y.end(), [&] { return normal(random); });
    for (const double s : seasonal_indices(y, 12, false)) {
      raw += s * s;
    }
    for (const double s : shrunk_seasonal_indices(y, 12, false)) {
      shrunk += s * s;
    }
  }
  EXPECT_LT(shrunk, 0.25 * raw);
}

TEST(ets, has_nineteen_admissible_forms_and_fits_each) {
  const auto y = seasonal_walk(72, 1);
  const auto forms = admissible_forms(y, 12, {.multiplicative_trend = true});
  EXPECT_EQ(forms.size(), 19U);
  EXPECT_EQ(admissible_forms(y, 12).size(), 15U);
  for (const ets_form& form : forms) {
    const auto model = fit_ets(y, 12, form);
    ASSERT_TRUE(model) << to_string(form);
    EXPECT_LE(model->beta, model->alpha);
    EXPECT_LE(model->gamma, 1 - model->alpha);
    for (const double f : predict(*model, 24)) {
      EXPECT_TRUE(std::isfinite(f)) << to_string(form);
      EXPECT_GT(f, 0) << to_string(form);
    }
  }
}

TEST(ets, offers_only_additive_forms_for_values_that_are_not_positive) {
  auto y = seasonal_walk(72, 1);
  y[10] = 0;
  for (const ets_form& form : admissible_forms(y, 12, {.multiplicative_trend = true})) {
    EXPECT_EQ(form.error, additive);
    EXPECT_NE(form.season, multiplicative);
    EXPECT_NE(form.trend, multiplicative);
  }
}

TEST(ets, selects_the_kind_of_series_it_was_given) {
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal(0, 1);
  int flat_chosen = 0;
  for (int round = 0; round < 20; ++round) {
    std::vector<double> flat(80);
    std::generate(flat.begin(), flat.end(), [&] { return 100 + normal(random); });
    const ets_form form = select_ets(flat, 12)->form;
    flat_chosen += form.trend == none && form.season == none;
  }
  EXPECT_GE(flat_chosen, 14); // by its nature AICc takes a trend that is not there now and then
  std::vector<double> season(120), trend(120);
  for (int t = 0; t < 120; ++t) {
    season[t] = 100 + 20 * std::sin(2 * M_PI * t / 12) + normal(random);
    trend[t] = 100 + 3 * t + normal(random);
  }
  EXPECT_NE(select_ets(season, 12)->form.season, none);
  EXPECT_NE(select_ets(trend, 12)->form.trend, none);
  const auto f = predict(*select_ets(season, 12), 12);
  for (int h = 0; h < 12; ++h) {
    EXPECT_NEAR(f[h], 100 + 20 * std::sin(2 * M_PI * h / 12), 2);
  }
}

TEST(ets, reports_a_likelihood_that_its_own_states_reproduce) {
  const auto y = seasonal_walk(72, 2);
  const auto model = fit_ets(y, 12, {multiplicative, additive, true, multiplicative});
  ASSERT_TRUE(model);
  double level = model->first_level, trend = model->first_trend, sse = 0, logs = 0;
  auto season = model->first_season;
  for (int t = 0; t < 72; ++t) {
    const double q = level + model->phi * trend, s = season[t % 12], e = y[t] / (q * s) - 1;
    sse += e * e;
    logs += std::log(q * s);
    level = q * (1 + model->alpha * e); // chapter 2's equations of ETS(M,Ad,M)
    trend = model->phi * trend + model->beta * q * e;
    season[t % 12] = s * (1 + model->gamma * e);
  }
  EXPECT_NEAR(model->log_likelihood, -0.5 * (72 * std::log(sse) + 2 * logs), 1e-6);
  EXPECT_NEAR(model->level, level, 1e-9);
  EXPECT_NEAR(model->trend, trend, 1e-9);
}

TEST(ets, refuses_too_few_values_and_negative_ones_for_ratios) {
  EXPECT_FALSE(fit_ets(std::vector<double>{1, 2}, 1, {additive, none, false, none}));
  EXPECT_FALSE(fit_ets(seasonal_walk(20, 1), 12, {additive, none, false, additive}));
  EXPECT_FALSE(select_ets(std::vector<double>{}, 12));
  EXPECT_TRUE(select_ets(std::vector<double>{1, 2, 4}, 12));
}

} // namespace
} // namespace pricing::forecast
