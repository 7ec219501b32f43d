// Which of two versions is better, and whether the same test lines say so.
#include "models/version_comparison.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

using namespace pricing;
using namespace pricing::models;
namespace json = boost::json;

namespace {

described_version version(const std::string& name, const std::string& metrics,
                          const std::string& parameters = R"({"rounds": 110, "depth": 7})") {
  described_version out;
  out.facts.version = name;
  out.facts.snapshot = "one";
  out.facts.tested_from = std::chrono::sys_days{std::chrono::year{2025} / 1 / 1};
  out.facts.tested_until = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1};
  out.facts.tested_lines = 100;
  out.facts.features = 40;
  out.metrics = json::parse(metrics);
  out.parameters = json::parse(parameters);
  return out;
}

const metric_difference& metric(const version_comparison& c, const std::string& name) {
  for (const auto& m : c.metrics)
    if (m.name == name)
      return m;
  throw std::runtime_error("no metric " + name);
}

TEST(version_comparison, calls_smaller_errors_larger_shares_and_nearer_coverage_better) {
  const auto c = compare_versions(
      "price", version("a", R"({"low_ours": 0.25, "within_20_ours": 0.4, "coverage_90": 0.94, "log_width_90": 1.2})"),
      version("b", R"({"low_ours": 0.22, "within_20_ours": 0.3, "coverage_90": 0.89, "log_width_90": 1.0})"));
  EXPECT_NEAR(metric(c, "low_ours").difference.value(), -0.03, 1e-12);
  EXPECT_EQ(metric(c, "low_ours").better, better_side::right);
  EXPECT_EQ(metric(c, "within_20_ours").better, better_side::left);
  EXPECT_EQ(metric(c, "coverage_90").better, better_side::right); // 89 % is nearer to 90 % than 94 %
  EXPECT_EQ(metric(c, "coverage_90").target, 0.9);
  EXPECT_FALSE(metric(c, "log_width_90").better); // narrower is no better by itself
}

TEST(version_comparison, says_nothing_of_a_figure_that_one_version_lacks_and_neither_of_equal_ones) {
  const auto c = compare_versions("price", version("a", R"({"low_ours": 0.2, "median_ours": 0.1})"),
                                  version("b", R"({"low_ours": 0.2, "coverage_90": 0.9, "median_ours": null})"));
  EXPECT_EQ(metric(c, "low_ours").better, better_side::neither);
  EXPECT_FALSE(metric(c, "median_ours").difference);
  EXPECT_FALSE(metric(c, "median_ours").better);
  EXPECT_FALSE(metric(c, "coverage_90").better);
}

TEST(version_comparison, holds_each_version_against_the_simple_guess_on_its_own_lines) {
  const auto c = compare_versions("price", version("a", R"({"low_ours": 0.2, "low_trailing_median": 0.25})"),
                                  version("b", R"({"low_ours": 0.21, "low_trailing_median": 0.42})"));
  EXPECT_EQ(metric(c, "low_ours").better, better_side::left);
  EXPECT_NEAR(metric(c, "low_against_trailing_median").right.value(), 0.5, 1e-12);
  EXPECT_EQ(metric(c, "low_against_trailing_median").better, better_side::right);
}

TEST(version_comparison, compares_categories_of_both_with_the_largest_difference_first) {
  const auto c = compare_versions(
      "price", version("a", R"({"categories": [{"name": "Pipe", "lines": 50, "mdape": 0.20, "coverage": 0.95},
                                      {"name": "Curb", "lines": 40, "mdape": 0.30, "coverage": 0.90},
                                      {"name": "Gone", "lines": 10, "mdape": 0.30, "coverage": 0.90}]})"),
      version("b", R"({"categories": [{"name": "Curb", "lines": 41, "mdape": 0.20, "coverage": 0.80},
                                      {"name": "New", "lines": 12, "mdape": 0.25, "coverage": 0.90},
                                      {"name": "Pipe", "lines": 51, "mdape": 0.21, "coverage": 0.91}]})"));
  ASSERT_EQ(c.categories.size(), 2U);
  EXPECT_EQ(c.categories[0].name, "Curb");
  EXPECT_EQ(c.categories[0].mdape.better, better_side::right);
  EXPECT_EQ(c.categories[0].coverage.better, better_side::left);
  EXPECT_EQ(c.categories[1].name, "Pipe");
  EXPECT_EQ(c.categories[1].right_lines, 51);
  EXPECT_EQ(c.categories[1].coverage.better, better_side::right);
  EXPECT_EQ(c.categories_only_left, std::vector<std::string>{"Gone"});
  EXPECT_EQ(c.categories_only_right, std::vector<std::string>{"New"});
}

