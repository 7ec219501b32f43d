#pragma once
// What follows from the prices of one organization, computed in memory: the market index, each item's benchmark and
// sparkline, each supplier's place. Pure: the same history gives the same answer. Bids below are all prices except
// estimates and list prices.
#include "learn/history.hpp"
#include "market/item_benchmark.hpp"

#include <optional>
#include <vector>

namespace pricing::market {

// One calendar month of the index; base 100 is the first one. See economics/market_index.hpp.
struct index_month {
  date month{};
  double value = 100;
  double lower = 100, upper = 100;
  std::int64_t matched_items = 0;
  double own_value = 100; // the buyer's own basket at winning prices: GEKS over Fisher indices of all pairs of months
};

// Months from the first one with enough items to the newest with any; empty when there is none.
struct market_months {
  std::vector<index_month> months;
  std::int32_t first = 0;        // month number of months[0]: 12 · year + month − 1
  std::vector<double> log_level; // per month; a month with too few matched items keeps the level before it
  // Natural log of the market's level on a day (days since 1970-01-01), held constant beyond both ends; 0 without one.
  double log_on(std::int32_t day) const;
};

// Months with fewer items seen in other months too say nothing.
inline constexpr std::int64_t index_items_min = 10;

market_months derive_index(const learn::price_history& history, int bootstrap = 40);

struct item_sparkline {
  item_id item;
  std::vector<float> medians; // of up to the last twelve quarters with bids, oldest first
};

// Unit prices at the item's usual quantity: medians over the lines of the newest twelve months and of the twelve
// before. Only for items with enough lines in both.
struct item_change {
  item_id item;
  double from_price = 0, to_price = 0;
  std::int64_t bids = 0; // of the newest twelve months
};
inline constexpr std::size_t change_lines_min = 5;

struct derived_items {
  std::vector<item_benchmark_row> benchmarks;
  std::vector<item_change> changes;
  std::vector<item_sparkline> sparklines;
};

// Benchmarks as of a day at the median quantity of each item's lines of the two years before it (of all its lines where
// there is none). Items with too few prices get none.
derived_items derive_items(const learn::price_history& history, const market_months& index, date as_of);

// position: mean of ln(price / median bid of the same line), or where the price stands alone (a purchase), of
// ln(price / benchmark moved to its quantity and day); absent when nothing compares.
struct supplier_row {
  supplier_id supplier;
  std::int64_t bids = 0, events = 0;
  std::int64_t wins = 0; // events in which it is ranked first, or without ranks has the lowest total of full bids
  std::optional<double> position;
  std::optional<double> spread; // standard deviation of the same; absent below two
  date last_on{};
};
struct supplier_item_row {
  item_id item;
  supplier_id supplier;
  std::int64_t bids = 0;
  double position = 0;
  double low = 0, high = 0; // unit prices
  date last_on{};
};
struct derived_suppliers {
  std::vector<supplier_row> suppliers;
  std::vector<supplier_item_row> items; // only where something compares; by item
};

derived_suppliers derive_suppliers(const learn::price_history& history, const market_months& index,
                                   const std::vector<item_benchmark_row>& benchmarks);

} // namespace pricing::market
