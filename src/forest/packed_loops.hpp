// Loops shared by the instruction sets, on vectors of LANE_BYTES bytes as the compiler spells them. Included inside an
// unnamed namespace by each file of kernels, so that no function is shared between differently compiled files.
// No #pragma once and no includes: the including file brings <cstddef>, <cstdint>, <cstring> and kernels.hpp.

typedef std::int8_t bytes __attribute__((vector_size(LANE_BYTES)));
typedef float floats __attribute__((vector_size(LANE_BYTES)));
typedef std::int32_t ints __attribute__((vector_size(LANE_BYTES)));
constexpr std::size_t float_lanes = LANE_BYTES / 4;

inline bytes load_bytes(const std::int8_t* at) {
  bytes out;
  std::memcpy(&out, at, sizeof out);
  return out;
}

inline std::int8_t to_byte(std::uint32_t rank, std::uint32_t base) {
  const auto shifted = static_cast<std::int32_t>(rank) - static_cast<std::int32_t>(base);
  const auto low = shifted < 0 ? 0 : shifted;
  return static_cast<std::int8_t>((low > 254 ? 254 : low) - 128);
}

inline bool is_missing(byte_column::missing rule, float x) {
  const bool zero = x <= 1e-35F && x >= -1e-35F;
  return (x != x && rule != byte_column::missing::nowhere) || (zero && rule == byte_column::missing::zero_or_nan);
}

inline std::uint32_t rank_of(const float* table, std::uint32_t levels, float x) {
  std::uint32_t at = 0;
  for (std::uint32_t step = (1U << levels) >> 1; step > 0; step >>= 1) {
    at += step & (0U - static_cast<std::uint32_t>(table[at + step - 1] <= x));
  }
  return at;
}

inline void rank_row(const packed_model& m, const float* row, std::int8_t* q) {
  for (std::size_t i = 0; i < m.ranked_count; ++i) {
    const auto& f = m.ranked[i];
    const float x = row[f.feature];
    const float* table = m.thresholds + f.table;
    std::uint32_t rank = 0;
#ifdef COUNT_16
    if (f.levels <= 8) { // 16 parts, then the 16 thresholds from the part's first on; those of later parts do not count
      const std::uint32_t part = COUNT_16(m.tops + 16 * i, x) << (f.levels > 4 ? f.levels - 4 : 0);
      rank = part + COUNT_16(table + part, x);
    } else {
      rank = rank_of(table, f.levels, x);
    }
#else
    rank = rank_of(table, f.levels, x);
#endif
    for (std::uint32_t c = f.first_column; c < f.first_column + f.columns; ++c) {
      const auto& column = m.columns[c];
      q[c] = to_byte(is_missing(column.rule, x) ? column.missing_rank : rank, column.base);
    }
  }
}

// x and ranks of one feature for 64 rows into the bytes of its columns.
inline void rank_columns(const packed_model& m, const ranked_feature& f, const float* x, const std::uint32_t* rank,
                         std::int8_t* q) {
  for (std::uint32_t c = f.first_column; c < f.first_column + f.columns; ++c) {
    const auto& column = m.columns[c];
    std::int8_t* out = q + c * block_rows;
    if (column.rule == byte_column::missing::nowhere) {
      for (std::size_t r = 0; r < block_rows; ++r) {
        out[r] = to_byte(rank[r], column.base);
      }
    } else {
      for (std::size_t r = 0; r < block_rows; ++r) {
        out[r] = to_byte(is_missing(column.rule, x[r]) ? column.missing_rank : rank[r], column.base);
      }
    }
  }
}

inline void gather_rows(const float* values, std::size_t stride, std::size_t count, float* x) {
  for (std::size_t r = 0; r < count; ++r) {
    x[r] = values[r * stride];
  }
  for (std::size_t r = count; r < block_rows; ++r) {
    x[r] = 0;
  }
}

// The leaf below a node for every row, as bytes numbered from Base at the leftmost: unrolled over Levels levels.
template <std::uint32_t Levels, int Base>
struct below {
  static bytes find(const std::uint16_t* column, const std::int8_t* limit, std::size_t at, const std::int8_t* q) {
    const bytes left = below<Levels - 1, Base>::find(column, limit, 2 * at, q);
    const bytes right = below<Levels - 1, Base + (1 << (Levels - 1))>::find(column, limit, 2 * at + 1, q);
    const bytes goes_left = limit[at] > load_bytes(q + column[at] * block_rows);
    return goes_left ? left : right;
  }
};
template <int Base>
struct below<1, Base> {
  static bytes find(const std::uint16_t* column, const std::int8_t* limit, std::size_t at, const std::int8_t* q) {
    const bytes goes_left = limit[at] > load_bytes(q + column[at] * block_rows); // -1 where it does
    return goes_left + static_cast<std::int8_t>(Base + 1);
  }
};

