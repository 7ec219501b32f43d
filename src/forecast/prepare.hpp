#pragma once
// What a raw series needs before a model sees it: gaps filled, level shifts taken out, numbers of the order of one.
// Pure.
#include "core/error.hpp"

#include <optional>
#include <span>
#include <vector>

namespace pricing::forecast {

inline constexpr int values_max = 10'000;
inline constexpr int period_max = 366;

struct level_shift {
  int at = 0;        // position in the given series of the first value on the new level
  double change = 0; // new over old level minus one where all values are positive, else new minus old
};

struct prepared_series {
  std::vector<double> values; // no gaps, from the first value used to the last observed one, divided by `scale`
  std::vector<bool> observed; // false where filled in
  int period = 1;             // 1 where the series is too short or too sparse to show a season
  double scale = 1;           // mean absolute value
  int skipped = 0;            // given values before the first used
  int trailing_gap = 0;       // missing values after the last observed
  bool positive = false;      // all of them, and not so far apart that ratios mean little
  bool constant = false;
  std::vector<level_shift> shifts; // removed: what came before stands on the newest level
};

struct prepare_options {
  int observed_min = 3;
  double observed_share_min = 0.2;
  int trailing_gap_cycles_max = 2; // a series without a value for longer says nothing about now
  bool remove_level_shifts = true;
};

// NaN is a missing value. invalid_input says which value is wrong, or why nothing can be forecast from this series.
result<prepared_series> prepare(std::span<const double> values, int period, const prepare_options& options = {});

} // namespace pricing::forecast
