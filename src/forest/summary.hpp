#pragma once
// What a tree ensemble is made of: its size, and which features its splits ask for. For people who hold two versions of
// a model against each other. Pure. Called by models (uploaded_comparison).
#include "forest/ensemble.hpp"

namespace pricing::forest {

// gain and splits of one feature over all trees: XGBoost's importance types "total_gain" and "weight", LightGBM's
// "gain" and "split".
struct feature_use {
  double gain = 0;
  std::size_t splits = 0;
};

struct summary {
  std::size_t trees = 0;
  std::size_t leaves = 0;
  std::size_t depth_max = 0; // splits on the longest way; 0 where every tree is one leaf
  double leaf_depth = 0;     // mean over all leaves
  bool gains = false;        // the file says what its splits gained; else every gain is 0
  std::vector<feature_use> features;
};

// Of an ensemble that finish() let pass.
summary summarise(const ensemble& e);

} // namespace pricing::forest
