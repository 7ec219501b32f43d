#include "learn/booster.hpp"

#include <xgboost/c_api.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

namespace pricing::learn {
namespace {

void check(int code) {
  if (code != 0) {
    throw std::runtime_error(std::string("xgboost: ") + XGBGetLastError());
  }
}

void set(BoosterHandle h, const char* name, const std::string& value) {
  check(XGBoosterSetParam(h, name, value.c_str()));
}

// Gradients of the loss whose slope is z · (1 + (z/width)²)^−tail (Barron, CVPR 2019), with the curvature of its best
// quadratic bound: steps never overshoot.
void gradients(std::span<const float> predicted, std::span<const float> target, std::span<const float> weight,
               double width, double tail, std::vector<float>& g, std::vector<float>& h) {
  for (std::size_t i = 0; i < target.size(); ++i) {
    const double z = predicted[i] - target[i];
    const double spread = 1 + (z / width) * (z / width);
    const double w = weight[i] / (tail == 0.5 ? std::sqrt(spread) : tail == 1 ? spread : std::pow(spread, tail));
    g[i] = static_cast<float>(w * z);
    h[i] = static_cast<float>(w);
  }
}

} // namespace

training_matrix::training_matrix(std::span<const float> values, std::size_t rows, std::size_t columns, int threads)
    : rows_(rows) {
  check(XGDMatrixCreateFromMat_omp(values.data(), rows, columns, std::numeric_limits<float>::quiet_NaN(), &handle_,
                                   threads));
}
training_matrix::training_matrix(training_matrix&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), rows_(other.rows_) {}
training_matrix::~training_matrix() {
  if (handle_ != nullptr) {
    XGDMatrixFree(handle_);
  }
}

booster booster::train(const training_matrix& matrix, std::span<const float> target, std::span<const float> weight,
                       const booster_options& o) {
  booster out;
  DMatrixHandle m = matrix.handle();
  check(XGBoosterCreate(&m, 1, &out.handle_));
  set(out.handle_, "tree_method", "hist");
  set(out.handle_, "base_score", "0");
  set(out.handle_, "nthread", std::to_string(o.threads));
  set(out.handle_, "max_depth", std::to_string(o.depth));
  set(out.handle_, "max_bin", std::to_string(o.bins));
  set(out.handle_, "eta", std::to_string(o.learning_rate));
  set(out.handle_, "lambda", std::to_string(o.lambda));
  set(out.handle_, "subsample", std::to_string(o.row_share));
  set(out.handle_, "colsample_bytree", std::to_string(o.column_share));
  set(out.handle_, "min_child_weight", std::to_string(o.child_weight));
  set(out.handle_, "seed", std::to_string(o.seed));
  set(out.handle_, "verbosity", "0");
  std::vector<float> g(matrix.rows());
  std::vector<float> h(matrix.rows());
  const std::vector<float> zeros(matrix.rows(), 0.0F);
  const char* config = R"({"type":1,"training":true,"iteration_begin":0,"iteration_end":0,"strict_shape":false})";
  for (int round = 0; round < o.rounds; ++round) {
    const bst_ulong* shape = nullptr;
    bst_ulong dimensions = 0;
    const float* predicted = zeros.data();
    if (round > 0) {
      check(XGBoosterPredictFromDMatrix(out.handle_, m, config, &shape, &dimensions, &predicted));
    }
    gradients({predicted, matrix.rows()}, target, weight, o.huber_width, round < o.rounds / 4 ? o.tail : o.late_tail, g,
              h);
    check(XGBoosterBoostOneIter(out.handle_, m, g.data(), h.data(), matrix.rows()));
  }
  // A fresh handle drops the training caches and predicts exactly as a loaded model does.
  return load(out.save());
}

booster booster::constant(std::size_t columns) {
  const std::vector<float> values(2 * columns, 0.0F);
  const std::vector<float> y(2, 0.0F);
  const std::vector<float> w(2, 1.0F);
  return train(training_matrix(values, 2, columns, 1), y, w, {.rounds = 1, .depth = 1, .threads = 1});
}

booster booster::load(std::string_view bytes) {
  booster out;
  check(XGBoosterCreate(nullptr, 0, &out.handle_));
  check(XGBoosterLoadModelFromBuffer(out.handle_, bytes.data(), bytes.size()));
  // One prediction is far too small to share out; callers run many at once instead.
  set(out.handle_, "nthread", "1");
  return out;
}

booster::booster(booster&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
booster& booster::operator=(booster&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}
booster::~booster() {
  if (handle_ != nullptr) {
    XGBoosterFree(handle_);
  }
}

std::string booster::save() const {
  bst_ulong size = 0;
  const char* data = nullptr;
  check(XGBoosterSaveModelToBuffer(handle_, R"({"format":"ubj"})", &size, &data));
  return {data, size};
}

std::vector<float> booster::predict(std::span<const float> values, std::size_t rows, std::size_t columns) const {
  if (rows == 0) {
    return {};
  }
  const std::string array = R"({"data":[)" + std::to_string(reinterpret_cast<std::uintptr_t>(values.data())) +
                            R"(,true],"shape":[)" + std::to_string(rows) + "," + std::to_string(columns) +
                            R"(],"typestr":"<f4","version":3})";
  const char* config =
      R"({"type":1,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false,"missing":NaN,"cache_id":0})";
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  const float* result = nullptr;
  check(XGBoosterPredictFromDense(handle_, array.c_str(), config, nullptr, &shape, &dimensions, &result));
  return {result, result + rows};
}

} // namespace pricing::learn
