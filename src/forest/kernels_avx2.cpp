#include "forest/kernels.hpp"

#if defined(__AVX2__) && defined(__FMA__)

#include <cstring>
#include <immintrin.h>

namespace pricing::forest {
namespace {

// How many of 16 thresholds are at most x.
std::uint32_t count_16(const float* thresholds, float x) {
  const __m256 v = _mm256_set1_ps(x);
  const int low = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(thresholds), v, _CMP_LE_OQ));
  const int high = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(thresholds + 8), v, _CMP_LE_OQ));
  return static_cast<std::uint32_t>(__builtin_popcount(static_cast<unsigned>(low | high << 8)));
}

#define LANE_BYTES 32
#define COUNT_16 count_16
#include "forest/packed_loops.hpp"

#include "forest/explain_loops.hpp"

__m256i step_rank(const float* table, __m256i at, int step, __m256 x) {
  const __m256 threshold = _mm256_i32gather_ps(table + step - 1, at, 4);
  const __m256i passed = _mm256_castps_si256(_mm256_cmp_ps(threshold, x, _CMP_LE_OQ));
  return _mm256_add_epi32(at, _mm256_and_si256(passed, _mm256_set1_epi32(step)));
}

void rank_block(const packed_model& m, const float* values, std::size_t stride, std::size_t count, std::int8_t* q) {
  for (std::size_t i = 0; i < m.ranked_count; ++i) {
    const auto& f = m.ranked[i];
    const float* table = m.thresholds + f.table;
    alignas(64) float x[block_rows];
    alignas(64) std::uint32_t rank[block_rows];
    gather_rows(values + f.feature, stride, count, x);
    for (std::size_t r = 0; r < block_rows; r += 32) {
      __m256 v[4];
      __m256i at[4];
      for (std::size_t k = 0; k < 4; ++k) {
        v[k] = _mm256_load_ps(x + r + 8 * k);
        at[k] = _mm256_setzero_si256();
      }
      for (int step = (1 << f.levels) >> 1; step > 0; step >>= 1) {
        for (std::size_t k = 0; k < 4; ++k) {
          at[k] = step_rank(table, at[k], step, v[k]);
        }
      }
      for (std::size_t k = 0; k < 4; ++k) {
        _mm256_store_si256(reinterpret_cast<__m256i*>(rank + r + 8 * k), at[k]);
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
    for (std::size_t r = 0; r < block_rows; r += 8) {
      const __m256i at = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(leaf + r)));
      _mm256_storeu_ps(sum + r, _mm256_add_ps(_mm256_loadu_ps(sum + r), _mm256_i32gather_ps(leaves, at, 4)));
    }
  }
}

} // namespace

const kernels* avx2_kernels() {
  static constexpr kernels all{rank_block, add_block, rank_row, add_row, explain, float_lanes};
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") ? &all : nullptr;
}

} // namespace pricing::forest

#else

namespace pricing::forest {
const kernels* avx2_kernels() {
  return nullptr;
}
} // namespace pricing::forest

#endif
