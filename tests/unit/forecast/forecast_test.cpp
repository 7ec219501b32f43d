#include "forecast/forecast.hpp"
#include "forecast/monthly.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <random>

namespace pricing::forecast {
namespace {

const double missing = std::numeric_limits<double>::quiet_NaN();

double season_at(int t) {
  return 100 + 15 * std::sin(2 * M_PI * t / 12);
}

std::vector<double> seasonal(int n, std::uint64_t seed, double noise = 1) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, noise);
  std::vector<double> y(n);
  for (int t = 0; t < n; ++t) {
    y[t] = season_at(t) + normal(random);
  }
  return y;
}

void expect_sane(const forecast_result& r, int horizon) {
  ASSERT_EQ(r.mean.size(), static_cast<std::size_t>(horizon));
  for (int h = 0; h < horizon; ++h) {
    EXPECT_TRUE(std::isfinite(r.mean[h]));
    EXPECT_LE(r.at_90.lower[h], r.at_80.lower[h]);
    EXPECT_LE(r.at_80.lower[h], r.mean[h]);
    EXPECT_GE(r.at_80.upper[h], r.mean[h]);
    EXPECT_GE(r.at_90.upper[h], r.at_80.upper[h]);
    EXPECT_TRUE(std::isfinite(r.at_90.upper[h] - r.at_90.lower[h]));
  }
}

TEST(forecast, follows_the_season_and_weighs_its_members) {
  const auto r = forecast({seasonal(72, 1)}, 12);
  ASSERT_TRUE(r);
  expect_sane(*r, 12);
  double weight = 0;
  for (const member& m : r->members) {
    weight += m.weight;
    EXPECT_GT(m.backtest_mae, 0);
  }
  EXPECT_NEAR(weight, 1, 1e-12);
  for (int h = 0; h < 12; ++h) {
    EXPECT_NEAR(r->mean[h], season_at(72 + h), 3);
  }
  EXPECT_EQ(r->errors.origins, 4);
  EXPECT_LT(r->errors.smape, 3);
}

TEST(forecast, is_the_same_again_bit_for_bit) {
  const series s{seasonal(60, 2)};
  const auto a = forecast(s, 18), b = forecast(s, 18);
  EXPECT_EQ(a->mean, b->mean);
  EXPECT_EQ(a->at_90.lower, b->at_90.lower);
}

TEST(forecast, does_not_depend_on_the_unit) {
  auto y = seasonal(60, 3);
  const auto a = forecast({y}, 6);
  for (double& v : y) {
    v *= 1e150;
  }
  const auto b = forecast({y}, 6);
  for (int h = 0; h < 6; ++h) {
    EXPECT_NEAR(b->mean[h] / 1e150, a->mean[h], 1e-6);
    EXPECT_NEAR(b->at_90.upper[h] / 1e150, a->at_90.upper[h], 1e-5);
  }
}

TEST(forecast, intervals_hold_about_as_often_as_they_say) {
  std::mt19937_64 random(17);
  std::normal_distribution<double> normal(0, 0.03);
  int inside_80 = 0, inside_90 = 0, all = 0;
  for (int round = 0; round < 150; ++round) {
    double level = 0; // a random walk of log prices seen with noise
    std::vector<double> y(72);
    for (double& v : y) {
      level += 0.5 * normal(random);
      v = 50 * std::exp(level + normal(random));
    }
    const std::vector<double> known(y.begin(), y.begin() + 60);
    const auto r = forecast({known}, 12);
    for (int h = 0; h < 12; ++h, ++all) {
      inside_80 += y[60 + h] >= r->at_80.lower[h] && y[60 + h] <= r->at_80.upper[h];
      inside_90 += y[60 + h] >= r->at_90.lower[h] && y[60 + h] <= r->at_90.upper[h];
    }
  }
  EXPECT_NEAR(1.0 * inside_80 / all, 0.80, 0.08);
  EXPECT_NEAR(1.0 * inside_90 / all, 0.90, 0.06);
}

