// Ice Lake, Zen 4 and later: byte permutes look up 64 nodes at once.
#include "forest/kernels.hpp"

#if defined(__AVX512BW__) && defined(__AVX512VBMI__) && defined(__AVX512VL__)

#include <cstring>
#include <immintrin.h>

namespace pricing::forest {
namespace {

// How many of 16 thresholds are at most x.
std::uint32_t count_16(const float* thresholds, float x) {
  return static_cast<std::uint32_t>(
      __builtin_popcount(_mm512_cmp_ps_mask(_mm512_loadu_ps(thresholds), _mm512_set1_ps(x), _CMP_LE_OQ)));
}

#define LANE_BYTES 64
#define COUNT_16 count_16
#include "forest/packed_loops.hpp"

#include "forest/explain_loops.hpp"

__mmask16 passed(__m512 threshold, __m512 x) {
  return _mm512_cmp_ps_mask(threshold, x, _CMP_LE_OQ);
}

// The first four halvings are permutes of a register, the rest gathers.
struct ranker {
  ranker(const float* tops, const float* table, std::uint32_t levels)
      : table_(table), levels_(levels), top_(_mm512_loadu_ps(tops)) {}

  void run(const __m512* x, __m512i* at) const {
    for (std::size_t k = 0; k < 4; ++k) {
      at[k] = _mm512_setzero_si512();
    }
    for (int step = 8; step > 0; step >>= 1) {
      for (std::size_t k = 0; k < 4; ++k) {
        const auto index = _mm512_add_epi32(at[k], _mm512_set1_epi32(step - 1));
        at[k] = _mm512_mask_add_epi32(at[k], passed(_mm512_permutexvar_ps(index, top_), x[k]), at[k],
                                      _mm512_set1_epi32(step));
      }
    }
    if (levels_ <= 4) {
      return;
    }
    for (std::size_t k = 0; k < 4; ++k) {
      at[k] = _mm512_sll_epi32(at[k], _mm_cvtsi32_si128(static_cast<int>(levels_ - 4)));
    }
    for (int step = 1 << (levels_ - 5); step > 0; step >>= 1) {
      for (std::size_t k = 0; k < 4; ++k) {
        const __m512 threshold = _mm512_i32gather_ps(at[k], table_ + step - 1, 4);
        at[k] = _mm512_mask_add_epi32(at[k], passed(threshold, x[k]), at[k], _mm512_set1_epi32(step));
      }
    }
  }

