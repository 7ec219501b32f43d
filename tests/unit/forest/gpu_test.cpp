// The device's part without a device: a stand-in library copies the flat arrays, as a device would, and runs the rows
// on the host by the functions that the kernels call. Answers must have the processor's bits.
#include "forest/forest.hpp"
#include "forest/gpu_library.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <random>

namespace pricing::forest {
namespace {

// What the stand-in was asked, and how it shall fail.
struct {
  int opened = 0;
  int margin_calls = 0;
  int contribution_calls = 0;
  bool fails = false;
  bool wrong = false;
} device;

struct copied_model {
  gpu::model m;
  std::vector<std::unique_ptr<std::byte[]>> memory;
};

const char* open(const gpu::model& host, void** opened, char* name) {
  auto c = std::make_unique<copied_model>();
  c->m = host;
  gpu::each_array(c->m, [&](auto& a) {
    const auto bytes = a.size * sizeof(*a.data);
    c->memory.push_back(std::make_unique<std::byte[]>(bytes)); // exact, so that sanitizers see a step beyond
    if (bytes > 0) {
      std::memcpy(c->memory.back().get(), a.data, bytes);
    }
    a.data = reinterpret_cast<decltype(a.data)>(c->memory.back().get());
  });
  std::strcpy(name, "stand-in");
  *opened = c.release();
  ++device.opened;
  return nullptr;
}

void close(void* opened) {
  delete static_cast<copied_model*>(opened);
  --device.opened;
}

// As margins_kernel, one thread after another.
void margins_of_block(const gpu::model& m, const float* values, std::size_t stride, std::size_t count, float* out) {
  std::vector<std::int8_t> q(gpu::block_bytes(m));
  std::vector<float> tile(std::size_t{gpu::tile_trees} * gpu::lanes);
  const auto trees = static_cast<std::uint32_t>(m.trees.size);
  for (std::uint32_t lane = 0; lane < count; ++lane) {
    const float* row = values + lane * stride;
    for (std::size_t i = 0; i < gpu::rank_items(m); ++i) {
      gpu::rank_item(m, i, row, lane, q.data());
    }
    gpu::row_sums sums;
    sums.begin(m, out + lane * m.groups);
    for (std::uint32_t first = 0; first < trees; first += gpu::tile_trees) {
      const auto last = std::min(first + gpu::tile_trees, trees);
      for (std::uint32_t t = first; t < last; t += gpu::warp_trees) {
        gpu::find_leaves(m, t, std::min(gpu::warp_trees, last - t), row, q.data(), lane,
                         tile.data() + (t - first) * gpu::lanes + lane);
      }
      sums.add(m, first, last, tile.data() + lane);
    }
    sums.finish();
  }
}

const char* margins(void* opened, const float* values, std::size_t stride, std::size_t count, float* out) {
  ++device.margin_calls;
  if (device.fails) {
    return "an illegal memory access was encountered";
  }
  const auto& m = static_cast<copied_model*>(opened)->m;
  for (std::size_t i = 0; i < count; i += gpu::lanes) {
    margins_of_block(m, values + i * stride, stride, std::min<std::size_t>(gpu::lanes, count - i), out + i * m.groups);
  }
  if (device.wrong) {
    out[count - 1] = std::nextafter(out[count - 1], 1e9F);
  }
  return nullptr;
}

// As explain_kernel between spread_kernel and collect_kernel.
const char* contributions(void* opened, const float* values, std::size_t stride, std::size_t count, float* out) {
  ++device.contribution_calls;
  if (device.fails) {
    return "an illegal memory access was encountered";
  }
  const auto& m = static_cast<copied_model*>(opened)->m;
  const auto width = m.features + 1;
  std::vector<float> x(m.features);
  std::vector<float> scratch(m.path_floats);
  std::fill_n(out, count * m.groups * width, 0.0F);
  for (std::size_t r = 0; r < count; ++r) {
    std::copy_n(values + r * stride, m.features, x.begin());
    for (std::size_t t = 0; t < m.paths.size; ++t) {
      float* phi = out + (r * m.groups + m.paths[t].group) * width;
      gpu::explain(m, m.paths[t], {x.data(), 1}, {phi, 1}, {scratch.data(), 1});
    }
    for (std::size_t g = 0; g < m.groups; ++g) {
      out[(r * m.groups + g) * width + m.features] = m.bias[g];
    }
  }
  return nullptr;
}

constexpr gpu::library stand_in{gpu::layout_now, open, margins, contributions, close};

struct shape {
  std::size_t features = 9;
  std::size_t groups = 1;
  int trees = 70; // more than two tiles
  int depth = 6;
  int splits = 40;
  double sets = 0;            // share of splits
  bool missing_rules = false; // all of them, not only NaN
  bool average = false;
};

tree random_tree(std::mt19937& random, const shape& s) {
  std::normal_distribution<float> normal;
  tree t;
  t.nodes.resize(1);
  t.nodes[0].cover = 1000;
  std::vector<int> depth{0};
  for (int i = 0; i < s.splits; ++i) {
    const std::size_t at = random() % t.nodes.size();
    if (!t.nodes[at].leaf() || depth[at] == s.depth) {
      continue;
    }
    const double cover = t.nodes[at].cover;
    const double share = 0.05 + 0.9 * static_cast<double>(random() % 1000) / 1000;
    auto& n = t.nodes[at];
    n.left = static_cast<std::int32_t>(t.nodes.size());
    n.right = n.left + 1;
    n.feature = static_cast<std::uint32_t>(random() % s.features);
    n.threshold = static_cast<float>(random() % 40) / 4 - 2;
    n.default_left = random() % 2 == 0;
    if (s.missing_rules) {
      n.missing = static_cast<missing_rule>(random() % 3);
    }
    if (static_cast<double>(random() % 1000) < 1000 * s.sets) {
      n.set = static_cast<std::int32_t>(t.sets.size());
      n.member_left = random() % 2 == 0;
      t.sets.push_back({{static_cast<std::uint32_t>(random()), static_cast<std::uint32_t>(random() % 4)}});
    }
    t.nodes.resize(t.nodes.size() + 2);
    t.nodes[t.nodes.size() - 2].cover = cover * share;
    t.nodes[t.nodes.size() - 1].cover = cover * (1 - share);
    depth.insert(depth.end(), 2, depth[at] + 1);
  }
  for (auto& n : t.nodes) {
    n.value = normal(random);
  }
  return t;
}

ensemble random_ensemble(const shape& s) {
  std::mt19937 random(5);
  ensemble e;
  e.features = s.features;
  e.groups = s.groups;
  e.average = s.average;
  for (std::size_t g = 0; g < s.groups; ++g) {
    e.base.push_back(0.25F * static_cast<float>(g + 1));
  }
  for (int i = 0; i < s.trees; ++i) {
    e.trees.push_back(random_tree(random, s));
    e.trees.back().group = static_cast<std::uint32_t>(static_cast<std::size_t>(i) % s.groups);
  }
  return e;
}

std::vector<float> random_rows(std::size_t count, std::size_t stride) {
  std::mt19937 random(6);
  std::vector<float> x(count * stride);
  for (auto& v : x) {
    v = random() % 9 == 0 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(random() % 50) / 4 - 3;
  }
  return x;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void expect_equal(const shape& s, isa which) {
  constexpr std::size_t count = 75; // not a multiple of a block
  const auto stride = s.features + 2;
  const auto x = random_rows(count, stride);
  const rows all{x.data(), count, stride};
  const auto alone = forest::build(random_ensemble(s), which).value();
  auto helped = forest::build(random_ensemble(s), which).value();
  device = {};
  const auto use = helped.use_gpu(stand_in, {.rows_min = 1});
  ASSERT_TRUE(use.has_value()) << use.error().message;
  EXPECT_EQ(use->device, "stand-in");
  ASSERT_EQ(use->margin_rows_min, 1U);
  ASSERT_EQ(use->contribution_rows_min, 1U);
  const auto calls = device;

  std::vector<float> expected(count * s.groups);
  std::vector<float> out(expected.size());
  ASSERT_TRUE(alone.margins(all, expected).has_value());
  ASSERT_TRUE(helped.margins(all, out).has_value());
  EXPECT_EQ(device.margin_calls, calls.margin_calls + 1);
  EXPECT_TRUE(same_bits(expected, out));

  expected.resize(count * s.groups * (s.features + 1));
  out.resize(expected.size());
  ASSERT_TRUE(alone.contributions(all, expected).has_value());
  ASSERT_TRUE(helped.contributions(all, out).has_value());
  EXPECT_EQ(device.contribution_calls, calls.contribution_calls + 1);
  EXPECT_TRUE(same_bits(expected, out));
}

class gpu_answers : public testing::TestWithParam<shape> {};

TEST_P(gpu_answers, have_the_bits_of_the_processor) {
  for (const isa which : {isa::portable, isa::avx2, isa::avx512}) {
    expect_equal(GetParam(), which);
  }
}

INSTANTIATE_TEST_SUITE_P(models, gpu_answers,
                         testing::Values(shape{}, shape{.trees = 33, .depth = 1, .splits = 3},
                                         shape{.trees = 3, .splits = 0}, // nothing but leaves
                                         shape{.trees = 0}, shape{.groups = 3, .depth = 8, .splits = 200},
                                         shape{.depth = 40, .splits = 150},            // too deep to pad
                                         shape{.depth = 4, .splits = 20, .sets = 0.1}, // bytes of categories
                                         shape{.depth = 7, .splits = 60, .sets = 0.5}, // too many of them
                                         shape{.depth = 10, .splits = 60, .missing_rules = true},
                                         shape{.features = 300, .groups = 2, .sets = 0.05, .average = true}));

TEST(gpu_use, is_for_calls_of_enough_rows) {
  auto f = forest::build(random_ensemble({})).value();
  device = {};
  ASSERT_TRUE(f.use_gpu(stand_in, {.rows_min = 50}).has_value());
  device = {};
  const auto x = random_rows(50, 9);
  std::vector<float> out(500);
  ASSERT_TRUE(f.margins({x.data(), 49, 9}, out).has_value());
  ASSERT_TRUE(f.contributions({x.data(), 49, 9}, out).has_value());
  EXPECT_EQ(device.margin_calls + device.contribution_calls, 0);
  ASSERT_TRUE(f.margins({x.data(), 50, 9}, out).has_value());
  ASSERT_TRUE(f.contributions({x.data(), 50, 9}, out).has_value());
  EXPECT_EQ(device.margin_calls, 1);
  EXPECT_EQ(device.contribution_calls, 1);
}

TEST(gpu_use, is_refused_to_a_device_that_answers_other_bits) {
  auto f = forest::build(random_ensemble({})).value();
  device = {};
  device.wrong = true;
  const auto use = f.use_gpu(stand_in, {.rows_min = 1});
  ASSERT_TRUE(use.has_error());
  EXPECT_NE(use.error().message.find("differ"), std::string::npos);
  EXPECT_EQ(device.opened, 0);
  device = {};
  float out = 0;
  const auto x = random_rows(1, 9);
  ASSERT_TRUE(f.margins({x.data(), 1, 9}, {&out, 1}).has_value());
  EXPECT_EQ(device.margin_calls, 0);
}

TEST(gpu_use, ends_with_the_first_failure_which_is_told_once) {
  const auto alone = forest::build(random_ensemble({})).value();
  auto f = forest::build(random_ensemble({})).value();
  device = {};
  std::vector<std::string> told;
  ASSERT_TRUE(
      f.use_gpu(stand_in, {.rows_min = 1, .failed = [&](const auto& why) { told.push_back(why); }}).has_value());
  device.fails = true;
  const auto x = random_rows(40, 9);
  std::vector<float> expected(40);
  std::vector<float> out(40);
  ASSERT_TRUE(alone.margins({x.data(), 40, 9}, expected).has_value());
  const auto before = device.margin_calls;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(f.margins({x.data(), 40, 9}, out).has_value());
    EXPECT_TRUE(same_bits(expected, out));
  }
  EXPECT_EQ(device.margin_calls, before + 1);
  EXPECT_EQ(told, std::vector<std::string>{"an illegal memory access was encountered"});
}

TEST(gpu_use, leaves_trees_deeper_than_a_path_of_bits_to_the_processor) {
  ensemble e;
  e.features = 1;
  e.base = {0};
  tree t;
  for (int i = 0; i < 70; ++i) { // a chain
    node split;
    split.left = static_cast<std::int32_t>(t.nodes.size() + 1);
    split.right = static_cast<std::int32_t>(t.nodes.size() + 2);
    split.threshold = static_cast<float>(i);
    split.cover = 1000 - i;
    node leaf;
    leaf.value = static_cast<float>(i);
    leaf.cover = 1;
    t.nodes.push_back(split);
    t.nodes.push_back(leaf);
  }
  t.nodes.emplace_back();
  t.nodes.back().cover = 930;
  e.trees.push_back(t);
  auto f = forest::build(e).value();
  device = {};
  const auto use = f.use_gpu(stand_in, {.rows_min = 1});
  ASSERT_TRUE(use.has_value()) << use.error().message;
  EXPECT_EQ(use->margin_rows_min, 1U);
  EXPECT_EQ(use->contribution_rows_min, gpu_rows_never);
  EXPECT_EQ(device.contribution_calls, 0);
}

TEST(gpu_use, measures_when_the_device_is_faster) {
  auto f = forest::build(random_ensemble({.trees = 2, .splits = 5})).value();
  device = {};
  const auto use = f.use_gpu(stand_in);
  ASSERT_TRUE(use.has_value()) << use.error().message;
  EXPECT_TRUE(use->margin_rows_min >= 32);
  EXPECT_GT(device.margin_calls, 1);
}

TEST(gpu_library, may_be_absent) {
  const auto l = load_gpu_library("/nonexistent/libpricing_forest_gpu.so");
  ASSERT_TRUE(l.has_error());
  EXPECT_EQ(l.error().code, errc::unavailable);
}

} // namespace
} // namespace pricing::forest
