#pragma once
// Where an event is, when nobody says: agencies number their projects by county or district, so a reference that begins
// with two digits begins with the place. history_loader asks PostgreSQL for the same.
#include <string_view>

namespace pricing::market {

// The first two digits of the reference, else nothing.
inline std::string_view place_of_reference(std::string_view reference) {
  const auto digit = [&](std::size_t i) { return i < reference.size() && reference[i] >= '0' && reference[i] <= '9'; };
  return digit(0) && digit(1) ? reference.substr(0, 2) : std::string_view();
}

} // namespace pricing::market
