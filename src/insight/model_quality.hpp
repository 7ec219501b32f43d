#pragma once
// How well the model in use does, as far as an organization's tables tell: on the year that it had not learned from, by
// the newest check for drift, and against the prices that came in for what it was asked about.
#include "core/clock.hpp"
#include "core/ids.hpp"
#include "postgres/session.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pricing::insight {

// Of model_calibrations. Shares.
struct tested_quality {
  double coverage_90 = 0;       // of single bids
  double typical_error = 0;     // median |price/predicted − 1|
  double calibration_error = 0; // mean |observed − nominal| over intervals of ten widths; 0 where none was measured
};

// Of drift_reports: one of their rows' names, which are few.
struct drifted_column {
  std::string name;
  bool over_all = false; // in all prices together
  int categories = 0;    // in how many categories
};

struct drift_state {
  timestamp checked_at{};
  std::vector<drifted_column> columns; // drifted or not
};

// Verdicts of the last verdict_age against outcomes: offers on the same item at half to twice the quantity, that are of
// the verdict's day or up to outcome_age later and were loaded after the verdict was given. An offer counts once, for
// the newest verdict before it.
struct live_quality {
  std::int64_t prices = 0;
  double coverage_90 = 0;   // share of those inside the verdict's 90 % interval; 0 without prices
  double typical_error = 0; // median |price/expected − 1|
};

inline constexpr std::chrono::days verdict_age{180};
inline constexpr std::chrono::days outcome_age{90};
inline constexpr int verdicts_max = 200;         // the newest
inline constexpr int verdict_lines_max = 20'000; // of them

struct model_quality {
  std::optional<timestamp> promoted_at;
  std::optional<tested_quality> tested; // none before this version was measured
  std::optional<drift_state> drift;     // none before it was checked
};

// Blocking; throw database_error. Of this version, which is in use.
model_quality find_model_quality(postgres::session& database, organization_id organization, const std::string& version);
// Of all versions that answered. Up to verdict_lines_max look-ups in prices.
live_quality measure_live_quality(postgres::session& database, organization_id organization);

} // namespace pricing::insight
