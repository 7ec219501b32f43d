#include "core/decimal.hpp"

#include <charconv>
#include <cmath>
#include <limits>

namespace pricing {
namespace {

__extension__ using wide = __int128;

constexpr auto units_max = std::numeric_limits<std::int64_t>::max();

error not_a_number(std::string_view text) {
  return invalid_input("'" + std::string(text.substr(0, 40)) + "' is not a number");
}

error too_big() {
  return invalid_input("the number is too large");
}

} // namespace

result<decimal> decimal::from_double(double value) {
  const double scaled = std::round(value * static_cast<double>(scale));
  if (!std::isfinite(scaled))
    return invalid_input("not a finite number");
  if (std::fabs(scaled) >= 9.2e18)
    return too_big();
  return decimal(static_cast<std::int64_t>(scaled));
}

result<decimal> decimal::parse(std::string_view text) {
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) {
    negative = rest.front() == '-';
    rest.remove_prefix(1);
  }
  wide units = 0;
  int digits = 0;
  int fraction = -1; // digits seen after the point
  bool round_up = false;
  for (char c : rest) {
    if (c == '.' && fraction < 0) {
      fraction = 0;
      continue;
    }
    if (c < '0' || c > '9')
      return not_a_number(text);
    ++digits;
    if (fraction >= 4) {
      if (fraction == 4)
        round_up = c >= '5';
      ++fraction;
      continue;
    }
    units = units * 10 + (c - '0');
    if (fraction >= 0)
      ++fraction;
    if (units > units_max)
      return too_big();
  }
  if (digits == 0)
    return not_a_number(text);
  for (int i = std::max(fraction, 0); i < 4; ++i)
    units *= 10;
  units += round_up ? 1 : 0;
  if (units > units_max)
    return too_big();
  return decimal(static_cast<std::int64_t>(negative ? -units : units));
}

std::string decimal::to_string() const {
  const bool negative = units_ < 0;
  const auto magnitude = negative ? 0 - static_cast<std::uint64_t>(units_) : static_cast<std::uint64_t>(units_);
  char buffer[32];
  char* out = buffer;
  if (negative)
    *out++ = '-';
  out = std::to_chars(out, buffer + sizeof buffer, magnitude / scale).ptr;
  auto fraction = static_cast<int>(magnitude % scale);
  if (fraction != 0) {
    *out++ = '.';
    for (int digit = 1000; fraction != 0; digit /= 10) {
      *out++ = static_cast<char>('0' + fraction / digit);
      fraction %= digit;
    }
  }
  return {buffer, out};
}

result<decimal> multiply(decimal a, decimal b) {
  const wide product = static_cast<wide>(a.units()) * b.units();
  const wide half = product < 0 ? -decimal::scale / 2 : decimal::scale / 2;
  const wide units = (product + half) / decimal::scale;
  if (units > units_max || units < -units_max)
    return too_big();
  return decimal::from_units(static_cast<std::int64_t>(units));
}

} // namespace pricing
