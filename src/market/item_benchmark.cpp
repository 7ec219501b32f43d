#include "market/item_benchmark.hpp"

#include <cmath>

namespace pricing::market {

price_band at_quantity(const item_benchmark_row& row, double quantity) {
  const double moved = row.slope * std::log(quantity / row.reference_quantity);
  return {std::exp(row.q50 + moved), std::exp(row.q05 + moved), std::exp(row.q25 + moved), std::exp(row.q75 + moved),
          std::exp(row.q95 + moved)};
}

} // namespace pricing::market