TEST(version_comparison, lists_parameters_that_differ_or_are_missing) {
  const auto c = compare_versions("price", version("a", "{}", R"({"rounds": 110, "depth": 7, "seed": 1})"),
                                  version("b", "{}", R"({"rounds": 110, "depth": 8, "huber": 0.1})"));
  ASSERT_EQ(c.parameters.size(), 3U);
  EXPECT_EQ(c.parameters[0].name, "depth");
  EXPECT_EQ(c.parameters[0].right, 8);
  EXPECT_TRUE(c.parameters[1].left.is_null());  // huber
  EXPECT_TRUE(c.parameters[2].right.is_null()); // seed
  EXPECT_EQ(c.same_parameters, 1);
}

TEST(version_comparison, is_like_for_like_only_on_the_same_test_lines) {
  const auto a = version("a", "{}");
  auto b = version("b", "{}");
  EXPECT_TRUE(compare_versions("price", a, b).like_for_like);

  b.facts.tested_lines = 90; // another rule for test lines on the same data
  auto c = compare_versions("price", a, b);
  EXPECT_EQ(c.same_data, true);
  EXPECT_EQ(c.same_test_lines, false);
  EXPECT_FALSE(c.like_for_like);
  EXPECT_NE(c.test_lines.find("90 lines of 2025-01-01 to 2026-01-01"), std::string::npos) << c.test_lines;

  b.facts.tested_lines = 100;
  b.facts.snapshot = "other";
  c = compare_versions("price", a, b);
  EXPECT_FALSE(c.same_test_lines); // as many, of the same days, but of other data: nobody knows
  EXPECT_FALSE(c.like_for_like);
  EXPECT_NE(c.test_lines.find("different data"), std::string::npos) << c.test_lines;

  b.facts.snapshot.clear();
  c = compare_versions("price", a, b);
  EXPECT_FALSE(c.same_data);
  EXPECT_FALSE(c.like_for_like);
  EXPECT_NE(c.test_lines.find("not recorded"), std::string::npos) << c.test_lines;
}

TEST(version_comparison, tells_columns_that_came_went_or_moved) {
  auto a = version("1", "{}");
  auto b = version("2", "{}");
  EXPECT_EQ(compare_versions("price", a, b).features.same, true);
  a.facts.feature_names = {"weight", "grade"};
  b.facts.feature_names = {"grade", "weight"};
  EXPECT_EQ(compare_versions("steel", a, b).features.same, false);
  EXPECT_TRUE(compare_versions("steel", a, b).features.reordered);
  b.facts.feature_names = {"weight", "width"};
  const auto c = compare_versions("steel", a, b).features;
  EXPECT_FALSE(c.reordered);
  EXPECT_EQ(c.only_left, std::vector<std::string>{"grade"});
  EXPECT_EQ(c.only_right, std::vector<std::string>{"width"});
  b.facts.features.reset();
  b.facts.feature_names.clear();
  EXPECT_FALSE(compare_versions("steel", a, b).features.same);
}

TEST(version_comparison, judges_figures_of_uploaded_models_by_what_their_names_say) {
  const auto c = compare_versions("steel", version("1", R"({"rows": 10, "val_rmse": 3, "auc": 0.8, "coverage": 0.7})"),
                                  version("2", R"({"rows": 20, "val_rmse": 2, "auc": 0.7, "coverage": 0.95})"));
  EXPECT_EQ(metric(c, "val_rmse").better, better_side::right);
  EXPECT_EQ(metric(c, "auc").better, better_side::left);
  EXPECT_EQ(metric(c, "coverage").better, better_side::right);
  EXPECT_FALSE(metric(c, "rows").better);
  EXPECT_EQ(c.metrics.back().name, "rows");
}

TEST(version_comparison, takes_metadata_of_any_shape) {
  const auto c = compare_versions("steel", version("1", R"([1])", "3"),
                                  version("2", R"({"categories": {"name": 1}, "rmse": "low"})", R"({"a": [1]})"));
  EXPECT_TRUE(c.metrics.empty());
  EXPECT_TRUE(c.categories.empty());
  EXPECT_EQ(c.parameters.size(), 1U);
}

} // namespace
