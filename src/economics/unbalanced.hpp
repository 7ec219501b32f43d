#pragma once
// Formula 12, unbalanced bids: per line (bid/expected) against the bidder's own level, the money that moves, and
// whether the ranking of bidders turns when the quantities of flagged lines are off by ±20 %. Pure.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace pricing::economics {

struct bid_line {
  double price = 0;
  double expected = 0; // ≤ 0: unknown, the line is not judged
  double quantity = 0;
  double log_scale = 0.4; // usual spread of log(price/expected) on such a line
};

struct line_flag {
  std::size_t line = 0;
  double ratio = 1; // price / expected, over the bidder's own level: 2 = twice as dear as his other lines
  double money = 0; // (price − level · expected) · quantity
  bool high = false;
};

struct unbalanced_options {
  double z = 2.5;                 // flagged beyond so many scales
  double money_share_min = 0.005; // and moving at least this share of the bidder's total
  double quantity_change = 0.20;
};

struct unbalanced_report {
  double score = 0;     // Σ|money off the own level| / total, 0 = balanced
  double log_level = 0; // money-weighted median of log(price/expected)
  double total = 0;
  std::vector<line_flag> flags;            // largest money first
  bool rank_reversal = false;              // only the lowest bidder can lose his place
  std::vector<std::size_t> reversal_lines; // flagged lines whose quantity ±20 % turns the two lowest
};

unbalanced_report examine(std::span<const bid_line> bid, const unbalanced_options& options = {});

// All bidders on the same lines (bids[k][i] is bidder k's price on line i): examine each, then check the two lowest
// totals for reversal. Shapes: every bid has as many lines as the first.
std::vector<unbalanced_report> examine_all(std::span<const std::vector<bid_line>> bids,
                                           const unbalanced_options& options = {});

} // namespace pricing::economics
