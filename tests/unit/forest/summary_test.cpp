// What a model is made of, against what the source libraries say of their own.
#include "forest/model_file.hpp"
#include "forest/summary.hpp"
#include "xgboost_oracle.hpp"

#include <gtest/gtest.h>

namespace pricing::forest {
namespace {

// Feature index → score, as XGBoost gives it; features that no tree asks for are left out.
std::map<std::size_t, double> scores(const oracle::booster& b, const std::string& type) {
  bst_ulong names = 0, dimensions = 0;
  const char** name = nullptr;
  const bst_ulong* shape = nullptr;
  const float* score = nullptr;
  oracle::check(XGBoosterFeatureScore(b.handle(), (R"({"importance_type":")" + type + "\"}").c_str(), &names, &name,
                                      &dimensions, &shape, &score));
  std::map<std::size_t, double> out;
  for (bst_ulong i = 0; i < names; ++i) {
    out[std::stoul(std::string(name[i]).substr(1))] = static_cast<double>(score[i]); // "f3"
  }
  return out;
}

class summary_of_xgboost : public testing::TestWithParam<oracle::parameters> {};

TEST_P(summary_of_xgboost, has_its_own_importances) {
  const auto train = oracle::random_table(
      {.rows = 600, .columns = 9, .missing = 0.1, .categories = GetParam().contains("tree_method") ? 6 : 0});
  const oracle::booster trained(train, GetParam(), 12);
  const auto splits = scores(trained, "weight"), gains = scores(trained, "total_gain");
  for (const char* format : {"json", "ubj"}) {
    const auto s = summarise(load_xgboost(trained.save(format)).value());
    ASSERT_EQ(s.features.size(), 9U);
    EXPECT_TRUE(s.gains);
    EXPECT_EQ(s.trees, 12U);
    EXPECT_GT(s.depth_max, 2U);
    EXPECT_LE(s.depth_max, 4U);
    EXPECT_LE(s.leaf_depth, static_cast<double>(s.depth_max));
    std::size_t all = 0;
    for (std::size_t f = 0; f < s.features.size(); ++f) {
      EXPECT_EQ(s.features[f].splits, splits.contains(f) ? static_cast<std::size_t>(splits.at(f)) : 0U) << f;
      EXPECT_NEAR(s.features[f].gain, gains.contains(f) ? gains.at(f) : 0, 1e-4 * (1 + s.features[f].gain)) << f;
      all += s.features[f].splits;
    }
    EXPECT_EQ(s.leaves, all + s.trees); // of binary trees
  }
}

INSTANTIATE_TEST_SUITE_P(
    boosters, summary_of_xgboost,
    testing::Values(oracle::parameters{{"max_depth", "4"}},
                    oracle::parameters{{"max_depth", "4"}, {"tree_method", "hist"}, {"gamma", "0.5"}},
                    oracle::parameters{{"max_depth", "4"}, {"booster", "dart"}, {"rate_drop", "0.3"}}));

std::string lightgbm(const std::string& gains) {
  return "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=2\n"
         "objective=regression\nfeature_names=a b c\nfeature_infos=none\n\n"
         "Tree=0\nnum_leaves=3\nnum_cat=0\nsplit_feature=2 0\n" +
         gains +
         "threshold=0.5 1.5\ndecision_type=2 2\nleft_child=1 -1\nright_child=-3 -2\nleaf_value=1 2 3\n"
         "leaf_count=4 4 4\ninternal_count=12 8\nis_linear=0\nshrinkage=1\n\n\n"
         "Tree=1\nnum_leaves=1\nnum_cat=0\nleaf_value=7\nleaf_count=12\nis_linear=0\nshrinkage=1\n\n\nend of trees\n";
}

TEST(summary, reads_what_lightgbm_wrote) {
  const auto s = summarise(load_lightgbm(lightgbm("split_gain=12.5 3.25\n")).value());
  EXPECT_EQ(s.trees, 2U);
  EXPECT_EQ(s.leaves, 4U);
  EXPECT_EQ(s.depth_max, 2U);
  EXPECT_DOUBLE_EQ(s.leaf_depth, (2 + 2 + 1 + 0) / 4.0);
  EXPECT_DOUBLE_EQ(s.features[2].gain, 12.5);
  EXPECT_DOUBLE_EQ(s.features[0].gain, 3.25);
  EXPECT_EQ(s.features[1].splits, 0U);
}

TEST(summary, does_not_need_gains_and_believes_no_odd_ones) {
  for (const char* odd : {"", "split_gain=\n", "split_gain=1\n", "split_gain=1 2 3\n", "split_gain=x y\n",
                          "split_gain=nan inf\n", "split_gain=1e99 -1e99\n"}) {
    const auto model = load_lightgbm(lightgbm(odd));
    ASSERT_TRUE(model) << odd << model.error().message;
    const auto s = summarise(*model);
    EXPECT_FALSE(s.gains) << odd;
    EXPECT_EQ(s.features[2].splits, 1U);
  }
}

} // namespace
} // namespace pricing::forest
