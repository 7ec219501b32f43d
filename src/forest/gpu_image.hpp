#pragma once
// A model as flat arrays that a device can hold. Private to this folder.
#include "forest/explained.hpp"
#include "forest/gpu_walk.hpp"
#include "forest/packed.hpp"

#include <cstdint>
#include <vector>

namespace pricing::forest::gpu {

class image {
 public:
  // shap: null without covers. Trees deeper than levels_max leave contributions to the processor.
  image(const ensemble& e, const packed& layout, const explained* shap);
  model view() const; // valid as long as this and the layout are

 private:
  void add_plain(const ensemble& e);
  void add_trees(const ensemble& e, const packed& layout);
  bool add_path(const tree& t, const explained_tree& shap, std::uint32_t first_plain);

  model parts_; // what needs no copy
  std::vector<std::uint32_t> first_plain_;
  std::vector<category> categories_;
  std::vector<packed_tree> trees_;
  std::vector<packed_node> nodes_;
  std::vector<plain_node> plain_;
  std::vector<std::uint32_t> set_bits_;
  std::vector<path_tree> paths_;
  std::vector<path_split> splits_;
  std::vector<std::uint32_t> steps_;
  std::vector<float> weights_;
  std::vector<float> bias_;
};

} // namespace pricing::forest::gpu
