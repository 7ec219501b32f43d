#pragma once
// What one row does on a device: ranking, walking and explaining over flat arrays that can be copied anywhere. Written
// for both sides, so that the kernels (gpu_kernels.cu) call what the unit tests run on the host. Bit-equal to the
// processor's kernels: leaves are added in the order of the trees, and explanations do the same operations in the same
// order, although they go through a tree depth first, which needs memory for a path instead of for all nodes.
// Plain data and no library: nvcc compiles this too. Private to this folder.
#include "forest/kernels.hpp"

#include <cmath>

#ifdef __CUDACC__
#define PRICING_BOTH __host__ __device__
#else
#define PRICING_BOTH
#endif

namespace pricing::forest::gpu {

inline constexpr std::uint32_t lanes = 32;      // rows of a block of margins, one per thread of a warp
inline constexpr std::uint32_t tile_trees = 32; // whose leaves are found before they are added
inline constexpr std::uint32_t warp_trees = 4;  // walked at once by a thread, which hides the latency of each
inline constexpr std::uint32_t plain_depth = 0xFFFF;
inline constexpr std::uint32_t levels_max = 63; // of explained trees: a path fits the bits of a word

template <class T>
struct array {
  const T* data = nullptr;
  std::size_t size = 0;
  PRICING_BOTH const T& operator[](std::size_t i) const { return data[i]; }
};

// A test of a padded tree in one load.
struct packed_node {
  std::uint16_t column = 0;
  std::int8_t limit = 0;
};

// ensemble.hpp's node with indices into the arrays of all trees.
struct plain_node {
  enum class missing : std::uint8_t { nan, zero_or_nan, none };
  float threshold = 0; // of a leaf its value
  std::uint32_t feature = 0;
  std::int32_t left = -1; // -1 makes a leaf
  std::int32_t right = -1;
  std::uint32_t bits = 0; // first word of its set
  std::uint32_t words = 0;
  missing rule = missing::nan;
  bool is_set = false;
  bool default_left = false;
  bool member_left = false;
};

struct category {
  std::uint32_t column = 0;
  std::uint32_t node = 0; // whose decision the column is
};

// A split to explain. The products of a node at level l lie in slot 2l, or 2l + 1 of a right child.
struct path_split {
  float threshold = 0;
  std::uint32_t feature = 0;
  std::uint32_t kind = 0; // as explained_split's
  std::uint32_t node = 0; // index of its plain_node
  std::uint32_t slot = 0;
  std::uint32_t level = 0;
  std::int32_t earlier = -1;     // level of the node below the earlier edge by this feature, or -1
  std::uint32_t weights[2] = {}; // from the tree's first
};

// Steps of a tree: a split's number times 4, plus what to do there. Right before left, so that splits are added up in
// the processor's order, which is that of their numbers backwards.
enum class path_step : std::uint32_t { right, left, up };
struct path_tree {
  std::uint64_t weight = 0; // the first
  std::uint32_t step = 0;
  std::uint32_t step_end = 0;
  std::uint32_t points = 0;
  std::uint32_t group = 0;
};

struct model {
  std::size_t features = 0;
  std::size_t groups = 0;
  std::size_t path_floats = 0; // scratch of one row to explain; 0: contributions are left to the processor
  array<ranked_feature> ranked;
  array<byte_column> columns;
  array<float> thresholds;
  array<category> categories;
  array<packed_tree> trees; // all, in their order; depth is plain_depth where node is the root's plain_node
  array<packed_node> nodes;
  array<float> leaves;
  array<loose_node> loose;
  array<float> loose_values;
  array<plain_node> plain;
  array<std::uint32_t> set_bits;
  array<float> base;
  array<path_tree> paths;
  array<path_split> splits;
  array<std::uint32_t> steps;
  array<float> weights;
  array<float> bias;
};

// Calls f with every array of a model, to copy them elsewhere.
template <class F>
void each_array(model& m, F&& f) {
  f(m.ranked), f(m.columns), f(m.thresholds), f(m.categories), f(m.trees), f(m.nodes), f(m.leaves), f(m.loose);
  f(m.loose_values), f(m.plain), f(m.set_bits), f(m.base), f(m.paths), f(m.splits), f(m.steps), f(m.weights);
  f(m.bias);
}

// Where a block keeps the byte of a column: every lane has a memory bank of its own, whatever columns the lanes read.
PRICING_BOTH inline std::uint32_t byte_at(std::uint32_t column, std::uint32_t lane) {
  return ((column >> 2) * lanes + lane) * 4 + (column & 3);
}
PRICING_BOTH inline std::size_t block_bytes(const model& m) {
  return (m.columns.size + 3) / 4 * 4 * lanes;
}

PRICING_BOTH inline bool is_member(const model& m, const plain_node& n, float x) {
  if (x < (n.member_left ? -1.0F : 0.0F) || (n.member_left && x == -1.0F) || !(x < 16777216.0F)) {
    return false;
  }
  const std::uint32_t c = x <= 0 ? 0 : static_cast<std::uint32_t>(x);
  return c / 32 < n.words && ((m.set_bits[n.bits + c / 32] >> (c % 32)) & 1U) != 0;
}

// ensemble.hpp's goes_right.
PRICING_BOTH inline bool goes_right(const model& m, const plain_node& n, float x) {
  if (x != x) {
    if (n.rule != plain_node::missing::none) {
      return !n.default_left;
    }
    x = 0;
  }
  if (n.is_set) {
    return is_member(m, n, x) != n.member_left;
  }
  if (n.rule == plain_node::missing::zero_or_nan && x <= 1e-35F && x >= -1e-35F) {
    return !n.default_left;
  }
  return !(x < n.threshold);
}

PRICING_BOTH inline std::size_t rank_items(const model& m) {
  return m.ranked.size + m.categories.size;
}

// Writes the bytes of one feature, or of one set of categories, of one row.
PRICING_BOTH inline void rank_item(const model& m, std::size_t item, const float* row, std::uint32_t lane,
                                   std::int8_t* q) {
  if (item >= m.ranked.size) {
    const auto& c = m.categories[item - m.ranked.size];
    const auto& n = m.plain[c.node];
    q[byte_at(c.column, lane)] = goes_right(m, n, row[n.feature]) ? 1 : 0;
    return;
  }
  const auto& f = m.ranked[item];
  const float x = row[f.feature];
  const float* table = m.thresholds.data + f.table;
  std::uint32_t rank = 0;
  for (std::uint32_t step = (1U << f.levels) >> 1; step > 0; step >>= 1) {
    rank += table[rank + step - 1] <= x ? step : 0;
  }
  for (std::uint32_t c = f.first_column; c < f.first_column + f.columns; ++c) {
    const auto& column = m.columns[c];
    const bool zero = x <= 1e-35F && x >= -1e-35F && column.rule == byte_column::missing::zero_or_nan;
    const bool missing = zero || (x != x && column.rule != byte_column::missing::nowhere);
    const auto shifted =
        static_cast<std::int32_t>(missing ? column.missing_rank : rank) - static_cast<std::int32_t>(column.base);
    const auto low = shifted < 0 ? 0 : shifted;
    q[byte_at(c, lane)] = static_cast<std::int8_t>((low > 254 ? 254 : low) - 128);
  }
}

// Leaves of Count trees of one depth.
template <std::uint32_t Depth, std::uint32_t Count>
PRICING_BOTH void padded_leaves(const model& m, std::uint32_t first, const std::int8_t* q, std::uint32_t lane,
                                float* out) {
  std::uint32_t at[Count];
  const packed_node* nodes[Count];
  for (std::uint32_t k = 0; k < Count; ++k) {
    at[k] = 1;
    nodes[k] = m.nodes.data + m.trees[first + k].node;
  }
  for (std::uint32_t d = 0; d < Depth; ++d) {
    for (std::uint32_t k = 0; k < Count; ++k) {
      const packed_node n = nodes[k][at[k]];
      at[k] = 2 * at[k] + (q[byte_at(n.column, lane)] >= n.limit ? 1 : 0);
    }
  }
  for (std::uint32_t k = 0; k < Count; ++k) {
    out[k * lanes] = m.leaves[m.trees[first + k].leaf + at[k] - (1U << Depth)];
  }
}

template <std::uint32_t Count>
PRICING_BOTH void padded_leaves(const model& m, std::uint32_t first, const std::int8_t* q, std::uint32_t lane,
                                float* out) {
  switch (m.trees[first].depth) {
  case 1:
    return padded_leaves<1, Count>(m, first, q, lane, out);
  case 2:
    return padded_leaves<2, Count>(m, first, q, lane, out);
  case 3:
    return padded_leaves<3, Count>(m, first, q, lane, out);
  case 4:
    return padded_leaves<4, Count>(m, first, q, lane, out);
  case 5:
    return padded_leaves<5, Count>(m, first, q, lane, out);
  case 6:
    return padded_leaves<6, Count>(m, first, q, lane, out);
  case 7:
    return padded_leaves<7, Count>(m, first, q, lane, out);
  default:
    return padded_leaves<8, Count>(m, first, q, lane, out);
  }
}

PRICING_BOTH inline float loose_leaf(const model& m, const packed_tree& t, const std::int8_t* q, std::uint32_t lane) {
  std::uint32_t at = t.node;
  for (std::uint32_t next = at;; at = next) {
    const auto n = m.loose[at];
    next = n.next + (q[byte_at(n.column, lane)] >= n.limit ? 1 : 0);
    if (next == at) {
      return m.loose_values[at];
    }
  }
}

PRICING_BOTH inline float plain_leaf(const model& m, const packed_tree& t, const float* row) {
  const plain_node* n = &m.plain[t.node];
  while (n->left >= 0) {
    n = &m.plain[static_cast<std::uint32_t>(goes_right(m, *n, row[n->feature]) ? n->right : n->left)];
  }
  return n->threshold;
}

// Values of the leaves that a row reaches in the trees [first, first + count), count <= warp_trees, lanes floats apart.
PRICING_BOTH inline void find_leaves(const model& m, std::uint32_t first, std::uint32_t count, const float* row,
                                     const std::int8_t* q, std::uint32_t lane, float* out) {
  const auto depth = m.trees[first].depth;
  bool alike = count == warp_trees && depth > 0 && depth <= depth_packed_max;
  for (std::uint32_t k = 1; k < count; ++k) {
    alike = alike && m.trees[first + k].depth == depth;
  }
  if (alike) {
    return padded_leaves<warp_trees>(m, first, q, lane, out);
  }
  for (std::uint32_t k = 0; k < count; ++k) {
    const auto& t = m.trees[first + k];
    if (t.depth == plain_depth) {
      out[k * lanes] = plain_leaf(m, t, row);
    } else if (t.depth == 0) {
      out[k * lanes] = loose_leaf(m, t, q, lane);
    } else {
      padded_leaves<1>(m, first + k, q, lane, out + k * lanes);
    }
  }
}

// Sums of one row, begun with the base score; that of the present output stays in a register.
class row_sums {
 public:
  PRICING_BOTH void begin(const model& m, float* sums) {
    sums_ = sums;
    for (std::size_t g = 0; g < m.groups; ++g) {
      sums[g] = m.base[g];
    }
    now_ = sums[0];
  }
  // Leaves of trees [first, last), lanes floats apart.
  PRICING_BOTH void add(const model& m, std::uint32_t first, std::uint32_t last, const float* leaves) {
    for (std::uint32_t t = first; t < last; ++t, leaves += lanes) {
      const auto group = m.trees[t].group;
      if (group != group_) {
        sums_[group_] = now_;
        group_ = group;
        now_ = sums_[group];
      }
      now_ += *leaves;
    }
  }
  PRICING_BOTH void finish() { sums_[group_] = now_; }

