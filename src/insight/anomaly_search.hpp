#pragma once
// Which prices of an upload do not fit, why, and what that costs. Pure; bounded by its options.
#include "insight/price_context.hpp"

#include <boost/describe.hpp>

#include <optional>
#include <string>
#include <vector>

namespace pricing::insight {

struct anomaly_reason {
  std::string feature;                  // of price_feature_names
  std::string text;                     // in plain words
  double share = 0;                     // of the evidence
  std::optional<double> value, typical; // as the feature has them: mostly natural logs of ratios
};
BOOST_DESCRIBE_STRUCT(anomaly_reason, (), (feature, text, share, value, typical))

struct examined_price {
  std::uint32_t line = 0;                   // of the history
  std::uint32_t supplier = learn::no_index; // index into history.suppliers()
  double price = 0;                         // per unit
  double quantity = 0;
};

struct strange_price {
  std::size_t row = 0; // of those examined
  double expected = 0; // per unit
  double excess = 0;   // (price − expected) · quantity
  double score = 0;    // mean −log p of the detectors: larger is stranger
  double p = 1, q = 1; // q: adjusted for the rows of the upload
  std::vector<anomaly_reason> reasons;
};

struct search_options {
  double false_discovery_rate = 0.1;
  std::size_t found_max = 500;              // the most money first
  std::size_t reference_rows_max = 120'000; // drawn evenly from the newest years
  int reference_years = 5;
  double ordinary_z_max = 6; // robust spreads of the item; see find_strange_prices
};

struct search_report {
  std::size_t examined = 0; // with something to compare
  std::size_t left_out = 0; // without
  std::size_t reference = 0;
  std::vector<strange_price> found;
  std::optional<std::string> why_not; // nothing was examined
};

// The reference is what was offered on other lines of the history, or where that is too little (a first load) on these;
// without prices more than ordinary_z_max robust spreads off, as history has its own slips and unbalanced bids, among
// which new ones would pass. So the false discovery rate is that of ordinary prices among those found.
// An anomaly must lie in its price or quantity: a rare event with a usual price is none.
search_report find_strange_prices(const price_context& context, std::span<const examined_price> prices,
                                  const search_options& options = {});

} // namespace pricing::insight
