// Random models written in LightGBM's text format, against a walk by its own rules in double. Files that break the
// rules are refused with the reason.
#include "forest/forest.hpp"
#include "forest/model_file.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <sstream>

namespace pricing::forest {
namespace {

struct source_tree {
  std::vector<int> feature, type, left, right;
  std::vector<double> threshold, value;
  std::vector<int> boundaries{0};
  std::vector<std::uint32_t> bits;
};

// One step of LightGBM's Tree::NumericalDecision and CategoricalDecision.
int step(const source_tree& t, std::size_t n, double x) {
  if ((t.type[n] & 1) != 0) {
    if (std::isnan(x) || static_cast<int>(x) < 0) {
      return t.right[n];
    }
    const auto c = static_cast<unsigned>(x);
    const auto set = static_cast<std::size_t>(t.threshold[n]);
    const auto word = static_cast<unsigned>(t.boundaries[set]) + c / 32;
    const bool member = word < static_cast<unsigned>(t.boundaries[set + 1]) && ((t.bits[word] >> (c % 32)) & 1U) != 0;
    return member ? t.left[n] : t.right[n];
  }
  const int missing = t.type[n] >> 2 & 3;
  if (std::isnan(x) && missing != 2) {
    x = 0;
  }
  if ((missing == 1 && std::abs(x) <= static_cast<double>(1e-35F)) || (missing == 2 && std::isnan(x))) {
    return (t.type[n] & 2) != 0 ? t.left[n] : t.right[n];
  }
  return x <= t.threshold[n] ? t.left[n] : t.right[n];
}

std::size_t reach(const source_tree& t, const float* row) {
  int n = t.left.empty() ? -1 : 0;
  while (n >= 0) {
    const auto i = static_cast<std::size_t>(n);
    n = step(t, i, row[t.feature[i]]);
  }
  return static_cast<std::size_t>(-n - 1);
}

// Grown leaf by leaf, as LightGBM does, so shapes are uneven.
source_tree random_tree(std::mt19937& random, int leaves, int features) {
  source_tree t;
  std::normal_distribution<double> normal;
  t.value.push_back(normal(random));
  for (int i = 0; i + 1 < leaves; ++i) {
    const int victim = static_cast<int>(random() % t.value.size());
    for (auto* side : {&t.left, &t.right}) {
      for (int& c : *side) {
        c = c == -victim - 1 ? i : c;
      }
    }
    t.left.push_back(-victim - 1);
    t.right.push_back(-static_cast<int>(t.value.size()) - 1);
    t.value.push_back(normal(random));
    t.feature.push_back(static_cast<int>(random() % static_cast<unsigned>(features)));
    const bool categorical = t.feature.back() % 4 == 3;
    const int missing = t.feature.back() % 3;
    t.type.push_back(missing << 2 | static_cast<int>(random() % 2) << 1 | (categorical ? 1 : 0));
    if (categorical) {
      t.threshold.push_back(static_cast<double>(t.boundaries.size() - 1));
      for (unsigned word = 0; word < 1 + random() % 3; ++word) {
        t.bits.push_back(static_cast<std::uint32_t>(random()));
      }
      t.boundaries.push_back(static_cast<int>(t.bits.size()));
    } else { // some thresholds are floats exactly, where <= and < differ
      const double x = normal(random);
      t.threshold.push_back(random() % 2 == 0 ? x : std::round(x * 4) / 4);
    }
  }
  return t;
}

template <class T>
std::string joined(const std::vector<T>& all) {
  std::ostringstream out;
  out.precision(17);
  for (const auto& x : all) {
    out << (&x == all.data() ? "" : " ") << x;
  }
  return out.str();
}

std::string text(const std::vector<source_tree>& trees, int features, int groups, const std::string& objective) {
  std::ostringstream out;
  out << "tree\nversion=v4\nnum_class=" << groups << "\nnum_tree_per_iteration=" << groups
      << "\nlabel_index=0\nmax_feature_idx=" << features - 1 << "\n"
      << objective << "feature_names=";
  for (int f = 0; f < features; ++f) {
    out << (f > 0 ? " " : "") << "c" << f;
  }
  out << "\nfeature_infos=none\ntree_sizes=0\n\n";
  for (std::size_t i = 0; i < trees.size(); ++i) {
    const auto& t = trees[i];
    out << "Tree=" << i << "\nnum_leaves=" << t.value.size() << "\nnum_cat=" << t.boundaries.size() - 1
        << "\nsplit_feature=" << joined(t.feature) << "\nthreshold=" << joined(t.threshold)
        << "\ndecision_type=" << joined(t.type) << "\nleft_child=" << joined(t.left)
        << "\nright_child=" << joined(t.right) << "\nleaf_value=" << joined(t.value)
        << "\nleaf_count=" << joined(std::vector<int>(t.value.size(), 1)) << "\n";
    if (!t.bits.empty()) {
      out << "cat_boundaries=" << joined(t.boundaries) << "\ncat_threshold=" << joined(t.bits) << "\n";
    }
    out << "is_linear=0\nshrinkage=0.1\n\n\n";
  }
  out << "end of trees\n\nfeature_importances:\nc0=3\n\nparameters:\n[boosting: gbdt]\nend of parameters\n";
  return out.str();
}

std::vector<float> random_rows(std::mt19937& random, std::size_t count, std::size_t features) {
  std::normal_distribution<float> normal;
  std::vector<float> out(count * features);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const float x = normal(random);
    const float odd[] = {std::numeric_limits<float>::quiet_NaN(), 0.0F, -0.0F, 1e-36F, -1e30F, 3.5e4F, -0.5F, -1.0F};
    out[i] = random() % 4 == 0 ? odd[random() % 8] : random() % 2 == 0 ? x : std::round(x * 4) / 4;
    if (i % features % 4 == 3 && random() % 2 == 0) {
      out[i] = static_cast<float>(random() % 100);
    }
  }
  return out;
}

TEST(lightgbm_model, takes_the_leaves_that_lightgbm_takes) {
  std::mt19937 random(5);
  for (const int leaves : {1, 2, 31, 64, 200, 700}) {
    constexpr std::size_t features = 11;
    std::vector<source_tree> trees;
    for (int i = 0; i < 12; ++i) {
      trees.push_back(random_tree(random, i == 0 ? 1 : leaves, features));
    }
    auto loaded = load_model(text(trees, features, 3, ""));
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    EXPECT_EQ(loaded->source, "lightgbm v4");
    EXPECT_EQ(loaded->feature_names.size(), features);
    const std::size_t count = 500;
    const auto x = random_rows(random, count, features);
    for (const isa which : {isa::portable, isa::avx2, isa::avx512}) {
      const auto ours = forest::build(*loaded, which).value();
      std::vector<float> margins(count * 3);
      std::vector<std::uint32_t> ids(count * trees.size());
      ASSERT_TRUE(ours.margins({x.data(), count, features}, margins).has_value());
      ASSERT_TRUE(ours.leaves({x.data(), count, features}, ids).has_value());
      for (std::size_t r = 0; r < count; ++r) {
        double sums[3] = {};
        for (std::size_t t = 0; t < trees.size(); ++t) {
          const auto leaf = reach(trees[t], x.data() + r * features);
          ASSERT_EQ(ids[r * trees.size() + t], leaf) << leaves << " leaves, row " << r << ", tree " << t;
          sums[t % 3] += trees[t].value[leaf];
        }
        for (std::size_t g = 0; g < 3; ++g) {
          ASSERT_NEAR(margins[r * 3 + g], sums[g], 1e-5);
        }
      }
    }
  }
}

TEST(lightgbm_model, links_margins_as_the_objective_says) {
  source_tree leaf;
  leaf.value = {0.7};
  const std::vector<std::pair<std::string, double>> cases{
      {"", 0.7},
      {"objective=regression\n", 0.7},
      {"objective=regression sqrt\n", 0.49},
      {"objective=binary sigmoid:2\n", 1 / (1 + std::exp(-1.4))},
      {"objective=poisson\n", std::exp(0.7)},
      {"objective=cross_entropy_lambda\n", std::log1p(std::exp(0.7))},
      {"objective=lambdarank\n", 0.7},
  };
  for (const auto& [objective, expected] : cases) {
    const auto f = forest::build(load_lightgbm(text({leaf}, 1, 1, objective)).value()).value();
    const float x = 0;
    float out = 0;
    ASSERT_TRUE(f.predict({&x, 1, 1}, {&out, 1}).has_value());
    EXPECT_NEAR(out, expected, 1e-6) << objective;
  }
}

TEST(lightgbm_model, averages_the_trees_of_a_random_forest) {
  source_tree a;
  a.value = {1};
  source_tree b;
  b.value = {4};
  const auto f = forest::build(load_lightgbm(text({a, b}, 1, 1, "average_output\n")).value()).value();
  const float x = 0;
  float out = 0;
  ASSERT_TRUE(f.margins({&x, 1, 1}, {&out, 1}).has_value());
  EXPECT_EQ(out, 2.5F);
}

TEST(lightgbm_model, refuses_what_is_no_model_and_says_why) {
  std::mt19937 random(6);
  const auto good = text({random_tree(random, 20, 8)}, 8, 1, "");
  ASSERT_TRUE(load_lightgbm(good).has_value());
  const auto changed = [&](const std::string& from, const std::string& to) {
    auto out = good;
    const auto at = out.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return out.replace(at, out.find('\n', at) - at, to);
  };
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "first line"},
      {"tree", "no \"version\""},
      {good.substr(0, good.size() / 2), ""},
      {good.substr(0, good.find("end of trees")), "truncated"},
      {changed("num_leaves=", "num_leaves=999999999999"), "num_leaves"},
      {changed("num_leaves=", "num_leaves=21"), "numbers, not"},
      {changed("num_class=", "num_class=x"), "num_class"},
      {changed("num_tree_per_iteration=", "num_tree_per_iteration=0"), "outputs"},
      {changed("max_feature_idx=", "max_feature_idx=0"), "splits on feature"},
      {changed("version=", "version=v4\nobjective=magic"), "objective"},
      {changed("left_child=", "left_child=0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18"), "two paths"},
      {changed("left_child=", "left_child=999 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18"), "child outside"},
      {changed("is_linear=", "is_linear=1"), "linear"},
      {changed("cat_boundaries=", "cat_boundaries=0 9"), "cat_boundaries"},
  };
  for (const auto& [bytes, why] : cases) {
    const auto loaded = load_lightgbm(bytes);
    ASSERT_TRUE(loaded.has_error()) << why;
    EXPECT_EQ(loaded.error().code, errc::invalid_input);
    EXPECT_NE(loaded.error().message.find(why), std::string::npos) << loaded.error().message;
  }
  EXPECT_TRUE(load_model("PK").has_error());
}

} // namespace
} // namespace pricing::forest
