#pragma once
// Tree ensembles in one form, whatever library trained them. The loaders make it, forest (forest.hpp) flattens it.
// A value type without behaviour; finish() is the gate through which every ensemble passes before use.
#include "core/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace pricing::forest {

// What counts as missing at a split, and what is done with it.
enum class missing_rule : std::uint8_t {
  nan,         // NaN takes the default direction
  zero_or_nan, // so do NaN and |x| <= 1e-35
  none,        // NaN is read as 0
};

// A split or a leaf. Numerical: x < threshold goes left, compared in float. Categorical (set >= 0): x truncated towards
// zero is a member of the set or not; negative and huge values are not.
struct node {
  std::int32_t left = -1; // index in tree::nodes; -1 makes a leaf
  std::int32_t right = -1;
  std::uint32_t feature = 0;
  float threshold = 0;
  float value = 0;       // of a leaf, weights of trees (dart, averages) included
  float gain = 0;        // of a split: what training gained by it; 0 where the file does not say
  double cover = 0;      // hessians or rows that reached it in training
  std::uint32_t id = 0;  // the number that the source library gives this leaf
  std::int32_t set = -1; // index in tree::sets
  bool default_left = false;
  bool member_left = false; // categorical: members go left
  missing_rule missing = missing_rule::nan;
  bool leaf() const { return left < 0; }
};

struct category_set {
  std::vector<std::uint32_t> bits; // bit i of word i / 32
  bool contains(std::uint32_t category) const {
    return category / 32 < bits.size() && ((bits[category / 32] >> (category % 32)) & 1U) != 0;
  }
};

struct tree {
  std::vector<node> nodes; // root first, every parent before its children
  std::vector<category_set> sets;
  std::uint32_t group = 0; // the output it adds to
};

// Whether a value takes the right branch of a split. The meaning of every split; all layouts must agree with it.
bool goes_right(const tree& t, const node& n, float x);

// From margin to prediction, as the objective of the source library does.
enum class link : std::uint8_t {
  identity,
  sigmoid,
  exponential,
  softmax,
  largest_class,
  step,
  log1p_exp,
  signed_square
};

struct ensemble {
  std::size_t features = 0;
  std::size_t groups = 1;
  std::vector<float> base; // margin before the first tree, one per group
  std::vector<tree> trees;
  link output = link::identity;
  float sigmoid_scale = 1;                // sigmoid(scale * margin), LightGBM's "sigmoid"
  bool average = false;                   // random forest: the margin is divided by the number of trees of a group
  std::string source;                     // "xgboost 1.7.4", "lightgbm v4"
  std::vector<std::string> feature_names; // may be empty
};

// A file above these is refused; generous against real models, small against hostile ones.
struct limits {
  std::size_t bytes_max = std::size_t{1} << 30;
  std::size_t trees_max = 100'000;
  std::size_t nodes_max = std::size_t{1} << 25; // of all trees
  std::size_t features_max = 65'535;
  std::size_t groups_max = 4096;
  std::size_t depth_max = 512;
};

// Checks every index, refuses cycles, shared nodes, unreachable depth and values that are no numbers, drops nodes that
// no path reaches and puts parents before children. The message names the tree and the node.
result<ensemble> finish(ensemble e, const limits& l = {});

} // namespace pricing::forest
