// For any processor: vectors of 16 bytes are what every 64-bit one has.
#include "forest/kernels.hpp"

#include <cstring>

namespace pricing::forest {
namespace {

#define LANE_BYTES 16
#include "forest/packed_loops.hpp"

#include "forest/explain_loops.hpp"

void rank_block(const packed_model& m, const float* values, std::size_t stride, std::size_t count, std::int8_t* q) {
  for (std::size_t i = 0; i < m.ranked_count; ++i) {
    const auto& f = m.ranked[i];
    const float* table = m.thresholds + f.table;
    float x[block_rows];
    std::uint32_t rank[block_rows] = {};
    gather_rows(values + f.feature, stride, count, x);
    for (std::uint32_t step = (1U << f.levels) >> 1; step > 0; step >>= 1) {
      for (std::size_t r = 0; r < block_rows; ++r) {
        rank[r] += step & (0U - static_cast<std::uint32_t>(table[rank[r] + step - 1] <= x[r]));
      }
    }
    rank_columns(m, f, x, rank, q);
  }
}

void add_block(const packed_model& m, std::size_t first, std::size_t last, const std::int8_t* q, float* sums) {
  alignas(64) std::uint8_t leaf[block_rows];
  for (std::size_t i = first; i < last; ++i) {
    const auto& t = m.trees[i];
    float* sum = sums + t.group * block_rows;
    if (t.depth == 0) {
      add_loose(m, t, q, sum);
      continue;
    }
    find_leaves(m, t, q, leaf);
    const float* leaves = m.leaves + t.leaf;
    for (std::size_t r = 0; r < block_rows; ++r) {
      sum[r] += leaves[leaf[r]];
    }
  }
}

} // namespace

const kernels& portable_kernels() {
  static constexpr kernels all{rank_block, add_block, rank_row, add_row, explain, float_lanes};
  return all;
}

} // namespace pricing::forest
