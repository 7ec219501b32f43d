#pragma once
// One head of a model as it answers: a booster's file with its trees in the forest engine, which predicts bit-equal to
// XGBoost and many times faster. Immutable; predictions are thread-safe and share no lock.
#include "core/error.hpp"
#include "forest/forest.hpp"
#include "learn/booster.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::learn {

class tree_head {
 public:
  tree_head() = default; // answers nothing
  explicit tree_head(const booster& trained);
  // invalid_input when the bytes are no trees over at most so many columns.
  static result<tree_head> load(std::string_view bytes, std::size_t columns);

  const std::string& save() const { return bytes_; } // XGBoost UBJ
  // Row-major values of rows × columns; NaN is unknown. One value a row.
  std::vector<float> predict(std::span<const float> values, std::size_t rows, std::size_t columns) const;
  // Per row columns + 1 contributions (TreeSHAP), the last one the bias; a row sums to its prediction.
  std::vector<float> contributions(std::span<const float> values, std::size_t rows, std::size_t columns) const;

 private:
  std::string bytes_;
  std::optional<forest::forest> trees_;
};

} // namespace pricing::learn
