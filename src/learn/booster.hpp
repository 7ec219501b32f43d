#pragma once
// Boosted trees through XGBoost's C API (1.7 and later), owned. Errors of the library are std::runtime_error: they are
// defects or a lack of memory, never the caller's data. Predictions are thread-safe.
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::learn {

// Row-major features; NaN is unknown. Binned once, shared by every head trained on it.
class training_matrix {
 public:
  training_matrix(std::span<const float> values, std::size_t rows, std::size_t columns, int threads);
  training_matrix(training_matrix&&) noexcept;
  ~training_matrix();
  void* handle() const { return handle_; }
  std::size_t rows() const { return rows_; }

 private:
  void* handle_ = nullptr;
  std::size_t rows_ = 0;
};

struct booster_options {
  int rounds = 260;
  int depth = 7;
  int threads = 2;
  double learning_rate = 0.06;
  double huber_width = 0.15; // squared error within
  double tail = 0.5;         // beyond: 0 squared error, 0.5 absolute (pseudo-Huber), 1 logarithm (Cauchy)
  double late_tail = 0.5;    // the same after the first quarter of the rounds, which come near enough to judge outliers
  double lambda = 3;
  double row_share = 0.7;
  double column_share = 0.5;
  double child_weight = 25;
  int bins = 128; // of a feature
  unsigned seed = 1;
};

class booster {
 public:
  booster() = default;
  static booster train(const training_matrix& matrix, std::span<const float> target, std::span<const float> weight,
                       const booster_options& options);
  static booster constant(std::size_t columns); // predicts 0
  static booster load(std::string_view bytes);
  booster(booster&& other) noexcept;
  booster& operator=(booster&& other) noexcept;
  ~booster();

  std::string save() const;
  std::vector<float> predict(std::span<const float> values, std::size_t rows, std::size_t columns) const;

 private:
  void* handle_ = nullptr;
};

} // namespace pricing::learn
