#pragma once
// Field types that carry their limits, so that decoder, schema and OpenAPI state the same rule once:
//   struct new_item { text<1, 200> name; bounded<int, 1, 99> lot; std::optional<email> contact; list<line, 2000> lines;
//   };
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace pricing::wire {

// A number within [Min, Max]. For T = double write the limits as integers.
template <class T, auto Min, auto Max>
struct bounded {
  T value{};
  constexpr operator T() const { return value; }
};

// UTF-8 text of Min to Max characters (code points), without NUL.
template <std::size_t Min, std::size_t Max>
struct text {
  std::string value;
  operator const std::string&() const { return value; }
  operator std::string_view() const { return value; }
};

// An address of the usual form, at most 254 bytes, kept in lower case.
struct email {
  std::string value;
  operator const std::string&() const { return value; }
  operator std::string_view() const { return value; }
};

// At most Max elements.
template <class T, std::size_t Max>
struct list : std::vector<T> {
  using std::vector<T>::vector;
};

// A member that may be absent and then holds Default: defaulted<bounded<int, 1, 200>, 50> limit;
template <class T, auto Default>
struct defaulted {
  T value{Default};
  constexpr operator const T&() const { return value; }
  template <class U>
  requires(!std::is_same_v<U, T> && std::is_arithmetic_v<U> && std::is_convertible_v<const T&, U>) constexpr
  operator U() const {
    return value;
  }
};

} // namespace pricing::wire
