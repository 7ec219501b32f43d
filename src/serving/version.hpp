#pragma once
// One version of a model in memory: immutable, shared by the threads. And what it answers.
#include "forest/forest.hpp"
#include "serving/config.hpp"
#include "serving/manifest.hpp"
#include "serving/tensor_json.hpp"

#include <memory>
#include <string_view>
#include <unordered_map>

namespace prometheus {
class Counter;
class Histogram;
} // namespace prometheus

namespace pricing::serving {

// Where the requests of a version are counted; null members count nothing.
struct version_series {
  prometheus::Counter* requests = nullptr;
  prometheus::Histogram* compute_s = nullptr;
  prometheus::Histogram* rows = nullptr;
};

struct served_version {
  served_version(manifest m, forest::forest f);

  const manifest about;
  const forest::forest trees;
  std::unordered_map<std::string, std::size_t> feature_at; // by name
  bool explains = true;                                    // the file has what contributions need
  // Measured when it was loaded: what one row costs, predicted and explained.
  double row_us = 0;
  double explained_row_us = 0;
  bool batches = false; // rows together are so much cheaper that single ones should join (row_batch.hpp)
  version_series series;
};
using version_ptr = std::shared_ptr<const served_version>;

// From the bytes of a model file to trees, as they are written and ready to answer; invalid_input says what is wrong
// with the bytes.
result<forest::ensemble> read_trees(std::string_view bytes, std::uint64_t bytes_max);
result<forest::forest> load_trees(std::string_view bytes, std::uint64_t bytes_max);
// The library that answers on a GPU; null where there is none, which is logged and no failure.
const forest::gpu::library* find_gpu(const config& c);
// Lets the GPU answer large calls of these trees if it is faster; else they stay as they are.
void use_gpu(forest::forest& trees, const forest::gpu::library* gpu, const config& c, const std::string& model);
// The parts of a manifest that the trees know.
void describe_trees(manifest& m, const forest::forest& trees);
// Predicts made-up rows, so that the first caller finds everything in place, and measures what a row costs.
void warm_up(served_version& v);

struct inference {
  std::size_t rows = 0;
  std::vector<float> predict;       // rows × outputs, each empty unless asked for
  std::vector<float> margin;        // rows × groups
  std::vector<float> contributions; // rows × groups × (features + 1)
};

// What it will take, from what was measured.
double estimated_us(const served_version& v, const inference_request& r);
// The request's columns into the order of the model's features; features that are not named are missing.
// invalid_input when the columns do not fit.
result<void> fit_columns(const served_version& v, inference_request& r);
// After fit_columns. conflict when the model file has no covers and contributions are asked for.
result<inference> infer(const served_version& v, const inference_request& r);

} // namespace pricing::serving
