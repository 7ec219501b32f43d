// Forecasts of an item's monthly prices: the rules of when there is one, and what it says.
#include "insight/price_forecast.hpp"

#include <gtest/gtest.h>

#include <cmath>

using namespace pricing;
using namespace pricing::insight;

namespace {

date day(const char* iso) {
  return *parse_date(iso);
}

// One price on the tenth of each month from January 2020.
std::vector<forecast::observation> monthly(int months, double (*price)(int)) {
  std::vector<forecast::observation> out;
  for (int m = 0; m < months; ++m) {
    const date on = std::chrono::sys_days(std::chrono::year(2020 + m / 12) / (m % 12 + 1) / 10);
    out.push_back({static_cast<std::int32_t>(on.time_since_epoch().count()), price(m)});
  }
  return out;
}

double rising(int m) {
  return 100 * std::exp(0.01 * m) * (1 + 0.02 * std::sin(7.0 * m));
}

TEST(price_forecast, goes_on_from_the_month_after_the_newest_with_bands_that_widen) {
  const auto made = forecast_prices(monthly(60, rising), day("2024-12-20"), 12);
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_EQ(made->months.size(), 12U);
  EXPECT_EQ(made->months.front().month, day("2025-01-01"));
  EXPECT_EQ(made->months.back().month, day("2025-12-01"));
  EXPECT_EQ(made->first_month, day("2020-01-01"));
  EXPECT_EQ(made->last_month, day("2024-12-01"));
  EXPECT_EQ(made->months_seen, 60);
  for (const auto& m : made->months) {
    EXPECT_LE(m.low90.to_double(), m.low80.to_double());
    EXPECT_LE(m.low80.to_double(), m.mean.to_double());
    EXPECT_LE(m.mean.to_double(), m.high80.to_double());
    EXPECT_LE(m.high80.to_double(), m.high90.to_double());
  }
  const auto width = [](const forecast_month& m) { return m.high90.to_double() - m.low90.to_double(); };
  EXPECT_GT(width(made->months.back()), width(made->months.front()));
  EXPECT_GT(made->months.back().mean.to_double(), made->months.front().mean.to_double()); // it goes on rising
  ASSERT_TRUE(made->backtest);
  EXPECT_LT(made->backtest->mean_error.to_double(), made->backtest->seasonal_naive_error.to_double());
  double weights = 0;
  for (const auto& m : made->members)
    weights += m.weight;
  EXPECT_NEAR(weights, 1, 1e-9);
}

TEST(price_forecast, never_asks_for_less_than_nothing) {
  const auto falling = [](int m) { return 100.0 - 1.6 * m; };
  const auto made = forecast_prices(monthly(60, falling), day("2024-12-31"), 24);
  ASSERT_TRUE(made) << made.error().message;
  for (const auto& m : made->months)
    EXPECT_GE(m.low90.to_double(), 0);
}

TEST(price_forecast, counts_silence_from_the_newest_day_of_all) {
  const auto made = forecast_prices(monthly(48, rising), day("2024-06-15"), 6);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->months.front().month, day("2024-07-01"));
  const auto silent = forecast_prices(monthly(24, rising), day("2024-12-31"), 6);
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, errc::invalid_input);
  EXPECT_NE(silent.error().message.find("2021-12"), std::string::npos) << silent.error().message;
}

TEST(price_forecast, says_in_plain_words_when_there_is_too_little) {
  const auto few = forecast_prices(monthly(3, rising), day("2020-03-31"), 12);
  ASSERT_FALSE(few);
  EXPECT_EQ(few.error().message, "Too little data for a forecast: prices were seen in 3 months; it takes 6");
  EXPECT_EQ(few.error().details.size(), 1U); // so that it answers 422
  const auto none = forecast_prices({}, day("2020-03-31"), 12);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message.substr(0, 15), "Too little data");
}

TEST(price_forecast, uses_the_newest_years_only) {
  const auto made = forecast_prices(monthly(240, rising), day("2039-12-31"), 3);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_GE(made->first_month, day("2024-11-01"));
}

} // namespace
