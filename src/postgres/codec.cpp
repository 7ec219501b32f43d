#include "postgres/codec.hpp"

#include <limits>

namespace pricing::postgres::detail {

__extension__ using wide = __int128;

// Numeric on the wire: count, weight, sign and scale as int16, then base-10000 digits. decimal's four fraction digits
// are exactly one such digit, so the conversion only regroups.
void put_numeric(std::string& out, decimal value) {
  const bool negative = value.units() < 0;
  auto rest = negative ? 0 - static_cast<std::uint64_t>(value.units()) : static_cast<std::uint64_t>(value.units());
  std::int16_t digits[8];
  int count = 0;
  while (rest != 0) {
    digits[count++] = static_cast<std::int16_t>(rest % 10'000);
    rest /= 10'000;
  }
  put<std::int16_t>(out, static_cast<std::int16_t>(count));
  put<std::int16_t>(out, static_cast<std::int16_t>(count - 2)); // the lowest digit has weight −1
  put<std::int16_t>(out, negative ? 0x4000 : 0);
  put<std::int16_t>(out, 4);
  for (int i = count; i-- > 0;)
    put<std::int16_t>(out, digits[i]);
}

decimal get_numeric(std::string_view in) {
  const int count = get<std::int16_t>(in, 0);
  const int weight = get<std::int16_t>(in, 2);
  const auto sign = static_cast<std::uint16_t>(get<std::int16_t>(in, 4));
  if (sign != 0 && sign != 0x4000)
    throw std::runtime_error("postgres: a numeric is not a finite number");
  wide units = 0;
  for (int i = 0; i < count; ++i) {
    const int digit = get<std::int16_t>(in, 8 + 2 * static_cast<std::size_t>(i));
    const int power = weight - i; // of 10000
    if (power >= -1) {
      units = units * 10'000 + digit;
    } else {
      units += digit >= 5'000 ? 1 : 0;
      break;
    }
    if (units > (static_cast<wide>(1) << 100))
      throw std::runtime_error("postgres: a numeric is too large");
  }
  for (int power = weight - count; power >= -1; --power)
    units *= 10'000;
  if (units > std::numeric_limits<std::int64_t>::max())
    throw std::runtime_error("postgres: a numeric is too large");
  return decimal::from_units(static_cast<std::int64_t>(sign ? -units : units));
}

std::int64_t get_integer(std::string_view in) {
  switch (in.size()) {
  case 2:
    return get<std::int16_t>(in);
  case 4:
    return get<std::int32_t>(in);
  default:
    return get<std::int64_t>(in);
  }
}

} // namespace pricing::postgres::detail
