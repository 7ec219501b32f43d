#pragma once
// Two versions of one model side by side: figures and which are better, parameters, columns, data. Pure.
#include "core/clock.hpp"

#include <boost/describe.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::models {

// The price model among the names of uploaded models, which may not take it.
inline constexpr std::string_view price_model_name = "price";

// What is known of a version; what is not known is empty.
struct version_facts {
  std::string version;
  std::string state; // promoted, candidate, retired, rejected; of uploaded models promoted, shadow, challenger, kept
  timestamp created_at{};
  std::string snapshot; // identifies the data learned from: equal data, equal text
  std::string code_version;
  std::optional<date> trained_until;             // last day of the data it learned from
  std::optional<date> tested_from, tested_until; // days of the test lines, both included
  std::optional<std::int64_t> trained_lines, tested_lines;
  std::optional<std::int64_t> features;   // columns of the model
  std::vector<std::string> feature_names; // in their order; empty where the file names none
};
BOOST_DESCRIBE_STRUCT(version_facts, (),
                      (version, state, created_at, snapshot, code_version, trained_until, tested_from, tested_until,
                       trained_lines, tested_lines, features, feature_names))

struct described_version {
  version_facts facts;
  boost::json::value metrics;    // of the price model as in training.hpp; numbers by name, and maybe `categories`
  boost::json::value parameters; // values by name
};

enum class metric_goal { lower, higher, target, none }; // where a better figure lies; none: it judges nothing
BOOST_DESCRIBE_ENUM(metric_goal, lower, higher, target, none)
enum class better_side { left, right, neither };
BOOST_DESCRIBE_ENUM(better_side, left, right, neither)

struct metric_difference {
  std::string name, label;
  bool is_share = false; // 0.2 reads as 20 %
  metric_goal goal = metric_goal::none;
  std::optional<double> target;      // of goal target: 0.9 for the coverage of 90 % intervals
  std::optional<double> left, right; // absent where a version was not measured so
  std::optional<double> difference;  // right − left
  std::optional<better_side> better; // absent where nothing can be said
};
BOOST_DESCRIBE_STRUCT(metric_difference, (), (name, label, is_share, goal, target, left, right, difference, better))

// Typical error (to the lowest bid) and coverage of 90 % in one category that both versions report.
struct category_difference {
  std::string name;
  std::int64_t left_lines = 0, right_lines = 0;
  metric_difference mdape, coverage;
};
BOOST_DESCRIBE_STRUCT(category_difference, (), (name, left_lines, right_lines, mdape, coverage))

struct parameter_difference {
  std::string name;
  boost::json::value left, right; // null where a version has it not
};
BOOST_DESCRIBE_STRUCT(parameter_difference, (), (name, left, right))

struct feature_difference {
  std::optional<bool> same;                            // absent where a version's columns are not known
  bool reordered = false;                              // the same names in another order
  std::vector<std::string> only_left, only_right;      // names
  std::optional<std::int64_t> left_count, right_count; // columns
};
BOOST_DESCRIBE_STRUCT(feature_difference, (), (same, reordered, only_left, only_right, left_count, right_count))

struct version_comparison {
  std::string model;
  version_facts left, right;
  std::optional<bool> same_data;       // learned from the same rows; absent where a snapshot is not known
  std::optional<bool> same_test_lines; // absent where it cannot be told
  bool like_for_like = false;          // only with the same test lines do differences speak of the models alone
  std::string test_lines;              // one sentence on that
  std::vector<metric_difference> metrics;
  std::vector<category_difference> categories; // largest difference of the typical error first
  std::vector<std::string> categories_only_left, categories_only_right;
  std::vector<parameter_difference> parameters; // those that differ
  std::int64_t same_parameters = 0;
  feature_difference features;
};
BOOST_DESCRIBE_STRUCT(version_comparison, (),
                      (model, left, right, same_data, same_test_lines, like_for_like, test_lines, metrics, categories,
                       categories_only_left, categories_only_right, parameters, same_parameters, features))

version_comparison compare_versions(std::string model, const described_version& left, const described_version& right);

} // namespace pricing::models
