#pragma once
// How honest a model's intervals are on prices that it has not seen, by size and category, and what moves its prices.
// Pure.
#include "core/clock.hpp"
#include "insight/tested_prices.hpp"

#include <boost/describe.hpp>

#include <optional>
#include <string>
#include <vector>

namespace pricing::insight {

struct coverage_row {
  std::string name;
  std::int64_t bids = 0;
  double coverage_90 = 0, coverage_50 = 0; // shares of bids inside the interval
  double typical_error = 0;                // median |price/predicted − 1|
};
BOOST_DESCRIBE_STRUCT(coverage_row, (), (name, bids, coverage_90, coverage_50, typical_error))

// Of intervals that should cover `nominal` of the bids, how many do.
struct reliability_point {
  double nominal = 0, observed = 0;
};
BOOST_DESCRIBE_STRUCT(reliability_point, (), (nominal, observed))

struct importance_row {
  std::string name, label;   // learn::reason_names
  double share = 0;          // of all that moves prices away from the start
  double typical_change = 0; // 0.08: moves a price by 8 % on average, up or down
};
BOOST_DESCRIBE_STRUCT(importance_row, (), (name, label, share, typical_change))

struct calibration_report {
  date tested_from{}, tested_to{};
  std::int64_t lines = 0;
  coverage_row overall;
  std::vector<coverage_row> by_size;     // quantity against the item's usual one, the smallest first
  std::vector<coverage_row> by_category; // those with most bids
  std::vector<reliability_point> reliability;
  std::vector<importance_row> importance; // the weightiest first
};
BOOST_DESCRIBE_STRUCT(calibration_report, (),
                      (tested_from, tested_to, lines, overall, by_size, by_category, reliability, importance))

inline constexpr std::size_t categories_shown = 10;
inline constexpr std::int64_t bids_for_coverage = 30; // a group with fewer is not shown

calibration_report measure_calibration(const price_context& context, const tested_prices& tested, date from, date to);

} // namespace pricing::insight
