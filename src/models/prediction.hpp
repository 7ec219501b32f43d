#pragma once
// What pricing-ml takes and gives: POST /api/v1/predictions/batch. The organization is that of the bearer token.
// Money and quantities are decimals, statistics are numbers.
#include "core/clock.hpp"
#include "core/decimal.hpp"
#include "wire/json.hpp"

#include <boost/describe.hpp>

#include <optional>
#include <string>
#include <vector>

namespace pricing::models {

inline constexpr std::size_t lines_max = 10'000;
inline constexpr std::size_t prices_max = 50; // of one line

// One line of an event. A known item by its id; anything else is judged by its description.
struct prediction_line {
  std::optional<std::int64_t> item_id;
  std::optional<wire::text<1, 500>> description;
  wire::text<0, 50> unit;
  decimal quantity;
  wire::list<decimal, prices_max> prices; // quoted unit prices whose tail probabilities are wanted; may be empty
};
BOOST_DESCRIBE_STRUCT(prediction_line, (), (item_id, description, unit, quantity, prices))

// The lines of one event together: the size of the project and a line's share in it matter.
struct prediction_request {
  std::optional<date> on;                  // the day the prices are for: only earlier prices are used; default today
  std::optional<wire::text<0, 100>> place; // as in the events' place
  wire::defaulted<bool, true> reasons;
  wire::list<prediction_line, lines_max> lines;
};
BOOST_DESCRIBE_STRUCT(prediction_request, (), (on, place, reasons, lines))

// One part of the expected price, per unit; the parts add up to it. share: 0.12 raises the price by 12 %.
struct price_reason {
  std::string name;
  std::string label;
  decimal money;
  double share = 0;
};
BOOST_DESCRIBE_STRUCT(price_reason, (), (name, label, money, share))

// Share of comparable prices at least (upper) or at most (lower) as far out as the quoted one; n: how many were seen.
// All zero when there is too little to say.
struct price_tail {
  double upper = 0;
  double lower = 0;
  double n = 0;
};
BOOST_DESCRIBE_STRUCT(price_tail, (), (upper, lower, n))

struct predicted_line {
  std::string source = "none"; // model, benchmark or none; the prices below are absent for none
  std::optional<decimal> expected;
  std::optional<decimal> expected_low;   // of the event's lowest bidder
  std::optional<decimal> expected_total; // share in an unbiased total of the proposal, per unit
  std::optional<decimal> low90, low50, high50, high90;
  double effective_n = 0;
  std::int64_t bids = 0; // earlier bids looked at
  std::optional<date> newest_on;
  double log_scale = 0; // usual spread of log(price / expected) on such a line; 0 when unknown
  std::vector<price_reason> reasons;
  std::vector<price_tail> tails; // one for each of the line's prices, in order
};
BOOST_DESCRIBE_STRUCT(predicted_line, (),
                      (source, expected, expected_low, expected_total, low90, low50, high50, high90, effective_n, bids,
                       newest_on, log_scale, reasons, tails))

struct prediction_response {
  std::optional<std::string> model_version; // absent while no model is promoted
  std::string snapshot;                     // of the prices that were used
  std::optional<date> trained_until;
  std::vector<predicted_line> lines; // in order of the request
};
BOOST_DESCRIBE_STRUCT(prediction_response, (), (model_version, snapshot, trained_until, lines))

// POST /api/v1/predictions/price: one line, alone in its event.
struct price_request {
  std::optional<date> on;
  std::optional<wire::text<0, 100>> place;
  prediction_line line;
};
BOOST_DESCRIBE_STRUCT(price_request, (), (on, place, line))

struct price_response {
  std::optional<std::string> model_version;
  std::string snapshot;
  std::optional<date> trained_until;
  predicted_line line;
};
BOOST_DESCRIBE_STRUCT(price_response, (), (model_version, snapshot, trained_until, line))

} // namespace pricing::models