 private:
  const float* table_;
  std::uint32_t levels_;
  __m512 top_;
};

void rank_block(const packed_model& m, const float* values, std::size_t stride, std::size_t count, std::int8_t* q) {
  const __m512 tiny = _mm512_set1_ps(1e-35F);
  for (std::size_t i = 0; i < m.ranked_count; ++i) {
    const auto& f = m.ranked[i];
    const ranker rank(m.tops + 16 * i, m.thresholds + f.table, f.levels);
    alignas(64) float gathered[block_rows];
    gather_rows(values + f.feature, stride, count, gathered);
    __m512 x[4];
    __m512i at[4];
    for (std::size_t k = 0; k < 4; ++k) {
      x[k] = _mm512_load_ps(gathered + 16 * k);
    }
    rank.run(x, at);
    for (std::uint32_t c = f.first_column; c < f.first_column + f.columns; ++c) {
      const auto& column = m.columns[c];
      const auto missing_rank = _mm512_set1_epi32(static_cast<int>(column.missing_rank));
      for (std::size_t k = 0; k < 4; ++k) {
        __mmask16 missing = _mm512_cmp_ps_mask(x[k], x[k], _CMP_UNORD_Q);
        if (column.rule == byte_column::missing::zero_or_nan) {
          missing |= _mm512_cmp_ps_mask(_mm512_abs_ps(x[k]), tiny, _CMP_LE_OQ);
        } else if (column.rule == byte_column::missing::nowhere) {
          missing = 0;
        }
        auto v = _mm512_mask_mov_epi32(at[k], missing, missing_rank);
        v = _mm512_sub_epi32(v, _mm512_set1_epi32(static_cast<int>(column.base)));
        v = _mm512_min_epi32(_mm512_max_epi32(v, _mm512_setzero_si512()), _mm512_set1_epi32(254));
        v = _mm512_sub_epi32(v, _mm512_set1_epi32(128));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(q + c * block_rows + 16 * k), _mm512_cvtepi32_epi8(v));
      }
    }
  }
}

// As below in packed_loops.hpp, but with masks: the compiler's own vectors of 64 bytes come out slower.
template <std::uint32_t Levels, int Base>
__m512i find_below(const std::uint16_t* column, const std::int8_t* limit, std::size_t at, const std::int8_t* q) {
  const __mmask64 right =
      _mm512_cmple_epi8_mask(_mm512_set1_epi8(limit[at]), _mm512_loadu_si512(q + column[at] * block_rows));
  if constexpr (Levels == 1) {
    return _mm512_mask_blend_epi8(right, _mm512_set1_epi8(static_cast<char>(Base)),
                                  _mm512_set1_epi8(static_cast<char>(Base + 1)));
  } else {
    // Named, for the intrinsic is a macro where nothing is optimized.
    const auto below_left = find_below<Levels - 1, Base>(column, limit, 2 * at, q);
    const auto below_right = find_below<Levels - 1, Base + (1 << (Levels - 1))>(column, limit, 2 * at + 1, q);
    return _mm512_mask_blend_epi8(right, below_left, below_right);
  }
}

template <std::uint32_t Depth>
__m512i find(const packed_model& m, const packed_tree& t, const std::int8_t* q) {
  const auto* column = m.node_column + t.node;
  const auto* limit = m.node_limit + t.node;
  if constexpr (Depth <= 6) {
    return find_below<Depth, 0>(column, limit, 1, q);
  } else {
    constexpr std::size_t subtrees = std::size_t{1} << (Depth - 6);
    __m512i found[subtrees];
    for (std::size_t s = 0; s < subtrees; ++s) {
      found[s] = find_below<6, 0>(column, limit, subtrees + s, q);
    }
    for (std::size_t width = subtrees / 2; width > 0; width /= 2) {
      const auto offset = _mm512_set1_epi8(static_cast<char>(64 * (subtrees / 2 / width)));
      for (std::size_t s = 0; s < width; ++s) {
        const std::size_t at = width + s;
        const __mmask64 right =
            _mm512_cmple_epi8_mask(_mm512_set1_epi8(limit[at]), _mm512_loadu_si512(q + column[at] * block_rows));
        found[s] = _mm512_mask_add_epi8(found[2 * s], right, found[2 * s + 1], offset);
      }
    }
    return found[0];
  }
}

__m512i find(const packed_model& m, const packed_tree& t, const std::int8_t* q) {
  switch (t.depth) {
  case 1:
    return find<1>(m, t, q);
  case 2:
    return find<2>(m, t, q);
  case 3:
    return find<3>(m, t, q);
  case 4:
    return find<4>(m, t, q);
  case 5:
    return find<5>(m, t, q);
  case 6:
    return find<6>(m, t, q);
  case 7:
    return find<7>(m, t, q);
  default:
    return find<8>(m, t, q);
  }
}

void add_block(const packed_model& m, std::size_t first, std::size_t last, const std::int8_t* q, float* sums) {
  for (std::size_t i = first; i < last; ++i) {
    const auto& t = m.trees[i];
    float* sum = sums + t.group * block_rows;
    if (t.depth == 0) {
      add_loose(m, t, q, sum);
      continue;
    }
    alignas(64) std::uint8_t leaf[block_rows];
    _mm512_store_si512(leaf, find(m, t, q));
    const float* leaves = m.leaves + t.leaf; // 64 are readable
    if (t.depth <= 6) {
      const __m512 l0 = _mm512_loadu_ps(leaves);
      const __m512 l1 = _mm512_loadu_ps(leaves + 16);
      const __m512 l2 = _mm512_loadu_ps(leaves + 32);
      const __m512 l3 = _mm512_loadu_ps(leaves + 48);
      for (std::size_t r = 0; r < block_rows; r += 16) {
        const __m512i at = _mm512_cvtepu8_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(leaf + r)));
        const __mmask16 upper = _mm512_test_epi32_mask(at, _mm512_set1_epi32(32));
        const __m512 low = _mm512_permutex2var_ps(l0, at, l1);
        const __m512 value = _mm512_mask_mov_ps(low, upper, _mm512_permutex2var_ps(l2, at, l3));
        _mm512_storeu_ps(sum + r, _mm512_add_ps(_mm512_loadu_ps(sum + r), value));
      }
    } else {
      for (std::size_t r = 0; r < block_rows; ++r) {
        sum[r] += leaves[leaf[r]];
      }
    }
  }
}

// One row: its bytes lie in registers, a permute brings each of 64 nodes the byte it tests, a comparison makes the mask
// of the nodes that send it right, and the way down is shifts of that mask.
struct row_bytes {
  __m512i b[4];
  bool wide;
  std::uint64_t rights(const packed_model& m, std::size_t node) const {
    const __m512i column = _mm512_loadu_si512(m.node_column_byte + node);
    __m512i v = _mm512_permutex2var_epi8(b[0], column, b[1]);
    if (wide) {
      v = _mm512_mask_mov_epi8(v, _mm512_movepi8_mask(column), _mm512_permutex2var_epi8(b[2], column, b[3]));
    }
    return _mm512_cmple_epi8_mask(_mm512_loadu_si512(m.node_limit + node), v);
  }
};

