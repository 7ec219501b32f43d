// Every row of random models, bit for bit against XGBoost.
#include "forest/forest.hpp"
#include "forest/model_file.hpp"
#include "xgboost_oracle.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <memory>

namespace pricing::forest {
namespace {

struct scenario {
  std::string name;
  oracle::table_options table;
  oracle::parameters parameters;
  int rounds = 20;
};

std::vector<scenario> scenarios() {
  using table = oracle::table_options;
  return {
      {"squared_hist", table{.rows = 2000, .columns = 12}, {{"tree_method", "hist"}, {"max_depth", "6"}}, 60},
      {"squared_exact", table{.rows = 2000, .columns = 12}, {{"tree_method", "exact"}, {"max_depth", "6"}}, 60},
      {"missing", table{.columns = 10, .missing = 0.3}, {{"tree_method", "exact"}, {"max_depth", "5"}}, 40},
      {"missing_hist", table{.columns = 70, .missing = 0.1}, {{"tree_method", "hist"}, {"max_depth", "6"}}, 40},
      {"few_values", table{.columns = 10, .missing = 0.1, .distinct = 5}, {{"tree_method", "hist"}}, 40},
      {"shallow", table{.columns = 5}, {{"max_depth", "1"}, {"base_score", "3.25"}}, 50},
      {"deep",
       table{.rows = 3000, .columns = 6, .missing = 0.05},
       {{"max_depth", "14"}, {"min_child_weight", "0"}},
       15},
      {"depth_8", table{.rows = 4000, .columns = 20}, {{"tree_method", "hist"}, {"max_depth", "8"}}, 30},
      {"depth_7", table{.rows = 3000, .columns = 130}, {{"tree_method", "exact"}, {"max_depth", "7"}}, 20},
      {"leaf_wise",
       table{.rows = 3000, .columns = 9, .missing = 0.1},
       {{"tree_method", "hist"}, {"grow_policy", "lossguide"}, {"max_leaves", "40"}, {"max_depth", "0"}},
       30},
      {"many_columns",
       table{.columns = 400, .missing = 0.02},
       {{"tree_method", "hist"}, {"colsample_bytree", "0.5"}},
       40},
      {"binary", table{.columns = 7, .classes = 2}, {{"objective", "binary:logistic"}, {"base_score", "0.3"}}},
      {"raw", table{.columns = 7, .classes = 2}, {{"objective", "binary:logitraw"}, {"base_score", "0.2"}}},
      {"hinge", table{.columns = 7, .classes = 2}, {{"objective", "binary:hinge"}}},
      {"softprob",
       table{.columns = 7, .missing = 0.1, .classes = 4},
       {{"objective", "multi:softprob"}, {"num_class", "4"}}},
      {"softmax", table{.columns = 7, .classes = 3}, {{"objective", "multi:softmax"}, {"num_class", "3"}}},
      {"poisson", table{.columns = 7, .positive = true}, {{"objective", "count:poisson"}, {"base_score", "1.7"}}},
      {"gamma", table{.columns = 7, .positive = true}, {{"objective", "reg:gamma"}}},
      {"tweedie", table{.columns = 7, .positive = true}, {{"objective", "reg:tweedie"}}},
      {"rank", table{.columns = 7, .classes = 3}, {{"objective", "rank:pairwise"}}},
      {"dart", table{.columns = 9, .missing = 0.1}, {{"booster", "dart"}, {"rate_drop", "0.3"}, {"one_drop", "1"}}, 30},
      {"parallel_trees", table{.columns = 9}, {{"num_parallel_tree", "4"}, {"subsample", "0.6"}, {"eta", "1"}}, 4},
      {"one_hot",
       table{.columns = 9, .missing = 0.1, .categories = 6},
       {{"tree_method", "hist"}, {"max_cat_to_onehot", "10"}}},
      {"partition",
       table{.columns = 9, .missing = 0.1, .categories = 80},
       {{"tree_method", "hist"}, {"max_cat_to_onehot", "4"}, {"max_depth", "5"}}},
  };
}

class xgboost_equality : public testing::TestWithParam<scenario> {
 protected:
  // Each model is trained once, and freed before XGBoost's own statics are.
  static const oracle::booster& trained(const scenario& s) {
    auto& model = models()[s.name];
    if (model == nullptr) {
      const auto train = oracle::random_table(s.table);
      std::vector<unsigned> groups;
      if (s.name == "rank") {
        groups.assign(train.rows / 10, 10);
      }
      model = std::make_unique<oracle::booster>(train, s.parameters, s.rounds, groups);
    }
    return *model;
  }
  static void TearDownTestSuite() { models().clear(); }

