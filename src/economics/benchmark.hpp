#pragma once
// Formula 1, like-for-like benchmark: weighted quantiles of log price, adjusted to a reference quantity by the item's
// own log-log slope (shrunk to its category) and to a day by an index. One item, one unit, one currency per call: the
// caller passes only those. Pure.
#include <cstdint>
#include <optional>
#include <span>

namespace pricing::economics {

struct benchmark_price {
  std::int32_t day = 0; // days since 1970-01-01
  double log_price = 0;
  double log_quantity = 0;
  double log_index = 0; // of the market on that day; 0 everywhere when there is none
  double weight = 1;    // e.g. below 1 for a supplier or place that is less comparable
};

struct benchmark_request {
  std::int32_t as_of = 0; // prices on or after this day are not used
  double log_quantity = 0;
  double log_index = 0; // on as_of
  double category_slope = 0;
  double category_slope_weight = 20; // as many prices' worth of the item's own slope evidence
  double time_scale_days = 300;      // weight exp(−age/scale)
  double quantity_scale = 0.8;       // weight exp(−½((log q − log q₀)/scale)²)
  double effective_n_min = 3;
};

struct benchmark {
  double q05 = 0, q25 = 0, median = 0, q75 = 0, q95 = 0; // log price at the reference quantity and day
  double slope = 0;                                      // d log price / d log quantity
  double effective_n = 0;                                // (Σw)²/Σw²
  std::uint32_t prices = 0;                              // used
  std::int32_t newest_day = 0;
};

// Weighted median slope evidence: within-item regression of log price on log quantity, shrunk towards the category's.
double shrunk_slope(std::span<const benchmark_price> prices, double category_slope, double category_weight);

// nullopt when fewer than effective_n_min effective prices are there: say so, do not guess.
std::optional<benchmark> make_benchmark(std::span<const benchmark_price> prices, const benchmark_request& request);

} // namespace pricing::economics
