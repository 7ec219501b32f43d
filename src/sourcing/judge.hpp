#pragma once
// The verdict on a proposal from its expected prices: pure, no I/O. Formula 4 per quote, 12 per bidder.
#include "market/item_benchmark.hpp"
#include "models/prediction.hpp"
#include "sourcing/proposal.hpp"

#include <span>

namespace pricing::sourcing {

// The item that a line was recognized as.
struct known_item {
  std::int64_t id = 0;
  std::string name;
  std::string unit;
  bool is_priced = true;  // false: a lump sum or an allowance, whose prices do not compare
  double match_score = 1; // below 1: only similar, with this probability
};

// Prices that have a logarithm: those a prediction is asked about, in order. Its tails are in this order.
std::vector<decimal> asked_prices(const proposal_line& line);

// A benchmark as a prediction for one line: its band at the line's quantity, and how far out each asked price lies by
// the benchmark's quantiles (log-linear between them and beyond; never less than 1/(n + 1)). source "none" when the
// quantity is too far from the usual one to say anything.
models::predicted_line predict_from(const market::item_benchmark_row& benchmark, const proposal_line& line);

// items and predictions have one element per line of the proposal, which fulfils check(). Bidders come best rank first;
// id, currency, model_version, model_available, notice and supplier ids are the caller's.
verdict judge_proposal(const proposal& p, std::span<const std::optional<known_item>> items,
                       std::span<const models::predicted_line> predictions);

// Worst first: very_high, suspiciously_low, high, low, fair, too_little_data. Of the best-ranked bidder.
std::string worst_of(const verdict& v);

} // namespace pricing::sourcing
