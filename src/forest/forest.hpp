#pragma once
// A model ready to predict: immutable, shared by threads without locks. Built once from an ensemble, which is when
// layouts are made. Scratch memory is per thread and grows to the largest model used, so calls do not allocate.
#include "forest/ensemble.hpp"
#include "forest/gpu.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace pricing::forest {

// Row-major features; NaN is missing. Row i starts at values + i * stride, stride >= features of the model.
struct rows {
  const float* values = nullptr;
  std::size_t count = 0;
  std::size_t stride = 0;
};

// Instructions to use. best asks the processor; the others are for tests and measures and fall back if it lacks them.
enum class isa { best, portable, avx2, avx512 };

class forest {
 public:
  static result<forest> build(ensemble e, isa which = isa::best);
  forest(forest&&) noexcept;
  forest& operator=(forest&&) noexcept;
  ~forest();

  std::size_t features() const;
  std::size_t groups() const;
  std::size_t trees() const;
  const ensemble& model() const;
  isa instructions() const; // what is used

  // From now on lets a GPU answer calls of so many rows that it is faster, with identical results; before the forest is
  // shared. The model is copied there, compared with the processor and timed, which takes a second or so. An error says
  // why the processor stays alone, which is no failure of the forest. l: from load_gpu_library, or for tests.
  result<gpu_use> use_gpu(const gpu::library& l, gpu_options o = {});

  // Sums of leaves, base score included, added in the order of the trees as floats: bit-equal to XGBoost. Row-major
  // out[count * groups]. Every function here is invalid_input if stride or out are too small.
  result<void> margins(rows x, std::span<float> out) const;
  // Margins through the link of the objective; largest_class gives one value per row, everything else groups.
  result<void> predict(rows x, std::span<float> out) const;
  std::size_t outputs() const; // values per row of predict
  // The source library's number of the leaf that each row reaches: out[count * trees].
  result<void> leaves(rows x, std::span<std::uint32_t> out) const;
  // What each feature adds to the margin of the row: exact SHAP values of the trees, weighed by their covers (TreeSHAP,
  // tree_path_dependent). Row-major out[count * groups * (features + 1)], the last of each being the mean of the model,
  // so that a row's values sum to its margin. The first call prepares; invalid_input if the model has no covers.
  result<void> contributions(rows x, std::span<float> out) const;

 private:
  struct state;
  explicit forest(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

} // namespace pricing::forest
