#include "forecast/monthly.hpp"

#include "forecast/prepare.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace pricing::forecast {
namespace {

using namespace std::chrono;

// Months since the year 0. The calendar of <chrono> ends at the year 32767.
constexpr std::int32_t day_limit = 11'000'000;

int month_of(std::int32_t day) {
  const year_month_day date{sys_days{days{std::clamp(day, -day_limit, day_limit)}}};
  return static_cast<int>(date.year()) * 12 + static_cast<int>(static_cast<unsigned>(date.month())) - 1;
}

double median(std::span<double> v) {
  std::sort(v.begin(), v.end());
  const std::size_t half = v.size() / 2;
  return v.size() % 2 == 1 ? v[half] : v[half - 1] + 0.5 * (v[half] - v[half - 1]);
}

} // namespace

result<monthly_series> monthly_medians(std::span<const observation> observations, std::int32_t through_day) {
  struct cell {
    int month;
    double value;
  };
  std::vector<cell> cells;
  cells.reserve(observations.size());
  for (const observation& o : observations) {
    if (!std::isnan(o.value)) {
      cells.push_back({month_of(o.day), o.value});
    }
  }
  if (cells.empty()) {
    return invalid_input("There are no prices to make a monthly series of.");
  }
  std::stable_sort(cells.begin(), cells.end(), [](const cell& a, const cell& b) { return a.month < b.month; });
  const int first = cells.front().month;
  const int last = std::max(cells.back().month, through_day == INT32_MIN ? first : month_of(through_day));
  if (last - first >= values_max) {
    return error{errc::too_large, "The prices span more than " + std::to_string(values_max) + " months."};
  }
  monthly_series out;
  out.first_year = first >= 0 ? first / 12 : -((11 - first) / 12);
  out.first_month = static_cast<unsigned>(first - out.first_year * 12 + 1);
  out.values.assign(last - first + 1, std::numeric_limits<double>::quiet_NaN());
  std::vector<double> month;
  for (std::size_t i = 0; i < cells.size();) {
    month.clear();
    const int at = cells[i].month;
    for (; i < cells.size() && cells[i].month == at; ++i) {
      month.push_back(cells[i].value);
    }
    out.values[at - first] = median(month);
  }
  return out;
}

} // namespace pricing::forecast