 private:
  static std::map<std::string, std::unique_ptr<oracle::booster>>& models() {
    static std::map<std::string, std::unique_ptr<oracle::booster>> all;
    return all;
  }
};

// New rows: other values, other gaps, categories never seen, infinities and zeros of both signs.
oracle::table unseen(const scenario& s) {
  auto o = s.table;
  o.seed = 77;
  o.rows = 700;
  o.missing += 0.05;
  auto t = oracle::random_table(o);
  for (std::size_t i = 0; i < t.values.size(); i += 41) {
    const float odd[] = {0.0F, -0.0F, 1e30F, -1e30F, 1e-40F};
    t.values[i] = t.categories[i % t.columns] > 0 ? static_cast<float>(i % 200) : odd[i / 41 % 5];
  }
  return t;
}

::testing::AssertionResult same_bits(const std::vector<float>& ours, const std::vector<float>& theirs) {
  if (ours.size() != theirs.size()) {
    return ::testing::AssertionFailure() << ours.size() << " values against " << theirs.size();
  }
  for (std::size_t i = 0; i < ours.size(); ++i) {
    if (std::bit_cast<std::uint32_t>(ours[i]) != std::bit_cast<std::uint32_t>(theirs[i])) {
      return ::testing::AssertionFailure() << "value " << i << ": " << ours[i] << " against " << theirs[i];
    }
  }
  return ::testing::AssertionSuccess();
}

TEST_P(xgboost_equality, of_margins_leaves_and_predictions) {
  const auto& s = GetParam();
  const auto& theirs = trained(s);
  const auto t = unseen(s);
  const auto margin = theirs.predict(t, 1);
  const auto value = theirs.predict(t, 0);
  const auto leaf = theirs.predict(t, 6);
  for (const char* format : {"json", "ubj"}) {
    auto loaded = load_xgboost(theirs.save(format));
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    for (const isa which : {isa::portable, isa::avx2, isa::avx512}) {
      SCOPED_TRACE(std::string(format) + " isa " + std::to_string(static_cast<int>(which)));
      const auto ours = forest::build(*loaded, which);
      ASSERT_TRUE(ours.has_value()) << ours.error().message;
      const rows x{t.values.data(), t.rows, t.columns};
      std::vector<float> out(margin.size());
      ASSERT_TRUE(ours->margins(x, out).has_value());
      EXPECT_TRUE(same_bits(out, margin));
      for (std::size_t i = 0; i < t.rows; ++i) { // one row at a time is another path
        const rows one{t.values.data() + i * t.columns, 1, t.columns};
        ASSERT_TRUE(ours->margins(one, std::span(out).subspan(i * ours->groups(), ours->groups())).has_value());
      }
      EXPECT_TRUE(same_bits(out, margin)) << "one row";
      out.resize(t.rows * ours->outputs());
      ASSERT_TRUE(ours->predict(x, out).has_value());
      ASSERT_EQ(out.size(), value.size());
      for (std::size_t i = 0; i < out.size(); ++i) {
        ASSERT_NEAR(out[i], value[i], 1e-6 * std::max(1.0F, std::abs(value[i]))) << i;
      }
      std::vector<std::uint32_t> ids(t.rows * ours->trees());
      ASSERT_TRUE(ours->leaves(x, ids).has_value());
      ASSERT_EQ(ids.size(), leaf.size());
      for (std::size_t i = 0; i < ids.size(); ++i) {
        ASSERT_EQ(static_cast<float>(ids[i]), leaf[i]) << i;
      }
    }
  }
}

TEST_P(xgboost_equality, of_contributions) {
  const auto& s = GetParam();
  const auto& theirs = trained(s);
  auto t = unseen(s);
  t.rows = 75; // whole blocks of lanes and a rest
  t.values.resize(t.rows * t.columns);
  t.target.resize(t.rows);
  const auto expected = theirs.predict(t, 2);
  auto loaded = load_xgboost(theirs.save("ubj"));
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  for (const isa which : {isa::portable, isa::avx2, isa::avx512}) {
    const auto ours = forest::build(*loaded, which).value();
    std::vector<float> out(expected.size());
    ASSERT_EQ(out.size(), t.rows * ours.groups() * (t.columns + 1));
    ASSERT_TRUE(ours.contributions({t.values.data(), t.rows, t.columns}, out).has_value());
    for (std::size_t i = 0; i < out.size(); ++i) {
      ASSERT_NEAR(out[i], expected[i], 1e-4 + 1e-5 * std::abs(expected[i]))
          << "isa " << static_cast<int>(which) << ", value " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(random_models, xgboost_equality, testing::ValuesIn(scenarios()),
                         [](const auto& p) { return p.param.name; });

} // namespace
} // namespace pricing::forest
