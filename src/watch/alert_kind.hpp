#pragma once
// The things that can be watched: what its threshold means and how its findings are read.
#include "core/error.hpp"

#include <boost/describe.hpp>

#include <span>
#include <string_view>

namespace pricing::watch {

enum class alert_kind {
  price_change,      // an item's last twelve months against the twelve before, up or down; share
  market_change,     // the market index against three months earlier, up or down; share
  supplier_position, // a supplier dearer than the median bid of its lines; share
  verdict_excess,    // a judged proposal above fair prices; money
  model_coverage,    // the 90 % interval of the price model covers less than this; share
  model_age,         // days since the newest price that the model has seen
  data_age           // days since the newest price
};
BOOST_DESCRIBE_ENUM(alert_kind, price_change, market_change, supplier_position, verdict_excess, model_coverage,
                    model_age, data_age)

enum class threshold_unit { share, money, days };
BOOST_DESCRIBE_ENUM(threshold_unit, share, money, days)

struct kind_definition {
  alert_kind kind;
  threshold_unit unit;
  double threshold_min, threshold_max; // sensible ones
  // A raised alert stays until the value passes keep x threshold, so that one at the edge does not come and go.
  double keep;
  bool is_low_bad; // raised below the threshold, not above it
  bool is_event;   // happened once; stays until somebody acknowledges it
  // $1 organization, $2 threshold, $3 item or null -> finding (alert_evaluation.hpp), the dearest first, 200 at most.
  const char* select;
};

std::span<const kind_definition> alert_kinds();
const kind_definition& definition_of(alert_kind kind);

} // namespace pricing::watch
