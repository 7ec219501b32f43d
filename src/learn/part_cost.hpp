#pragma once
// Should-cost of made-to-drawing parts from their geometry, bill of materials, specifications and the terms of a quote:
// what a supplier may be expected to ask for a part that nobody has bought yet. Pure. Errors: invalid_input when there
// are too few quotes to learn from, a quote names an unknown part or bytes are no model of this version.
#include "core/error.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
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
  int calibration_folds = 0; // fifths of the parts, held out in turn: intervals and a report come of them; 0: neither
  std::size_t label_parts_min = 12; // labels of fewer parts are known by the additive model only
  std::uint64_t seed = 1;
  std::function<void()> after_member; // members × (1 + calibration_folds) times, from the calling thread
};

// On quotes of parts that were held out. rmsle: root of the mean square of log(1 + cost) missed by; rmsle_usual: the
// same of the mean alone, which a model must beat. typical_error: median of |predicted / paid − 1|.
struct part_cost_report {
  std::size_t quotes = 0;
  double rmsle = 0, rmsle_usual = 0;
  double typical_error = 0;
  double coverage_90 = 0; // of intervals from one half of the parts, on the other
};

// One cause and what it adds to the cost, per unit: "quantity", a measure's name or a label.
struct cost_driver {
  std::string name;
  double money = 0;
};

// Per unit. base + the drivers' money = cost, except where the cost was cut at 0. Without calibration the interval is
// [cost, cost].
struct part_cost_estimate {
  double cost = 0;
  double low90 = 0, low50 = 0, high50 = 0, high90 = 0;
  double base = 0;                  // of a usual part in these data
  std::vector<cost_driver> drivers; // the largest first; the small ones together are "other"
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

  // The same costs with intervals for a single quoted price and what makes them (TreeSHAP, divided by the logarithmic
  // mean).
  result<std::vector<part_cost_estimate>> estimate(const part_catalog& catalog,
                                                   std::span<const part_quote> quotes) const;

  const part_cost_report& report() const;
  std::vector<std::string> measures() const; // by name
  std::vector<std::string> labels() const;   // all that were seen, suppliers as "supplier=…", by name

  // Equal models give equal bytes.
  std::string save() const;
  static result<part_cost_model> load(std::string_view bytes);

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
