#pragma once
// XGBoost through its C API, as the answer that the forest engine must give: random tables, random models, predictions.
#include <xgboost/c_api.h>

#include <dlfcn.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace pricing::forest::oracle {

inline void check(int code) {
  if (code != 0) {
    throw std::runtime_error(std::string("xgboost: ") + XGBGetLastError());
  }
}

// XGBoost's OpenMP threads spin while they wait for each other, which takes minutes on a busy machine.
inline void use_one_thread() {
  if (auto* set = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "omp_set_num_threads")); set != nullptr) {
    set(1);
  }
}

struct table {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<float> values; // row-major
  std::vector<float> target;
  std::vector<int> categories; // per column; 0 is a number
};

struct table_options {
  std::size_t rows = 1000;
  std::size_t columns = 8;
  double missing = 0;    // share of NaN
  int distinct = 0;      // distinct values of a number; 0 means continuous
  int categories = 0;    // of every third column
  int classes = 0;       // the target is a class
  bool positive = false; // the target is positive
  unsigned seed = 1;
};

inline table random_table(const table_options& o) {
  std::mt19937 random(o.seed);
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<double> share;
  table t;
  t.rows = o.rows;
  t.columns = o.columns;
  t.categories.resize(o.columns);
  for (std::size_t c = 0; o.categories > 0 && c < o.columns; c += 3) {
    t.categories[c] = o.categories;
  }
  for (std::size_t r = 0; r < o.rows; ++r) {
    double y = 0;
    for (std::size_t c = 0; c < o.columns; ++c) {
      float x = normal(random);
      if (t.categories[c] > 0) {
        x = static_cast<float>(random() % static_cast<unsigned>(t.categories[c]));
        y += static_cast<int>(x * 7) % 5 - 2;
      } else if (o.distinct > 0) {
        x = static_cast<float>(random() % static_cast<unsigned>(o.distinct)) - static_cast<float>(o.distinct / 2);
        y += x / o.distinct * 3;
      } else {
        y += (c % 2 == 0 ? 1 : -1) * std::sin(x * (1 + static_cast<double>(c % 3)));
      }
      t.values.push_back(share(random) < o.missing ? std::numeric_limits<float>::quiet_NaN() : x);
    }
    y += 0.3 * normal(random);
    if (o.classes > 0) {
      y = std::min(o.classes - 1.0, std::max(0.0, std::floor((y + 3) / 6 * o.classes)));
    } else if (o.positive) {
      y = std::exp(y / 3);
    }
    t.target.push_back(static_cast<float>(y));
  }
  return t;
}

class matrix {
 public:
  explicit matrix(const table& t) {
    check(XGDMatrixCreateFromMat_omp(t.values.data(), t.rows, t.columns, std::numeric_limits<float>::quiet_NaN(),
                                     &handle_, 1));
    check(XGDMatrixSetFloatInfo(handle_, "label", t.target.data(), t.rows));
    std::vector<const char*> types;
    for (const int c : t.categories) {
      types.push_back(c > 0 ? "c" : "q");
    }
    check(XGDMatrixSetStrFeatureInfo(handle_, "feature_type", types.data(), types.size()));
  }
  matrix(const matrix&) = delete;
  ~matrix() { XGDMatrixFree(handle_); }
  DMatrixHandle handle() const { return handle_; }

 private:
  DMatrixHandle handle_ = nullptr;
};

using parameters = std::map<std::string, std::string>;

class booster {
 public:
  booster(const table& t, const parameters& p, int rounds, std::vector<unsigned> groups = {}) {
    use_one_thread();
    matrix m(t);
    if (!groups.empty()) {
      check(XGDMatrixSetUIntInfo(m.handle(), "group", groups.data(), groups.size()));
    }
    DMatrixHandle h = m.handle();
    check(XGBoosterCreate(&h, 1, &handle_));
    set({{"nthread", "1"}, {"verbosity", "0"}});
    set(p);
    for (int i = 0; i < rounds; ++i) {
      check(XGBoosterUpdateOneIter(handle_, i, h));
    }
    // A loaded model has no caches of the training data.
    const std::string bytes = save("ubj");
    check(XGBoosterFree(handle_));
    check(XGBoosterCreate(nullptr, 0, &handle_));
    check(XGBoosterLoadModelFromBuffer(handle_, bytes.data(), bytes.size()));
    set({{"nthread", "1"}, {"verbosity", "0"}});
  }
  booster(const booster&) = delete;
  ~booster() { XGBoosterFree(handle_); }

  BoosterHandle handle() const { return handle_; }
  void set(const parameters& p) {
    for (const auto& [name, value] : p) {
      check(XGBoosterSetParam(handle_, name.c_str(), value.c_str()));
    }
  }
  std::string save(const std::string& format) const {
    bst_ulong size = 0;
    const char* data = nullptr;
    check(XGBoosterSaveModelToBuffer(handle_, (R"({"format":")" + format + "\"}").c_str(), &size, &data));
    return {data, size};
  }
  // type: 0 value, 1 margin, 2 contributions, 4 interactions, 6 leaf
  std::vector<float> predict(const table& t, int type) const {
    matrix m(t);
    const std::string config = R"({"type":)" + std::to_string(type) +
                               R"(,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false})";
    const bst_ulong* shape = nullptr;
    bst_ulong dimensions = 0;
    const float* out = nullptr;
    check(XGBoosterPredictFromDMatrix(handle_, m.handle(), config.c_str(), &shape, &dimensions, &out));
    return {out, out + product(shape, dimensions)};
  }
  std::vector<float> predict_in_place(const float* values, std::size_t rows, std::size_t columns, int type) const {
    const std::string array = R"({"data":[)" + std::to_string(reinterpret_cast<std::uintptr_t>(values)) +
                              R"(,true],"shape":[)" + std::to_string(rows) + "," + std::to_string(columns) +
                              R"(],"typestr":"<f4","version":3})";
    const std::string config = R"({"type":)" + std::to_string(type) +
                               R"(,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false,)" +
                               R"("missing":NaN,"cache_id":0})";
    const bst_ulong* shape = nullptr;
    bst_ulong dimensions = 0;
    const float* out = nullptr;
    check(XGBoosterPredictFromDense(handle_, array.c_str(), config.c_str(), nullptr, &shape, &dimensions, &out));
    return {out, out + product(shape, dimensions)};
  }

 private:
  static std::size_t product(const bst_ulong* shape, bst_ulong dimensions) {
    std::size_t n = 1;
    for (bst_ulong i = 0; i < dimensions; ++i) {
      n *= shape[i];
    }
    return n;
  }
  BoosterHandle handle_ = nullptr;
};

} // namespace pricing::forest::oracle
