// Contributions by their definition: over all subsets of features, the value of a subset being the tree's mean where a
// feature outside it sends a row both ways, weighed by the covers.
#include "forest/forest.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

namespace pricing::forest {
namespace {

// A random shape in which features repeat on paths.
tree random_tree(std::mt19937& random, std::uint32_t features, int splits) {
  std::normal_distribution<float> normal;
  tree t;
  t.nodes.resize(1);
  t.nodes[0].cover = 1000;
  for (int i = 0; i < splits; ++i) {
    std::size_t leaf = random() % t.nodes.size();
    while (!t.nodes[leaf].leaf()) {
      leaf = random() % t.nodes.size();
    }
    const double share = 0.05 + 0.9 * static_cast<double>(random() % 1000) / 1000;
    const double cover = t.nodes[leaf].cover;
    t.nodes[leaf].left = static_cast<std::int32_t>(t.nodes.size());
    t.nodes[leaf].right = static_cast<std::int32_t>(t.nodes.size() + 1);
    t.nodes[leaf].feature = static_cast<std::uint32_t>(random() % features);
    t.nodes[leaf].threshold = normal(random);
    t.nodes[leaf].default_left = random() % 2 == 0;
    t.nodes.resize(t.nodes.size() + 2);
    t.nodes[t.nodes.size() - 2].cover = cover * share;
    t.nodes[t.nodes.size() - 1].cover = cover * (1 - share);
  }
  for (auto& n : t.nodes) {
    n.value = normal(random);
  }
  return t;
}

double value(const tree& t, std::int32_t at, const float* row, unsigned known) {
  const auto& n = t.nodes[static_cast<std::size_t>(at)];
  if (n.leaf()) {
    return static_cast<double>(n.value);
  }
  if ((known >> n.feature & 1U) != 0) {
    return value(t, goes_right(t, n, row[n.feature]) ? n.right : n.left, row, known);
  }
  const double left = t.nodes[static_cast<std::size_t>(n.left)].cover / n.cover;
  return left * value(t, n.left, row, known) + (1 - left) * value(t, n.right, row, known);
}

std::vector<double> by_definition(const ensemble& e, const float* row) {
  const auto n = static_cast<unsigned>(e.features);
  std::vector<double> out(n + 1);
  std::vector<double> all(1U << n);
  for (const auto& t : e.trees) {
    for (unsigned s = 0; s < all.size(); ++s) {
      all[s] += value(t, 0, row, s);
    }
  }
  const auto factorial = [](int k) { return std::tgamma(k + 1.0); };
  for (unsigned f = 0; f < n; ++f) {
    for (unsigned s = 0; s < all.size(); ++s) {
      if ((s >> f & 1U) == 0) {
        const int size = std::popcount(s);
        const int others = static_cast<int>(n) - size - 1;
        out[f] += factorial(size) * factorial(others) / factorial(static_cast<int>(n)) * (all[s | 1U << f] - all[s]);
      }
    }
  }
  out[n] = all[0] + static_cast<double>(e.base[0]);
  return out;
}

TEST(contributions, are_shapley_values_by_their_definition) {
  std::mt19937 random(3);
  for (const int splits : {0, 1, 3, 10, 30, 120}) {
    ensemble e;
    e.features = 9;
    e.base = {0.25F};
    for (int i = 0; i < 3; ++i) {
      e.trees.push_back(random_tree(random, 9, splits));
    }
    std::normal_distribution<float> normal;
    std::vector<float> x(20 * 9);
    for (auto& v : x) {
      v = random() % 5 == 0 ? std::numeric_limits<float>::quiet_NaN() : normal(random);
    }
    std::vector<float> portable;
    for (const isa which : {isa::portable, isa::avx2, isa::avx512}) {
      const auto f = forest::build(e, which).value();
      std::vector<float> out(20 * 10);
      std::vector<float> margins(20);
      ASSERT_TRUE(f.contributions({x.data(), 20, 9}, out).has_value());
      ASSERT_TRUE(f.margins({x.data(), 20, 9}, margins).has_value());
      if (portable.empty()) {
        portable = out;
      }
      ASSERT_EQ(out, portable) << "the bits of isa " << static_cast<int>(which) << ", " << splits << " splits";
      for (std::size_t r = 0; r < 20; ++r) {
        const auto expected = by_definition(e, x.data() + r * 9);
        double sum = 0;
        for (std::size_t i = 0; i < 10; ++i) {
          ASSERT_NEAR(out[r * 10 + i], expected[i], 2e-6) << splits << " splits, feature " << i;
          sum += static_cast<double>(out[r * 10 + i]);
        }
        ASSERT_NEAR(sum, margins[r], 1e-5);
      }
    }
  }
}

TEST(contributions, need_covers) {
  std::mt19937 random(4);
  ensemble e;
  e.features = 2;
  e.base = {0};
  e.trees.push_back(random_tree(random, 2, 3));
  for (auto& n : e.trees[0].nodes) {
    n.cover = 0;
  }
  const auto f = forest::build(e).value();
  const float x[2] = {};
  std::vector<float> out(3);
  const auto ok = f.contributions({x, 1, 2}, out);
  ASSERT_TRUE(ok.has_error());
  EXPECT_NE(ok.error().message.find("sum_hessian"), std::string::npos);
}

TEST(contributions, refuse_an_output_that_is_too_small) {
  ensemble e;
  e.features = 2;
  e.base = {0};
  const auto f = forest::build(e).value();
  const float x[2] = {};
  std::vector<float> out(2);
  EXPECT_TRUE(f.contributions({x, 1, 2}, out).has_error());
}

} // namespace
} // namespace pricing::forest