TEST(forecast, fills_missing_months_with_their_season) {
  auto y = seasonal(72, 4);
  const auto whole = forecast({y}, 12);
  for (const int t : {7, 8, 20, 33, 34, 50, 61}) {
    y[t] = missing;
  }
  const auto gaps = forecast({y}, 12);
  ASSERT_TRUE(gaps);
  EXPECT_EQ(gaps->filled, 7);
  for (int h = 0; h < 12; ++h) {
    EXPECT_NEAR(gaps->mean[h], whole->mean[h], 3);
  }
}

TEST(forecast, counts_its_steps_from_the_end_of_the_values_given) {
  auto y = seasonal(72, 5);
  y.insert(y.begin(), 3, missing);
  y.insert(y.end(), 4, missing);
  const auto r = forecast({y}, 6);
  ASSERT_TRUE(r);
  expect_sane(*r, 6);
  for (int h = 0; h < 6; ++h) {
    EXPECT_NEAR(r->mean[h], season_at(76 + h), 3);
  }
}

TEST(forecast, stands_on_the_new_level_after_a_shift) {
  std::mt19937_64 random(6);
  std::normal_distribution<double> normal(0, 1);
  std::vector<double> y(60);
  for (int t = 0; t < 60; ++t) {
    y[t] = (t < 48 ? 100 : 160) + normal(random);
  }
  const auto r = forecast({y}, 12);
  ASSERT_EQ(r->shifts.size(), 1U);
  EXPECT_EQ(r->shifts[0].at, 48);
  EXPECT_NEAR(r->shifts[0].change, 0.6, 0.05);
  for (const double m : r->mean) {
    EXPECT_NEAR(m, 160, 4);
  }
  EXPECT_LT(r->at_90.upper[0] - r->at_90.lower[0], 12);
}

TEST(forecast, finds_no_shift_in_noise_trends_or_seasons) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto y = seasonal(60, seed, 4);
    for (int t = 0; t < 60; ++t) {
      y[t] += 2 * t;
    }
    EXPECT_TRUE(forecast({y}, 1)->shifts.empty());
  }
}

TEST(forecast, of_a_constant_is_that_constant) {
  for (const double v : {42.5, 0.0, -7.0}) {
    const auto r = forecast({std::vector<double>(30, v)}, 5);
    ASSERT_TRUE(r);
    EXPECT_EQ(r->method, "constant");
    EXPECT_DOUBLE_EQ(r->mean[4], v);
    EXPECT_EQ(r->at_90.lower, r->at_90.upper);
  }
}

TEST(forecast, takes_zeros_and_negative_prices) {
  auto y = seasonal(60, 8);
  y[10] = 0;
  y[30] = -5;
  const auto r = forecast({y}, 12);
  ASSERT_TRUE(r);
  expect_sane(*r, 12);
  std::vector<double> mostly_zero(40, 0.0);
  mostly_zero[5] = mostly_zero[21] = 3;
  expect_sane(*forecast({mostly_zero}, 12), 12);
}

TEST(forecast, keeps_intervals_of_positive_prices_positive) {
  std::mt19937_64 random(9);
  std::lognormal_distribution<double> wild(1, 1.2);
  std::vector<double> y(40);
  for (double& v : y) {
    v = wild(random);
  }
  const auto r = forecast({y}, 24);
  for (const double low : r->at_90.lower) {
    EXPECT_GT(low, 0);
  }
}

TEST(forecast, takes_short_series_and_says_when_they_are_too_short) {
  std::mt19937_64 random(10);
  for (int n = 0; n < 40; ++n) {
    std::vector<double> y(n);
    for (double& v : y) {
      v = 1 + static_cast<double>(random() % 1000) / 500;
    }
    for (const int period : {1, 4, 12, 52, 366}) {
      const auto r = forecast({y, period}, 18);
      EXPECT_EQ(r.has_value(), n >= 3) << n;
      if (r) {
        expect_sane(*r, 18);
      } else {
        EXPECT_NE(r.error().message.find("cannot be forecast"), std::string::npos);
      }
    }
  }
}

