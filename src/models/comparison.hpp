#pragma once
// Two versions of a model side by side: figures with which is better, categories, parameters, features, the data behind
// each, and why each is or is not in use. Pure. Called by GET /api/v1/models/{name}/compare (comparison_routes).
#include "core/clock.hpp"

#include <boost/describe.hpp>
#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::models {

enum class model_kind : std::uint8_t { price, part_cost, uploaded };

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
  boost::json::value features; // an array of {name, kind} or of names; anything else: none were kept
};
BOOST_DESCRIBE_STRUCT(model_record, (),
                      (version, state, created_at, promoted_at, trained_until, tested_from, tested_to, snapshot,
                       metrics, parameters, features))

// What an uploaded file is made of.
struct model_file {
  std::string format; // "xgboost 1.7.4", "lightgbm v4"
  std::string output; // link from margin to prediction: identity, sigmoid, softmax, …
  std::string sha256;
  std::int64_t bytes = 0;
  std::int64_t features = 0;
  std::int64_t outputs = 0; // values of a prediction
  std::int64_t trees = 0;
  std::int64_t leaves = 0;
  std::int64_t depth = 0; // splits on the longest way from a root to a leaf
  double leaf_depth = 0;  // on the way to a leaf, mean over all
};
BOOST_DESCRIBE_STRUCT(model_file, (),
                      (format, output, sha256, bytes, features, outputs, trees, leaves, depth, leaf_depth))

struct promotion {
  timestamp at;
  std::optional<std::string> by;      // a person's name; none where a program did it, or someone who left
  std::optional<timestamp> undone_at; // rolled back
  std::optional<std::string> undone_by;
};
BOOST_DESCRIBE_STRUCT(promotion, (), (at, by, undone_at, undone_by))

// What uploaded versions have beside the others is in the last three.
struct compared_version {
  std::string version;
  std::string state; // as in model_record; of uploaded ones also challenger and shadow
  timestamp created_at;
  std::optional<timestamp> promoted_at;
  std::optional<date> trained_until, tested_from, tested_to;
  std::string snapshot;
  std::string why; // it is, was or is not in use: a sentence with the figures that decided
  std::optional<std::string> uploaded_by;
  std::optional<model_file> file;
  std::vector<promotion> promotions; // newest first
};
BOOST_DESCRIBE_STRUCT(compared_version, (),
                      (version, state, created_at, promoted_at, trained_until, tested_from, tested_to, snapshot, why,
                       uploaded_by, file, promotions))

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

// Of trees that learned from it: how much of all that their splits gained, and how many of them ask for it.
struct feature_use {
  std::optional<double> gain; // share; none where the file does not say
  std::int64_t splits = 0;
};
BOOST_DESCRIBE_STRUCT(feature_use, (), (gain, splits))

struct compared_feature {
  std::string name;
  std::string kind;   // what it is about, or how it is read; empty where that was not kept
  std::string change; // added, removed, kept: from left to right. One of another kind is another feature.
  std::optional<feature_use> left, right; // where the version's file says so
};
BOOST_DESCRIBE_STRUCT(compared_feature, (), (name, kind, change, left, right))

inline constexpr std::size_t features_listed_max = 1'000;
struct compared_features {
  bool known = false; // both versions kept their features
  std::int64_t added = 0, removed = 0, kept = 0;
  std::vector<compared_feature> list; // in this order, at most features_listed_max; used ones first
};
BOOST_DESCRIBE_STRUCT(compared_features, (), (known, added, removed, kept, list))

// Of requests that one of the two answered and the other, as its shadow, answered too: |right − left| of predictions,
// as far as the prediction service that was asked has counted since it holds both.
struct answer_differences {
  std::int64_t rows = 0;
  std::int64_t differing = 0; // by more than 1e-6 of the larger of the two
  std::int64_t failed = 0;    // requests that the shadow could not answer
  double mean_difference = 0;
  double max_difference = 0;
};
BOOST_DESCRIBE_STRUCT(answer_differences, (), (rows, differing, failed, mean_difference, max_difference))

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
  std::optional<answer_differences> answers; // of uploaded versions, while one is the shadow of the other
};
BOOST_DESCRIBE_STRUCT(model_comparison, (),
                      (name, left, right, same_data, same_test_lines, figures, categories, parameters, features,
                       answers))

// Of uploaded versions without what only their files and the registry know, and with all features: see
// compare_uploaded.
model_comparison compare_versions(model_kind kind, const model_record& left, const model_record& right);

// Added, removed, kept, each by what the trees gained of it, by name among equals; no more than features_listed_max.
void order_features(compared_features& features);

// left, right or equal; none where a side says nothing.
std::optional<std::string> better_side(std::optional<double> left, std::optional<double> right, bool higher_is_better);

// What people call a metric such as "low_ours"; the name itself where none is known.
std::string_view label_of(std::string_view metric);
// nullopt: not an object, absent, or no number.
std::optional<double> number_at(const boost::json::value& object, std::string_view name);

// The sentence of compared_version::why.
std::string why_in_use(model_kind kind, const model_record& version);

} // namespace pricing::models