 private:
  float* sums_ = nullptr;
  float now_ = 0;
  std::uint32_t group_ = 0;
};

// One row's place in arrays that hold many rows side by side.
struct column_of {
  float* first = nullptr;
  std::size_t step = 0;
  PRICING_BOTH float& operator[](std::size_t i) const { return first[i * step]; }
};

// Adds a tree's contributions to phi[feature]; scratch holds model::path_floats. explain_loops.hpp has the mathematics.
template <std::uint32_t Points>
PRICING_BOTH void explain(const model& m, const path_tree& t, column_of x, column_of phi, column_of scratch) {
  const std::uint32_t points = Points > 0 ? Points : t.points;
  const float* weights = m.weights.data + t.weight;
  std::uint64_t taken = 0; // bit l: the row follows the edge down to level l
  std::uint64_t right = 0; // bit l: the split at level l sends the row right
  // The weights of an edge for what the row does there and at the earlier edge.
  const auto weights_of = [&](const path_split& s, std::uint32_t side) {
    const bool before = s.earlier < 0 || ((taken >> s.earlier) & 1U) != 0;
    const bool now = before && ((right >> s.level) & 1U) == side;
    return weights + s.weights[side] + (now ? 2 : before ? 1 : 0) * points;
  };
  for (std::uint32_t q = 0; q < points; ++q) {
    scratch[q] = 1;
  }
  for (std::uint32_t i = t.step; i < t.step_end; ++i) {
    const auto& s = m.splits[m.steps[i] >> 2];
    const auto step = static_cast<path_step>(m.steps[i] & 3);
    const std::uint32_t own = s.slot * points;
    const std::uint32_t below = 2 * (s.level + 1) * points; // the left child's; the right one's follows
    if (step == path_step::up) {
      float sum = phi[s.feature];
      for (std::uint32_t side = 0; side < 2; ++side) {
        const float* w = weights_of(s, side) + 3 * points;
        for (std::uint32_t q = 0; q < points; ++q) {
          const float value = scratch[below + side * points + q];
          sum = sum + value * w[q];
        }
      }
      for (std::uint32_t q = 0; q < points; ++q) {
        scratch[own + q] = scratch[below + q] + scratch[below + points + q];
      }
      phi[s.feature] = sum;
      continue;
    }
    const std::uint32_t side = step == path_step::right ? 1 : 0;
    if (side == 1) { // comes first
      const float v = x[s.feature];
      const bool goes = s.kind == 2   ? goes_right(m, m.plain[s.node], v)
                        : s.kind == 1 ? v >= s.threshold
                                      : !(v < s.threshold);
      right = (right & ~(std::uint64_t{1} << s.level)) | (std::uint64_t{goes} << s.level);
    }
    const float* w = weights_of(s, side);
    for (std::uint32_t q = 0; q < points; ++q) {
      scratch[below + side * points + q] = scratch[own + q] * w[q];
    }
    const bool now = w == weights + s.weights[side] + 2 * points;
    taken = (taken & ~(std::uint64_t{1} << (s.level + 1))) | (std::uint64_t{now} << (s.level + 1));
  }
}

PRICING_BOTH inline void explain(const model& m, const path_tree& t, column_of x, column_of phi, column_of scratch) {
  switch (t.points) {
  case 1:
    return explain<1>(m, t, x, phi, scratch);
  case 2:
    return explain<2>(m, t, x, phi, scratch);
  case 3:
    return explain<3>(m, t, x, phi, scratch);
  case 4:
    return explain<4>(m, t, x, phi, scratch);
  default:
    return explain<0>(m, t, x, phi, scratch);
  }
}

} // namespace pricing::forest::gpu
