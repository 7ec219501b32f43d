#include "learn/tree_head.hpp"

#include "forest/model_file.hpp"

#include <algorithm>

namespace pricing::learn {

tree_head::tree_head(const booster& trained) : bytes_(trained.save()) {
  trees_.emplace(forest::forest::build(forest::load_xgboost(bytes_).value()).value());
}

result<tree_head> tree_head::load(std::string_view bytes, std::size_t columns) {
  auto read = forest::load_xgboost(bytes);
  if (!read)
    return read.error();
  auto trees = forest::forest::build(std::move(*read));
  if (!trees)
    return trees.error();
  if (trees->groups() != 1 || trees->features() > columns)
    return invalid_input("the trees are not of this model");
  tree_head out;
  out.bytes_ = bytes;
  out.trees_.emplace(std::move(*trees));
  return out;
}

std::vector<float> tree_head::predict(std::span<const float> values, std::size_t rows, std::size_t columns) const {
  std::vector<float> out(rows);
  if (rows > 0)
    trees_.value().margins({values.data(), rows, columns}, out).value();
  return out;
}

std::vector<float> tree_head::contributions(std::span<const float> values, std::size_t rows,
                                            std::size_t columns) const {
  const std::size_t known = trees_.value().features();
  std::vector<float> found(rows * (known + 1));
  if (rows > 0)
    trees_->contributions({values.data(), rows, columns}, found).value();
  if (known == columns)
    return found;
  std::vector<float> out(rows * (columns + 1), 0.0F); // columns behind the last one that a split looks at
  for (std::size_t i = 0; i < rows; ++i) {
    const auto from = found.begin() + static_cast<std::ptrdiff_t>(i * (known + 1));
    const auto to = std::copy_n(from, known, out.begin() + static_cast<std::ptrdiff_t>(i * (columns + 1)));
    *(to + static_cast<std::ptrdiff_t>(columns - known)) = from[static_cast<std::ptrdiff_t>(known)];
  }
  return out;
}

} // namespace pricing::learn