template <std::uint32_t Depth>
void find_leaves(const packed_model& m, const packed_tree& t, const std::int8_t* q, std::uint8_t* leaf) {
  const auto* column = m.node_column + t.node;
  const auto* limit = m.node_limit + t.node;
  for (std::size_t r = 0; r < block_rows; r += LANE_BYTES) {
    bytes at;
    if constexpr (Depth <= 6) {
      at = below<Depth, 0>::find(column, limit, 1, q + r);
    } else {
      // Subtrees of six levels one by one, so that the code stays small.
      constexpr std::size_t subtrees = std::size_t{1} << (Depth - 6);
      bytes found[subtrees];
      for (std::size_t s = 0; s < subtrees; ++s) {
        found[s] = below<6, 0>::find(column, limit, subtrees + s, q + r);
      }
      for (std::size_t width = subtrees / 2; width > 0; width /= 2) {
        for (std::size_t s = 0; s < width; ++s) {
          const bytes goes_left = limit[width + s] > load_bytes(q + column[width + s] * block_rows + r);
          const auto offset = static_cast<std::int8_t>(64 * (subtrees / 2 / width));
          found[s] = goes_left ? found[2 * s] : found[2 * s + 1] + offset;
        }
      }
      at = found[0];
    }
    std::memcpy(leaf + r, &at, sizeof at);
  }
}

inline void find_leaves(const packed_model& m, const packed_tree& t, const std::int8_t* q, std::uint8_t* leaf) {
  switch (t.depth) {
  case 1:
    return find_leaves<1>(m, t, q, leaf);
  case 2:
    return find_leaves<2>(m, t, q, leaf);
  case 3:
    return find_leaves<3>(m, t, q, leaf);
  case 4:
    return find_leaves<4>(m, t, q, leaf);
  case 5:
    return find_leaves<5>(m, t, q, leaf);
  case 6:
    return find_leaves<6>(m, t, q, leaf);
  case 7:
    return find_leaves<7>(m, t, q, leaf);
  default:
    return find_leaves<8>(m, t, q, leaf);
  }
}

// Eight rows at once hide each other's loads.
inline void add_loose(const packed_model& m, const packed_tree& t, const std::int8_t* q, float* sum) {
  for (std::size_t r = 0; r < block_rows; r += 8) {
    std::uint32_t at[8];
    for (auto& a : at) {
      a = t.node;
    }
    std::uint32_t moved = 1;
    while (moved != 0) {
      moved = 0;
      for (std::size_t k = 0; k < 8; ++k) {
        const auto n = m.loose[at[k]];
        const auto next = n.next + static_cast<std::uint32_t>(q[n.column * block_rows + r + k] >= n.limit);
        moved |= next ^ at[k];
        at[k] = next;
      }
    }
    for (std::size_t k = 0; k < 8; ++k) {
      sum[r + k] += m.loose_values[at[k]];
    }
  }
}

// Sums of one row; that of the present output stays in a register, away from the latency of memory.
class row_sums {
 public:
  explicit row_sums(float* sums) : sums_(sums), now_(sums[0]) {}
  ~row_sums() { sums_[group_] = now_; }
  row_sums(const row_sums&) = delete;
  void add(std::uint32_t group, float value) {
    if (group != group_) {
      sums_[group_] = now_;
      group_ = group;
      now_ = sums_[group];
    }
    now_ += value;
  }

 private:
  float* sums_;
  float now_;
  std::uint32_t group_ = 0;
};

inline std::size_t add_loose_run(const packed_model& m, std::size_t first, std::size_t last, const std::int8_t* q,
                                 row_sums& sums) {
  for (; first < last && m.trees[first].depth == 0; ++first) {
    std::uint32_t at = m.trees[first].node;
    for (auto next = at;; at = next) {
      const auto n = m.loose[at];
      next = n.next + static_cast<std::uint32_t>(q[n.column] >= n.limit);
      if (next == at) {
        break;
      }
    }
    sums.add(m.trees[first].group, m.loose_values[at]);
  }
  return first;
}

template <std::uint32_t Depth>
float leaf_of_row(const packed_model& m, const packed_tree& t, const std::int8_t* q) {
  const auto* column = m.node_column + t.node;
  const auto* limit = m.node_limit + t.node;
  std::uint32_t at = 1;
#pragma GCC unroll 8
  for (std::uint32_t d = 0; d < Depth; ++d) {
    at = 2 * at + static_cast<std::uint32_t>(q[column[at]] >= limit[at]);
  }
  return m.leaves[t.leaf + at - (1U << Depth)];
}

template <std::uint32_t Depth>
std::size_t add_run(const packed_model& m, std::size_t first, std::size_t last, const std::int8_t* q, row_sums& sums) {
  for (; first < last && m.trees[first].depth == Depth; ++first) {
    sums.add(m.trees[first].group, leaf_of_row<Depth>(m, m.trees[first], q));
  }
  return first;
}

inline void add_row(const packed_model& m, std::size_t first, std::size_t last, const std::int8_t* q, float* out) {
  row_sums sums(out);
  while (first < last) {
    switch (m.trees[first].depth) {
    case 0:
      first = add_loose_run(m, first, last, q, sums);
      break;
    case 1:
      first = add_run<1>(m, first, last, q, sums);
      break;
    case 2:
      first = add_run<2>(m, first, last, q, sums);
      break;
    case 3:
      first = add_run<3>(m, first, last, q, sums);
      break;
    case 4:
      first = add_run<4>(m, first, last, q, sums);
      break;
    case 5:
      first = add_run<5>(m, first, last, q, sums);
      break;
    case 6:
      first = add_run<6>(m, first, last, q, sums);
      break;
    case 7:
      first = add_run<7>(m, first, last, q, sums);
      break;
    default:
      first = add_run<8>(m, first, last, q, sums);
      break;
    }
  }
}
