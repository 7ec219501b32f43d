#pragma once
// Eight doubles that move together. A state update waits for its own last result; eight parameter sets side by side
// fill that wait, on every x86-64 and without a compiler flag. Two-wide vectors keep each result the same everywhere.
#include <array>
#include <cstddef>

namespace pricing::forecast {

inline constexpr int lane_count = 8;

struct lanes {
  using pair = double __attribute__((vector_size(16)));
  pair a, b, c, d;

  static lanes all(double x) {
    const pair p{x, x};
    return {p, p, p, p};
  }
  static lanes from(const std::array<double, lane_count>& x) {
    return {pair{x[0], x[1]}, pair{x[2], x[3]}, pair{x[4], x[5]}, pair{x[6], x[7]}};
  }
  std::array<double, lane_count> values() const { return {a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1]}; }
};

inline lanes operator+(const lanes& x, const lanes& y) {
  return {x.a + y.a, x.b + y.b, x.c + y.c, x.d + y.d};
}
inline lanes operator-(const lanes& x, const lanes& y) {
  return {x.a - y.a, x.b - y.b, x.c - y.c, x.d - y.d};
}
inline lanes operator*(const lanes& x, const lanes& y) {
  return {x.a * y.a, x.b * y.b, x.c * y.c, x.d * y.d};
}
inline lanes operator/(const lanes& x, const lanes& y) {
  return {x.a / y.a, x.b / y.b, x.c / y.c, x.d / y.d};
}
inline lanes& operator+=(lanes& x, const lanes& y) {
  return x = x + y;
}
inline lanes& operator*=(lanes& x, const lanes& y) {
  return x = x * y;
}

} // namespace pricing::forecast
