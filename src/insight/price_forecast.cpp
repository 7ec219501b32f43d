#include "insight/price_forecast.hpp"

#include "forecast/forecast.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace pricing::insight {
namespace {

constexpr int months_seen_min = 6;
constexpr int silence_months_max = 24;

error too_little(const std::string& why) {
  return invalid_input("Too little data for a forecast: " + why, {{"prices", why}});
}

date month_after(date first, int months) {
  const std::chrono::year_month_day day(first);
  return std::chrono::sys_days((day.year() / day.month() + std::chrono::months(months)) / 1);
}

std::string month_text(date month) {
  return to_string(month).substr(0, 7);
}

// Six significant digits are what is known of a price.
decimal to_price(double value) {
  value = std::max(value, 0.0);
  if (value > 0) {
    const double step = std::pow(10.0, std::floor(std::log10(value)) - 5);
    value = std::round(value / step) * step;
  }
  const auto price = decimal::from_double(value);
  return price ? *price : decimal();
}

result<void> check(const forecast::monthly_series& series, date first) {
  const auto seen = std::ranges::count_if(series.values, [](double v) { return !std::isnan(v); });
  if (seen < months_seen_min)
    return too_little(
        fmt::format("prices were seen in {} month{}; it takes {}", seen, seen == 1 ? "" : "s", months_seen_min));
  const auto last =
      std::ranges::find_if(series.values.rbegin(), series.values.rend(), [](double v) { return !std::isnan(v); });
  const auto silence = static_cast<int>(last - series.values.rbegin());
  if (silence > silence_months_max) {
    const auto newest = month_after(first, static_cast<int>(series.values.size()) - 1 - silence);
    return too_little(
        fmt::format("the newest price is of {}, {} months before the newest of all", month_text(newest), silence));
  }
  return {};
}

// What the library says, without its own opening words.
error in_plain_words(const error& e) {
  if (e.code != errc::invalid_input)
    return e;
  const auto colon = e.message.find(": ");
  return too_little(colon == std::string::npos ? e.message : e.message.substr(colon + 2));
}

price_forecast to_view(const forecast::forecast_result& made, const forecast::monthly_series& series, date first) {
  price_forecast out;
  out.method = made.method;
  const auto values = static_cast<int>(series.values.size());
  out.first_month = first;
  out.last_month = month_after(first, values - 1);
  out.months_seen = static_cast<int>(std::ranges::count_if(series.values, [](double v) { return !std::isnan(v); }));
  out.months_filled = made.filled;
  for (std::size_t h = 0; h < made.mean.size(); ++h)
    out.months.push_back({month_after(first, values + static_cast<int>(h)), to_price(made.mean[h]),
                          to_price(made.at_80.lower[h]), to_price(made.at_80.upper[h]), to_price(made.at_90.lower[h]),
                          to_price(made.at_90.upper[h])});
  for (const auto& m : made.members)
    out.members.push_back(
        {m.method, m.weight, std::isnan(m.backtest_mae) ? std::nullopt : std::optional(to_price(m.backtest_mae))});
  std::ranges::stable_sort(out.members, std::greater(), &forecast_member::weight);
  if (made.errors.origins > 0)
    out.backtest = {made.errors.origins, to_price(made.errors.mae), made.errors.smape / 100,
                    to_price(made.errors.naive_mae)};
  for (const auto& s : made.shifts)
    out.shifts.push_back({month_after(first, s.at), s.change});
  return out;
}

} // namespace

result<price_forecast> forecast_prices(std::vector<forecast::observation> observed, date through, int months) {
  const auto through_day = static_cast<std::int32_t>(through.time_since_epoch().count());
  const std::int32_t from_day = through_day - forecast_years_used * 366;
  std::erase_if(observed, [&](const forecast::observation& o) { return o.day < from_day || !(o.value > 0); });
  if (observed.empty())
    return too_little("no price is known of the last " + std::to_string(forecast_years_used) + " years");
  const auto series = forecast::monthly_medians(observed, through_day);
  if (!series)
    return series.error();
  const date first =
      std::chrono::sys_days(std::chrono::year(series->first_year) / std::chrono::month(series->first_month) / 1);
  if (const auto enough = check(*series, first); !enough)
    return enough.error();
  const auto made = forecast::forecast({series->values, 12}, months);
  if (!made)
    return in_plain_words(made.error());
  return to_view(*made, *series, first);
}

} // namespace pricing::insight
