#pragma once
// Formula 2, the market index: expenditure-weighted time-product dummy, ln p_it = α_i + δ_t + ε, with a bootstrap
// interval over items, and the buyer's own basket as a chained Fisher index. Pure and deterministic (fixed seed).
#include <cstdint>
#include <span>
#include <vector>

namespace pricing::economics {

struct index_price {
  std::uint32_t item = 0;   // dense
  std::uint32_t period = 0; // dense, 0 = base
  double log_price = 0;     // adjusted for quantity where that matters
  double expenditure = 1;   // weight; ≤ 0 is left out
};

struct index_options {
  std::uint32_t periods = 0;
  int bootstrap = 60;             // resamples of items; 0: no interval
  double weight_share_max = 0.02; // no single item-period above this share of its period: one large line is no market
  std::uint64_t seed = 1;
};

struct index_point {
  double value = 100;              // base period 100
  double lower = 100, upper = 100; // 90 % interval
  std::uint32_t matched_items = 0; // items of this period that are seen in another one too
  double matched_share = 0;        // their share of the period's expenditure
};

// One point per period; a period without a matched item repeats the one before with matched_items 0.
std::vector<index_point> market_index(std::span<const index_price> prices, const index_options& options);

struct basket_line {
  std::uint32_t item = 0;
  std::uint32_t period = 0;
  double price = 0;
  double quantity = 0;
};
// Chained Fisher over adjacent periods with common items: P = √(Laspeyres · Paasche); base 100. A period without common
// items repeats the one before.
std::vector<double> own_index(std::span<const basket_line> lines, std::uint32_t periods);

} // namespace pricing::economics
