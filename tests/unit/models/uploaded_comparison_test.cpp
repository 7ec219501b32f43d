// Two versions of an uploaded model side by side.
#include "models/uploaded_comparison.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

using namespace pricing;
using namespace pricing::models;
namespace json = boost::json;

namespace {

// Features a, b, …, of which each has its gain and, where that is not 0, one split.
uploaded_version version(int number, std::vector<std::string> names, const std::vector<double>& gains,
                         const std::string& metadata = "{}") {
  uploaded_version out;
  out.about.version = number;
  out.about.feature_names = std::move(names);
  out.about.metadata = json::parse(metadata);
  out.about.trees = 3;
  out.trees.trees = 3;
  out.trees.depth_max = 4;
  for (const double gain : gains)
    out.trees.features.push_back({gain, gain != 0 ? 1U : 0U});
  return out;
}

promotion promoted(int day, std::optional<int> undone = {}) {
  const auto on = [](int d) { return timestamp(std::chrono::sys_days{std::chrono::year{2026} / 3 / d}); };
  return {on(day), "Ann", undone ? std::optional(on(*undone)) : std::nullopt, {}};
}

const serving::model_state in_use_1{.name = "steel", .current_version = 1};

TEST(compare_uploaded, says_what_features_are_used_for_on_both_sides) {
  const auto c =
      compare_uploaded(in_use_1, {}, version(1, {"a", "b", "c"}, {1, 3, 0}), version(2, {"b", "d", "a"}, {5, 5, 0}));
  EXPECT_EQ(c.name, "steel");
  EXPECT_EQ(c.features.added, 1);
  EXPECT_EQ(c.features.removed, 1);
  EXPECT_EQ(c.features.kept, 2);
  ASSERT_EQ(c.features.list.size(), 4U);
  EXPECT_EQ(c.features.list[0].name, "d"); // added
  EXPECT_FALSE(c.features.list[0].left);
  EXPECT_DOUBLE_EQ(c.features.list[0].right->gain.value(), 0.5);
  EXPECT_EQ(c.features.list[1].name, "c"); // removed
  EXPECT_EQ(c.features.list[2].name, "b"); // the most used of those kept
  EXPECT_DOUBLE_EQ(c.features.list[2].left->gain.value(), 0.75);
  EXPECT_EQ(c.features.list[3].right->splits, 0);
}

TEST(compare_uploaded, knows_features_without_names_by_their_place) {
  const auto nameless = compare_uploaded(in_use_1, {}, version(1, {}, {1, 1}), version(2, {}, {1, 1, 2}));
  EXPECT_EQ(nameless.features.kept, 2);
  EXPECT_EQ(nameless.features.added, 1);
  EXPECT_EQ(nameless.features.list[0].name, "f2");
  EXPECT_FALSE(compare_uploaded(in_use_1, {}, version(1, {}, {1, 1}), version(2, {"a", "b"}, {1, 1})).features.known);
}

TEST(compare_uploaded, gives_splits_where_a_file_has_no_gains) {
  auto left = version(1, {"a", "b"}, {0, 0});
  left.trees.features[1].splits = 7;
  const auto c = compare_uploaded(in_use_1, {}, left, version(2, {"a", "b"}, {0, 0}));
  EXPECT_EQ(c.features.list[0].name, "b"); // used more
  EXPECT_FALSE(c.features.list[0].left->gain);
  EXPECT_EQ(c.features.list[0].left->splits, 7);
}

TEST(compare_uploaded, lists_the_most_used_of_many_features) {
  std::vector<std::string> names;
  for (int i = 0; i < 3000; ++i)
    names.push_back(fmt::format("c{:04}", i));
  std::vector<double> gains(names.size(), 1);
  gains.back() = 100;
  const auto c = compare_uploaded(in_use_1, {}, version(1, names, gains), version(2, names, gains));
  EXPECT_EQ(c.features.kept, 3000);
  EXPECT_EQ(c.features.list.size(), features_listed_max);
  EXPECT_EQ(c.features.list[0].name, "c2999");
}

TEST(compare_uploaded, takes_figures_parameters_and_data_from_the_metadata) {
  const std::string metadata = R"({"metrics":{"mdape":0.2,"auc":0.8,"lines":50,"note":"x"},"snapshot":"s1",
    "baselines":{"last_price":{"mdape":0.3,"note":7.5},"odd":3},"parameters":{"eta":0.1},"code_version":"abc"})";
  const auto c = compare_uploaded(in_use_1, {.metric = "mdape"}, version(1, {"a"}, {1}, metadata),
                                  version(2, {"a"}, {1}, R"({"metrics":{"mdape":0.1,"auc":0.9},"baselines":[1]})"));
  const auto figure = [&](const std::string& name) {
    return *std::ranges::find(c.figures, name, &compared_figure::name);
  };
  EXPECT_EQ(figure("mdape").best, "right"); // the gate says that lower is better
  EXPECT_FALSE(figure("auc").best);         // of others nobody said
  EXPECT_NEAR(figure("auc").difference.value(), 0.1, 1e-12);
  EXPECT_TRUE(figure("last_price.mdape").baseline);
  EXPECT_EQ(figure("last_price.mdape").left, 0.3);
  EXPECT_FALSE(figure("last_price.mdape").right);
  EXPECT_EQ(c.left.snapshot, "s1");
  EXPECT_FALSE(c.same_data);
  ASSERT_EQ(c.parameters.size(), 2U);
  EXPECT_EQ(c.parameters[0].name, "code_version");
  EXPECT_EQ(c.parameters[1].name, "eta");
  for (const char* odd : {"[]", "7", "null", R"({"metrics":[],"baselines":7,"parameters":"x","snapshot":{}})"}) {
    const auto none = compare_uploaded(in_use_1, {}, version(1, {"a"}, {1}, odd), version(2, {"a"}, {1}, odd));
    EXPECT_TRUE(none.figures.empty()) << odd;
  }
}

