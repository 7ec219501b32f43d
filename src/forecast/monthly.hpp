#pragma once
// Prices seen on irregular days as one value a month. Pure.
#include "core/error.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace pricing::forecast {

struct observation {
  std::int32_t day = 0; // days since 1970-01-01
  double value = 0;     // not a number is left out
};

struct monthly_series {
  int first_year = 0;
  unsigned first_month = 1;   // 1 to 12, of values[0]
  std::vector<double> values; // median of the month, NaN where nothing was seen
};

// From the first month with a value to the last, or to the month of `through_day` where that is later, so that silence
// up to today is seen as such. invalid_input without observations; too_large beyond 10,000 months.
result<monthly_series> monthly_medians(std::span<const observation> observations, std::int32_t through_day = INT32_MIN);

} // namespace pricing::forecast
