#pragma once
// Trees over bytes, which the kernels walk. Everything that a split can ask becomes a byte of the row and one
// comparison: ranks of features among the thresholds of the model (exact: a rank decides as the value does), and for
// sets of categories a byte that says where the row goes. Trees up to depth 8 are padded to perfect ones; deeper ones
// keep their shape. Trees that would need too many bytes are left to the plain walk. Private to this folder.
#include "forest/ensemble.hpp"
#include "forest/kernels.hpp"

#include <vector>

namespace pricing::forest {

class packed {
 public:
  explicit packed(const ensemble& e);

  // Trees of the model in their order: a run of packed ones [first, last), or of others.
  struct run {
    bool is_packed = false;
    std::size_t first = 0;
    std::size_t last = 0;
  };
  // A byte that is goes_right of one split.
  struct category_column {
    std::uint32_t column = 0;
    std::uint32_t tree = 0;
    std::uint32_t node = 0;
  };

  packed_model view() const; // valid as long as this is
  const std::vector<run>& runs() const { return runs_; }
  const std::vector<category_column>& categories() const { return categories_; }
  std::size_t columns() const { return columns_.size(); }

 private:
  friend class packer;
  std::vector<ranked_feature> ranked_;
  std::vector<byte_column> columns_;
  std::vector<category_column> categories_;
  std::vector<float> thresholds_;
  std::vector<float> tops_;
  std::vector<std::uint16_t> node_column_;
  std::vector<std::uint8_t> node_column_byte_;
  std::vector<std::int8_t> node_limit_;
  std::vector<packed_tree> trees_;
  std::vector<float> leaves_;
  std::vector<loose_node> loose_;
  std::vector<float> loose_values_;
  std::vector<run> runs_;
};

} // namespace pricing::forest