TEST(compare_uploaded, says_who_took_them_into_use_and_why_they_are_or_are_not) {
  auto left = version(1, {"a"}, {1}), right = version(2, {"a"}, {1});
  left.promotions = {promoted(9), promoted(2)};
  left.uploaded_by = "Bo";
  const auto why = [&](const serving::model_state& state, const serving::promotion_gate& gate = {}) {
    const auto c = compare_uploaded(state, gate, left, right);
    return c.right.state + ": " + c.right.why;
  };
  const auto c = compare_uploaded(in_use_1, {}, left, right);
  EXPECT_EQ(c.left.state, "promoted");
  EXPECT_EQ(c.left.promoted_at, promoted(9).at);
  EXPECT_EQ(c.left.promotions.size(), 2U);
  EXPECT_EQ(c.left.uploaded_by, "Bo");
  EXPECT_EQ(c.left.file->trees, 3);
  EXPECT_EQ(c.left.file->depth, 4);
  EXPECT_EQ(why(in_use_1),
            "candidate: Nobody has promoted it; it may be: no figure is asked for (serving.gate_metric)");
  EXPECT_NE(why(in_use_1, {.metric = "mdape"})
                .find("May not be promoted: version 2 is not promoted: its metadata has "
                      "no metrics.mdape"),
            std::string::npos);
  EXPECT_TRUE(why({.name = "steel", .current_version = 1, .shadow_version = 2}).starts_with("shadow: "));
  EXPECT_TRUE(why({.name = "steel", .current_version = 1, .challenger_version = 2}).starts_with("challenger: "));
  right.promotions = {promoted(3, 4)};
  EXPECT_EQ(why(in_use_1), "retired: Was in use until it was rolled back");
  right.promotions = {promoted(3)};
  EXPECT_EQ(why(in_use_1), "retired: Was in use until another version was");
}

} // namespace
