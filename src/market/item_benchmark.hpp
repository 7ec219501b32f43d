#pragma once
// The like-for-like price of one item as the market refresh leaves it, and its move to another quantity.
#include "core/clock.hpp"

#include <boost/describe.hpp>

#include <cstdint>

namespace pricing::market {

// A row of item_benchmarks. Quantiles are natural logs of the unit price at reference_quantity on as_of.
struct item_benchmark_row {
  std::int64_t item_id = 0;
  date as_of{};
  double reference_quantity = 1;
  double slope = 0; // d log price / d log quantity
  double q05 = 0, q25 = 0, q50 = 0, q75 = 0, q95 = 0;
  double effective_n = 0; // as many equally good prices
  date newest_on{};
  std::int64_t bids = 0;
};
BOOST_DESCRIBE_STRUCT(item_benchmark_row, (),
                      (item_id, as_of, reference_quantity, slope, q05, q25, q50, q75, q95, effective_n, newest_on,
                       bids))

// Unit prices: the expected one and where the middle 90 % and 50 % lie.
struct price_band {
  double expected = 0;
  double low90 = 0, low50 = 0, high50 = 0, high90 = 0;
};
BOOST_DESCRIBE_STRUCT(price_band, (), (expected, low90, low50, high50, high90))

// q(quantity) = q(reference) + slope · ln(quantity / reference). quantity above zero.
price_band at_quantity(const item_benchmark_row& row, double quantity);

} // namespace pricing::market
