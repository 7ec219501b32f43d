#pragma once
// Fixed-point decimal with four fraction digits in 64 bits: unit prices, quantities and amounts up to
// 922,337,203,685,477.5807. Never a double on the way from a file to the database and back.
#include "core/error.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace pricing {

class decimal {
 public:
  static constexpr std::int64_t scale = 10'000;

  constexpr decimal() = default;
  // value 12.5 is decimal::from_units(125'000).
  static constexpr decimal from_units(std::int64_t units) { return decimal(units); }
  // Rounds half away from zero to four digits. Fails on NaN, infinity and overflow.
  static result<decimal> from_double(double value);
  // "-1234.5678", no grouping; more than four fraction digits are rounded half away from zero. Fails otherwise.
  static result<decimal> parse(std::string_view text);

  constexpr std::int64_t units() const { return units_; }
  // For statistics only; money leaves the system as text.
  constexpr double to_double() const { return static_cast<double>(units_) / scale; }
  // Shortest exact text: "12.5", "-0.01", "3".
  std::string to_string() const;

  constexpr auto operator<=>(const decimal&) const = default;
  constexpr decimal operator-() const { return decimal(-units_); }
  friend constexpr decimal operator+(decimal a, decimal b) { return decimal(a.units_ + b.units_); }
  friend constexpr decimal operator-(decimal a, decimal b) { return decimal(a.units_ - b.units_); }

 private:
  constexpr explicit decimal(std::int64_t units) : units_(units) {}
  std::int64_t units_ = 0;
};

// quantity × price rounded half away from zero to four digits; fails on overflow.
result<decimal> multiply(decimal a, decimal b);

} // namespace pricing
