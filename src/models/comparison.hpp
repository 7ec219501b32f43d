#pragma once
// Two versions of a model side by side: figures with which is better, categories, parameters, features, the data behind
// each, and why each is or is not in use. Pure. Called by GET /api/v1/models/{name}/compare (models_routes).
#include "core/clock.hpp"

#include <boost/describe.hpp>
#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::models {

enum class model_kind : std::uint8_t { price, part_cost };

// One version as the registry knows it.
struct model_record {
  std::string version;
  std::string state; // candidate, promoted, retired, rejected
  timestamp created_at;
  std::optional<timestamp> promoted_at;
  std::optional<date> trained_until;
  std::optional<date> tested_from, tested_to; // of the calibration report, where there is one
  std::string snapshot;                       // of the data learned from; empty where none was kept
  boost::json::value metrics;                 // as in to_metrics (training.hpp, part_cost_training)
  boost::json::value parameters;
  std::vector<std::string> features; // empty where none were kept
};
BOOST_DESCRIBE_STRUCT(model_record, (),
                      (version, state, created_at, promoted_at, trained_until, tested_from, tested_to, snapshot,
                       metrics, parameters, features))

struct compared_version {
  std::string version;
  std::string state;
  timestamp created_at;
  std::optional<timestamp> promoted_at;
  std::optional<date> trained_until, tested_from, tested_to;
  std::string snapshot;
  std::string why; // it is, was or is not in use: a sentence with the figures that decided
};
BOOST_DESCRIBE_STRUCT(compared_version, (),
                      (version, state, created_at, promoted_at, trained_until, tested_from, tested_to, snapshot, why))

// best and the others of that name: left, right, equal; none where nothing can be said.
struct compared_figure {
  std::string name; // as in the metrics
  std::string label;
  std::string unit;      // share, number, count, seconds
  bool baseline = false; // of a simpler way to guess: tells how hard the test was, not how good the model is
  std::optional<double> left, right;
  std::optional<double> difference; // right − left
  std::optional<std::string> best;
};
BOOST_DESCRIBE_STRUCT(compared_figure, (), (name, label, unit, baseline, left, right, difference, best))

// Of lines of one category; absent where a version has none of them, or kept no figures by category. Shares.
struct compared_category {
  std::string name;
  std::optional<double> left_lines, right_lines;
  std::optional<double> left_error, right_error; // typical: median of |predicted / lowest bid − 1|
  std::optional<std::string> best_error;
  std::optional<double> left_coverage, right_coverage; // of the 90 % interval
  std::optional<std::string> best_coverage;            // nearest to 90 %
};
BOOST_DESCRIBE_STRUCT(compared_category, (),
                      (name, left_lines, right_lines, left_error, right_error, best_error, left_coverage,
                       right_coverage, best_coverage))

struct compared_parameter {
  std::string name;
  std::optional<std::string> left, right; // as JSON
  bool differs = false;
};
BOOST_DESCRIBE_STRUCT(compared_parameter, (), (name, left, right, differs))

struct compared_features {
  bool known = false; // both versions kept their features
  std::int64_t shared = 0;
  std::vector<std::string> only_left, only_right;
};
BOOST_DESCRIBE_STRUCT(compared_features, (), (known, shared, only_left, only_right))

struct model_comparison {
  std::string name;
  compared_version left, right;
  bool same_data = false; // both learned from one snapshot
  // The same test lines judged both, so that differences speak of the models alone; absent where that cannot be told.
  std::optional<bool> same_test_lines;
  std::vector<compared_figure> figures;      // those that people look at first
  std::vector<compared_category> categories; // with the largest difference of the error first; those of one side last
  std::vector<compared_parameter> parameters;
  compared_features features;
};
BOOST_DESCRIBE_STRUCT(model_comparison, (),
                      (name, left, right, same_data, same_test_lines, figures, categories, parameters, features))

model_comparison compare_versions(model_kind kind, const model_record& left, const model_record& right);

// What people call a metric such as "low_ours"; the name itself where none is known.
std::string_view label_of(std::string_view metric);
// nullopt: not an object, absent, or no number.
std::optional<double> number_at(const boost::json::value& object, std::string_view name);

// The sentence of compared_version::why.
std::string why_in_use(model_kind kind, const model_record& version);

} // namespace pricing::models
