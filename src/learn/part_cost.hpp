#pragma once
// Should-cost of made-to-drawing parts from their geometry, bill of materials, specifications and the terms of a quote:
// what a supplier may be expected to ask for a part that nobody has bought yet. Pure. Errors: invalid_input when there
// are too few quotes to learn from or a quote names an unknown part.
#include "core/error.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pricing::learn {

struct component {
  std::vector<std::string> labels;                      // "type=sleeve", "plating=yes": any facts that are no numbers
  std::vector<std::pair<std::string, double>> measures; // "weight", "length": by name, unknown ones left out
};

struct bill_line {
  std::string component;
  double quantity = 1;
};

struct part {
  std::vector<std::string> labels;                      // material, end forms, specifications
  std::vector<std::pair<std::string, double>> measures; // own geometry and weights
  std::vector<bill_line> bill;
};

struct part_catalog {
  std::unordered_map<std::string, component> components; // a bill may name others: then only their name is known
  std::unordered_map<std::string, part> parts;
};

// One price of one quote. Prices of a quote (same part, supplier and day) at several quantities are its brackets.
struct part_quote {
  std::string part, supplier;
  std::chrono::sys_days on;
  double quantity = 1;
  double annual_usage = 0;
  double order_min = 0;
  bool bracketed = false; // priced by quantity brackets, as announced in the request
  double unit_cost = 0;   // not looked at when predicting
};

struct part_cost_options {
  int rounds = 600;
  int depth = 8;
  double learning_rate = 0.045;
  int members = 2; // boosters averaged: seeds differ, and every other one learns a root of the cost, not its log
  int threads = 2;
  std::size_t label_parts_min = 12; // labels of fewer parts are known by the additive model only
  std::uint64_t seed = 1;
};

class part_cost_model {
 public:
  part_cost_model();
  part_cost_model(part_cost_model&&) noexcept;
  part_cost_model& operator=(part_cost_model&&) noexcept;
  ~part_cost_model();

  // Expected unit cost of each quote, at least 0. Quotes of one request belong in one call: the other brackets asked
  // for say how serious a quantity is.
  result<std::vector<double>> predict(const part_catalog& catalog, std::span<const part_quote> quotes) const;

 private:
  friend result<part_cost_model> train_part_cost(const part_catalog&, std::span<const part_quote>,
                                                 const part_cost_options&);
  struct parts;
  std::unique_ptr<parts> parts_;
};

// Minimises the squared error of log(1 + cost).
result<part_cost_model> train_part_cost(const part_catalog& catalog, std::span<const part_quote> quotes,
                                        const part_cost_options& options = {});

} // namespace pricing::learn
