#pragma once
// What a table of part quotes allows to say about a part: the fields of a form, with what is usual in each and one part
// as an example. Made when a model is trained, kept with its metrics, shown by GET /api/v1/should-cost. Pure.
#include "models/part_table.hpp"

#include <boost/describe.hpp>

#include <optional>
#include <string>
#include <vector>

namespace pricing::models {

// Over the parts that state it.
struct measure_field {
  std::string name;
  double low = 0, usual = 0, high = 0; // 5th, 50th and 95th percentile
  std::int64_t parts = 0;
};
BOOST_DESCRIBE_STRUCT(measure_field, (), (name, low, usual, high, parts))

struct known_value {
  std::string value;
  std::int64_t parts = 0; // that have it; for a supplier: quotes
};
BOOST_DESCRIBE_STRUCT(known_value, (), (value, parts))

struct label_field {
  std::string name;
  std::vector<known_value> values; // the most frequent first, form_values_max at most
  bool more = false;               // there are others
  std::int64_t parts = 0;
};
BOOST_DESCRIBE_STRUCT(label_field, (), (name, values, more, parts))

struct example_fact {
  std::string name, value;
};
BOOST_DESCRIBE_STRUCT(example_fact, (), (name, value))

struct example_component {
  std::string component;
  double quantity = 1;
};
BOOST_DESCRIBE_STRUCT(example_component, (), (component, quantity))

struct example_part {
  std::string part;
  std::string supplier;
  std::vector<example_fact> facts;
  std::vector<example_component> bill;
  std::vector<double> quantities; // that it was quoted at, ascending, five at most
};
BOOST_DESCRIBE_STRUCT(example_part, (), (part, supplier, facts, bill, quantities))

struct part_form {
  std::vector<named_column> terms;
  std::vector<measure_field> measures; // both in the order of the table's columns
  std::vector<label_field> labels;
  std::vector<known_value> components, suppliers; // the most frequent first, form_values_max at most
  std::optional<example_part> example;
};
BOOST_DESCRIBE_STRUCT(part_form, (), (terms, measures, labels, components, suppliers, example))

inline constexpr std::size_t form_values_max = 200;

part_form form_of(const part_table& table);

} // namespace pricing::models
