#pragma once
// Whether new prices still look as those that the model was tested on: columns of a window of bids against a reference,
// over all and by category, in plain words. Pure.
#include "core/clock.hpp"
#include "insight/tested_prices.hpp"
#include "learn/drift.hpp"

#include <boost/describe.hpp>

#include <optional>
#include <string>
#include <vector>

namespace pricing::insight {

struct drift_row {
  std::string name;  // stable: price, prediction, residual, coverage, quantity, …
  std::string label; // for people
  std::string role;  // feature, target, prediction, residual, coverage
  bool drifted = false;
  double q = 1; // adjusted over all rows of the report and, below 500 lines, for looks at more of them to come
  double jensen_shannon = 0, psi = 0, wasserstein = 0, ks = 0;
  double jensen_shannon_limit = 0, psi_limit = 0, wasserstein_limit = 0, ks_limit = 0; // what chance alone reaches
  std::optional<double> reference, window; // means as people read them: shares, ratios, numbers
  std::string text;                        // "prices are 6 % above what their items cost before; they were 1 % above"
};
BOOST_DESCRIBE_STRUCT(drift_row, (),
                      (name, label, role, drifted, q, jensen_shannon, psi, wasserstein, ks, jensen_shannon_limit,
                       psi_limit, wasserstein_limit, ks_limit, reference, window, text))

struct drift_group {
  std::string name; // a category, or "all"
  std::int64_t bids = 0;
  bool too_little_data = false;
  std::vector<drift_row> rows; // drifted ones first
};
BOOST_DESCRIBE_STRUCT(drift_group, (), (name, bids, too_little_data, rows))

struct drift_report {
  std::string model_version;
  date reference_from{}, reference_to{}, window_from{}, window_to{};
  std::int64_t reference_bids = 0, window_bids = 0;
  int drifted = 0;                 // rows of all groups
  std::vector<drift_group> groups; // "all" first
  std::optional<std::string> why_not;
};
BOOST_DESCRIBE_STRUCT(drift_report, (),
                      (model_version, reference_from, reference_to, window_from, window_to, reference_bids, window_bids,
                       drifted, groups, why_not))

// Bids of one day vary together, so days are what windows are drawn of; the residual of a category is tested by the
// lines of events (learn/price_shift.hpp). Both must come from the same model, which saw neither. model_version and the
// dates are left to the caller.
drift_report compare_prices(const price_context& context, const tested_prices& reference, const tested_prices& window);

} // namespace pricing::insight