template <std::uint32_t Depth>
std::size_t add_singly(const packed_model& m, std::size_t first, std::size_t last, const row_bytes& row,
                       row_sums& sums) {
  for (; first < last && m.trees[first].depth == Depth; ++first) {
    const auto& t = m.trees[first];
    const std::uint64_t top = row.rights(m, t.node);
    std::uint64_t at = 1;
#pragma GCC unroll 6
    for (std::uint32_t d = 0; d < (Depth < 6 ? Depth : 6); ++d) {
      at = 2 * at + ((top >> at) & 1U);
    }
    if constexpr (Depth >= 7) {
      at = 2 * at + ((row.rights(m, t.node + 64) >> (at & 63U)) & 1U);
    }
    if constexpr (Depth >= 8) {
      const std::uint64_t low = row.rights(m, t.node + 128);
      const std::uint64_t high = row.rights(m, t.node + 192);
      at = 2 * at + (((at >= 192 ? high : low) >> (at & 63U)) & 1U);
    }
    sums.add(t.group, m.leaves[t.leaf + at - (std::size_t{1} << Depth)]);
  }
  return first;
}

template <std::uint32_t Depth>
std::size_t add_masks(const packed_model& m, std::size_t first, std::size_t last, const row_bytes& row,
                      row_sums& sums) {
  if constexpr (Depth <= 6) {
    // Eight trees go down together, one in each lane of 64 bits. Three passes over 64 trees, because a load of what was
    // just stored in narrower pieces would wait.
    constexpr std::size_t pass = 64;
    const __m512i one = _mm512_set1_epi64(1);
    alignas(64) std::uint64_t rights[pass];
    alignas(64) std::uint64_t slots[pass];
    while (first < last && m.trees[first].depth == Depth) {
      const packed_tree* t = m.trees + first;
      const std::size_t most = last - first < pass ? last - first : pass;
      std::size_t count = 0;
      for (; count < most && t[count].depth == Depth; ++count) {
        rights[count] = row.rights(m, t[count].node);
      }
      for (std::size_t k = count; k % 8 != 0; ++k) {
        rights[k] = 0;
      }
      for (std::size_t k = 0; k < count; k += 8) {
        const __m512i right = _mm512_load_si512(rights + k);
        __m512i at = one;
#pragma GCC unroll 6
        for (std::uint32_t d = 0; d < Depth; ++d) {
          // 2 at | (right >> at & 1)
          at = _mm512_ternarylogic_epi64(_mm512_add_epi64(at, at), _mm512_srlv_epi64(right, at), one, 0xF8);
        }
        _mm512_store_si512(slots + k, at);
      }
      for (std::size_t k = 0; k < count; ++k) {
        sums.add(t[k].group, m.leaves[t[k].leaf + slots[k] - (std::size_t{1} << Depth)]);
      }
      first += count;
    }
    return first;
  }
  return add_singly<Depth>(m, first, last, row, sums);
}

void add_row_masks(const packed_model& m, std::size_t first, std::size_t last, const std::int8_t* q, float* out) {
  if (m.node_column_byte == nullptr) {
    return add_row(m, first, last, q, out);
  }
  row_bytes row{};
  for (std::size_t i = 0; i < 4; ++i) {
    row.b[i] = _mm512_loadu_si512(q + 64 * i);
  }
  row.wide = m.column_count > 128;
  row_sums sums(out);
  while (first < last) {
    switch (m.trees[first].depth) {
    case 0:
      first = add_loose_run(m, first, last, q, sums);
      break;
    case 1:
      first = add_masks<1>(m, first, last, row, sums);
      break;
    case 2:
      first = add_masks<2>(m, first, last, row, sums);
      break;
    case 3:
      first = add_masks<3>(m, first, last, row, sums);
      break;
    case 4:
      first = add_masks<4>(m, first, last, row, sums);
      break;
    case 5:
      first = add_masks<5>(m, first, last, row, sums);
      break;
    case 6:
      first = add_masks<6>(m, first, last, row, sums);
      break;
    case 7:
      first = add_masks<7>(m, first, last, row, sums);
      break;
    default:
      first = add_masks<8>(m, first, last, row, sums);
      break;
    }
  }
}

} // namespace

const kernels* avx512_kernels() {
  static constexpr kernels all{rank_block, add_block, rank_row, add_row_masks, explain, float_lanes};
  return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi") &&
                 __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")
             ? &all
             : nullptr;
}

} // namespace pricing::forest

#else

namespace pricing::forest {
const kernels* avx512_kernels() {
  return nullptr;
}
} // namespace pricing::forest

#endif
