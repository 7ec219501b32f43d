#pragma once
// What a model says of prices that it has not seen, beside what they were. Pure.
#include "insight/price_context.hpp"
#include "learn/price_model.hpp"
#include "learn/price_shift.hpp"

#include <cstdint>
#include <vector>

namespace pricing::insight {

// One offer on a line that could be predicted.
struct tested_price {
  std::uint32_t line = 0; // of the history
  float log_price = 0;
  float log_predicted = 0; // of the model
  float central = 0;       // share of comparable bids nearer to the middle than this price: uniform if intervals are
                           // honest; NaN where the model cannot say
  bool inside_90 = false, inside_50 = false;
};

// The middle offer of a line against the prediction; lines with at least bids_to_judge earlier bids on the item.
struct tested_line {
  std::uint32_t line = 0; // of the history
  learn::judged_line judged;
};

struct tested_prices {
  std::vector<tested_price> prices; // in order of event and line
  std::vector<tested_line> judged;  // lines of one event together
  std::size_t lines = 0;
  // Mean size of each reason in log price, over up to explained_lines_max lines; see learn::reason_names.
  std::array<double, learn::reason_groups> reasons{};
};

inline constexpr std::size_t tested_lines_max = 40'000; // the newest
inline constexpr std::size_t explained_lines_max = 2'000;
inline constexpr std::uint32_t bids_to_judge = 3;

// Offers of days in [from, until), days since 1970-01-01. The model must not have learned from them.
tested_prices test_prices(const price_context& context, const learn::price_model& model, std::int32_t from,
                          std::int32_t until);

} // namespace pricing::insight