TEST(forecast, says_what_is_wrong_with_the_input) {
  const double infinite = std::numeric_limits<double>::infinity();
  const auto at = [](std::vector<double> y, int period, int horizon) {
    const auto r = forecast({std::move(y), period}, horizon);
    return r ? std::string() : r.error().details.empty() ? r.error().message : r.error().details[0].path;
  };
  EXPECT_EQ(at({1, 2, infinite, 4}, 12, 3), "values[2]");
  EXPECT_EQ(at({1, 2, 3, -1e300}, 12, 3), "values[3]");
  EXPECT_EQ(at({1, 2, 3, 4}, 0, 3), "period");
  EXPECT_EQ(at({1, 2, 3, 4}, 367, 3), "period");
  EXPECT_EQ(at({1, 2, 3, 4}, 12, 0), "horizon");
  EXPECT_EQ(at({1, 2, 3, 4}, 12, 100'000), "horizon");
  EXPECT_NE(at({missing, missing, missing}, 12, 3).find("no values"), std::string::npos);
  std::vector<double> sparse(60, missing);
  sparse[0] = sparse[30] = sparse[59] = 1;
  EXPECT_NE(at(sparse, 12, 3).find("3 of 60"), std::string::npos);
  auto stale = seasonal(30, 1);
  stale.insert(stale.end(), 30, missing);
  EXPECT_NE(at(stale, 12, 3).find("30 periods old"), std::string::npos);
  EXPECT_EQ(forecast({std::vector<double>(10'001, 1.0)}, 3).error().code, errc::too_large);
}

TEST(forecast, survives_values_of_any_size_side_by_side) {
  std::mt19937_64 random(12);
  for (int round = 0; round < 300; ++round) {
    std::vector<double> y(3 + random() % 60);
    for (double& v : y) {
      const double size = std::pow(10, static_cast<double>(random() % 400) - 200);
      v = random() % 9 == 0 ? missing : random() % 3 == 0 ? -size : size;
    }
    const auto r = forecast({y, static_cast<int>(1 + random() % 13)}, 20, {.select_ets = round % 10 == 0});
    if (r) {
      expect_sane(*r, 20);
    }
  }
}

TEST(forecast, adds_the_selected_ets_on_request) {
  const auto r = forecast({seasonal(72, 13)}, 12, {.select_ets = true});
  ASSERT_EQ(r->members.size(), 5U);
  EXPECT_EQ(r->members[4].method.substr(0, 4), "ETS(");
}

TEST(forecast, works_without_a_back_test) {
  const auto r = forecast({seasonal(72, 14)}, 12, {.origins = 0});
  expect_sane(*r, 12);
  EXPECT_EQ(r->errors.origins, 0);
  EXPECT_EQ(r->members[0].weight, 0.25);
}

std::int32_t day(int y, unsigned m, unsigned d) {
  using namespace std::chrono;
  return static_cast<std::int32_t>(sys_days{year{y} / month{m} / std::chrono::day{d}}.time_since_epoch().count());
}

TEST(monthly_medians, has_a_median_a_month_and_gaps_where_nothing_was_seen) {
  const std::vector<observation> seen{{day(2021, 2, 28), 5},  {day(2020, 11, 1), 1}, {day(2020, 11, 30), 9},
                                      {day(2020, 11, 12), 3}, {day(2021, 2, 1), 7},  {day(2021, 1, 5), missing}};
  const auto m = monthly_medians(seen);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->first_year, 2020);
  EXPECT_EQ(m->first_month, 11U);
  ASSERT_EQ(m->values.size(), 4U);
  EXPECT_EQ(m->values[0], 3);
  EXPECT_TRUE(std::isnan(m->values[1]));
  EXPECT_TRUE(std::isnan(m->values[2]));
  EXPECT_EQ(m->values[3], 6);
  EXPECT_EQ(monthly_medians(seen, day(2021, 6, 1))->values.size(), 8U);
}

TEST(monthly_medians, refuses_nothing_and_a_thousand_years) {
  EXPECT_FALSE(monthly_medians({}));
  const std::vector<observation> apart{{INT32_MIN, 1}, {INT32_MAX, 2}};
  EXPECT_EQ(monthly_medians(apart).error().code, errc::too_large);
}

} // namespace
} // namespace pricing::forecast
