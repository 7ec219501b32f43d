#pragma once
// What an item's price, or the market index, will do next, from what it did: monthly values and their forecast with
// bands. Pure; a few milliseconds. Called by forecast_routes.
#include "core/clock.hpp"
#include "core/decimal.hpp"
#include "forecast/monthly.hpp"

#include <boost/describe.hpp>

#include <optional>
#include <string>
#include <vector>

namespace pricing::insight {

inline constexpr int forecast_months_max = 24;

// What a forecast is made of at most: older prices say little of the next year.
inline constexpr int forecast_years_used = 15;

struct forecast_month {
  date month{};
  decimal mean, low80, high80, low90, high90; // never below zero
};
BOOST_DESCRIBE_STRUCT(forecast_month, (), (month, mean, low80, high80, low90, high90))

struct forecast_member {
  std::string method;
  double weight = 0;            // they sum to 1
  std::optional<decimal> error; // mean absolute error at earlier origins; none without a back-test
};
BOOST_DESCRIBE_STRUCT(forecast_member, (), (method, weight, error))

// How far off the same method was at earlier months of the same series, which it had not seen then.
struct forecast_backtest {
  int origins = 0;
  decimal mean_error;           // absolute
  double smape = 0;             // share, 0 to 2
  decimal seasonal_naive_error; // of the baseline "as a year before": below mean_error the forecast adds nothing
};
BOOST_DESCRIBE_STRUCT(forecast_backtest, (), (origins, mean_error, smape, seasonal_naive_error))

// Earlier months were put on the new level. change: 0.2 is a fifth higher from this month on.
struct forecast_shift {
  date month{};
  double change = 0;
};
BOOST_DESCRIBE_STRUCT(forecast_shift, (), (month, change))

struct price_forecast {
  std::string method;               // combination, or constant where the values never change
  date first_month{}, last_month{}; // of the values used
  int months_seen = 0;              // with a value
  int months_filled = 0;            // gaps between them
  std::vector<forecast_month> months;
  std::vector<forecast_member> members; // the weightiest first
  std::optional<forecast_backtest> backtest;
  std::vector<forecast_shift> shifts;
};
BOOST_DESCRIBE_STRUCT(price_forecast, (),
                      (method, first_month, last_month, months_seen, months_filled, months, members, backtest, shifts))

// Forecasts `months` (1 to forecast_months_max) after the month of `through`, the newest day of which anything is
// known, so that an item's silence counts. invalid_input with a field says in plain words what is missing.
result<price_forecast> forecast_prices(std::vector<forecast::observation> observed, date through, int months);

} // namespace pricing::insight
