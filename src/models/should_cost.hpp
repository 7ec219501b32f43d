#pragma once
// What a part made to a drawing should cost: POST /api/v1/should-cost. Pure: from a model and a request to the answer.
#include "core/clock.hpp"
#include "core/decimal.hpp"
#include "learn/part_cost.hpp"
#include "wire/json.hpp"

#include <boost/describe.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pricing::models {

inline constexpr std::size_t quantities_max = 20;

struct part_fact {
  wire::text<1, 200> name;  // as the table's column is called
  wire::text<1, 500> value; // "12.5" or "steel"
};
BOOST_DESCRIBE_STRUCT(part_fact, (), (name, value))

struct part_component {
  wire::text<1, 200> component;
  std::optional<wire::bounded<double, 0, 1'000'000>> quantity; // default 1
};
BOOST_DESCRIBE_STRUCT(part_component, (), (component, quantity))

struct should_cost_request {
  std::optional<wire::list<part_fact, 400>> facts;
  std::optional<wire::list<part_component, 500>> bill;
  std::optional<wire::text<0, 200>> supplier;
  std::optional<date> on;                                        // of the quote; default today
  std::optional<wire::list<decimal, quantities_max>> quantities; // asked for together; default one piece
  std::optional<wire::bounded<double, 0, 1'000'000'000>> annual_usage;
  std::optional<wire::bounded<double, 0, 1'000'000'000>> minimum_order;
  wire::defaulted<bool, false> bracketed;
};
BOOST_DESCRIBE_STRUCT(should_cost_request, (),
                      (facts, bill, supplier, on, quantities, annual_usage, minimum_order, bracketed))

// What one cause adds to the cost, per piece.
struct cost_part {
  std::string name;
  decimal money;
};
BOOST_DESCRIBE_STRUCT(cost_part, (), (name, money))

// Per piece. base and drivers add up to cost exactly.
struct part_cost {
  decimal quantity;
  decimal cost, low90, low50, high50, high90;
  decimal base; // of a usual part in the table
  std::vector<cost_part> drivers;
};
BOOST_DESCRIBE_STRUCT(part_cost, (), (quantity, cost, low90, low50, high50, high90, base, drivers))

struct should_cost_response {
  std::string model_version;
  std::string snapshot; // SHA-256 of the table that the model learned from
  std::string currency;
  std::vector<part_cost> costs;     // in order of the quantities
  std::vector<std::string> unknown; // facts and components that the model has never seen and cannot judge
};
BOOST_DESCRIBE_STRUCT(should_cost_response, (), (model_version, snapshot, currency, costs, unknown))

// A model with what is asked of it again and again.
struct loaded_part_cost {
  explicit loaded_part_cost(learn::part_cost_model m);
  const learn::part_cost_model model;
  const std::vector<std::string> measures, labels; // sorted
};

// Everything but version, snapshot and currency. invalid_input when nothing is said about the part.
result<should_cost_response> should_cost(const loaded_part_cost& known, const should_cost_request& request, date today);

} // namespace pricing::models
