#include "core/clock.hpp"

#include <charconv>
#include <fmt/format.h>

namespace pricing {

result<date> parse_date(std::string_view iso) {
  const auto wrong = [&] {
    return invalid_input("'" + std::string(iso.substr(0, 20)) + "' is not a date; write YYYY-MM-DD");
  };
  if (iso.size() != 10 || iso[4] != '-' || iso[7] != '-')
    return wrong();
  int year = 0;
  unsigned month = 0, day = 0;
  const auto number = [&](std::size_t at, std::size_t length, auto& out) {
    const char* end = iso.data() + at + length;
    const auto parsed = std::from_chars(iso.data() + at, end, out);
    return parsed.ec == std::errc{} && parsed.ptr == end;
  };
  if (!number(0, 4, year) || !number(5, 2, month) || !number(8, 2, day))
    return wrong();
  const std::chrono::year_month_day ymd{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (year < 1 || !ymd.ok())
    return wrong();
  return date(ymd);
}

std::string to_string(date day) {
  const std::chrono::year_month_day ymd(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()),
                     static_cast<unsigned>(ymd.day()));
}

std::string to_string(timestamp at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::hh_mm_ss time(at - day);
  return fmt::format("{}T{:02}:{:02}:{:02}.{:06}Z", to_string(date(day)), time.hours().count(), time.minutes().count(),
                     time.seconds().count(), time.subseconds().count());
}

timestamp system_clock::now() const {
  return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

} // namespace pricing
