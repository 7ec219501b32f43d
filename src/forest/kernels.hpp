#pragma once
// The loops that prediction and explanation spend their time in, once per instruction set. Plain data only: the files
// that implement this are compiled for newer processors than the rest and must not emit functions shared with it.
// The arrays are flat and relocatable, so a device can hold a copy. Private to this folder.
#include <cstddef>
#include <cstdint>

namespace pricing::forest {

inline constexpr std::size_t block_rows = 64; // rows that one pass through a tree takes
inline constexpr std::uint32_t depth_packed_max = 8;

// A feature that trees compare with thresholds. Its rank is the number of thresholds <= x, found by halving in a table
// of 2^levels - 1 sorted thresholds and 17 NaN; NaN ranks 0.
struct ranked_feature {
  std::uint32_t feature = 0;
  std::uint32_t table = 0; // index of its first threshold
  std::uint32_t levels = 0;
  std::uint32_t first_column = 0;
  std::uint32_t columns = 0;
};

// A byte that trees test: rank - base, cut to 0..254, less 128. Several windows of 254 cover features with more
// thresholds. What is missing takes missing_rank.
struct byte_column {
  enum class missing : std::uint32_t { nowhere, nan, zero_or_nan };
  std::uint32_t base = 0;
  std::uint32_t missing_rank = 0;
  missing rule = missing::nowhere; // nowhere: the rank of NaN will do
};

// A tree padded to a perfect one, in heap order: the root at 1, the children of i at 2i and 2i + 1. A byte below the
// limit of its node goes left; 127 always does.
struct packed_tree {
  std::uint32_t node = 0; // index of slot 0, which is unused; of a loose tree its root
  std::uint32_t leaf = 0;
  std::uint32_t depth = 0; // 0: a loose tree
  std::uint32_t group = 0;
};

// A node of a tree too deep to pad: a byte below the limit goes to next, others to next + 1. Leaves go to themselves.
struct loose_node {
  std::uint32_t next = 0;
  std::uint16_t column = 0;
  std::int8_t limit = 0;
};

struct packed_model {
  const ranked_feature* ranked = nullptr;
  std::size_t ranked_count = 0;
  const byte_column* columns = nullptr;
  std::size_t column_count = 0; // those of categories, which come last, included
  const float* thresholds = nullptr;
  const float* tops = nullptr; // per ranked feature: 16 thresholds that part its table evenly, NaN after the last
  const std::uint16_t* node_column = nullptr;
  const std::uint8_t* node_column_byte = nullptr; // null above 256 columns; 256 readable entries beyond the last
  const std::int8_t* node_limit = nullptr;        // the same
  const packed_tree* trees = nullptr;
  const float* leaves = nullptr;
  const loose_node* loose = nullptr;
  const float* loose_values = nullptr; // of each loose node
};

// A split of a tree to explain, in preorder. A child's edge has an earlier one on its path by the same feature or none
// (-1). Weights of an edge are 6 * points floats: what it multiplies on the way down and what it adds on the way up,
// each for (earlier edge taken, this edge taken) = no; yes, no; yes, yes.
struct explained_split {
  float threshold = 0;
  std::uint32_t feature = 0;
  std::uint32_t node = 0; // in the order of nodes; children are also nodes
  std::uint32_t child[2] = {};
  std::int32_t earlier[2] = {-1, -1}; // as nodes
  std::uint32_t weights[2] = {};      // index of their first
  std::uint32_t kind = 0;             // 0: NaN right, 1: NaN left, 2: ask
  std::uint32_t original = 0;         // index in tree::nodes
};

// Answers a split of kind 2 for the lanes of x: right[i] becomes -1 or 0.
using ask_split = void (*)(const void* tree, const explained_split& s, const float* x, std::size_t lanes,
                           std::int32_t* right);

struct explained_tree {
  const explained_split* splits = nullptr;
  std::size_t split_count = 0;
  const float* weights = nullptr;
  std::size_t points = 0; // of the quadrature
  const void* tree = nullptr;
};

struct kernels {
  // q[column * 64 + row] of up to 64 rows; columns of categories are left alone.
  void (*rank_block)(const packed_model& m, const float* values, std::size_t stride, std::size_t count, std::int8_t* q);
  // Adds trees [first, last) to sums[group * 64 + row].
  void (*add_block)(const packed_model& m, std::size_t first, std::size_t last, const std::int8_t* q, float* sums);
  // The same for one row: q[column], 256 readable bytes at least.
  void (*rank_row)(const packed_model& m, const float* row, std::int8_t* q);
  void (*add_row)(const packed_model& m, std::size_t first, std::size_t last, const std::int8_t* q, float* sums);
  // Adds a tree's contributions to phi[feature * lanes + lane] for x[feature * lanes + lane]. scratch holds
  // (2 * splits + 1) * (points + 1) * lanes floats, aligned like x and phi to 64 bytes.
  void (*explain)(const explained_tree& t, ask_split ask, const float* x, float* phi, float* scratch);
  std::size_t lanes = 0;
};

const kernels& portable_kernels();
// Null where the compiler or the processor lacks the instructions.
const kernels* avx2_kernels();
const kernels* avx512_kernels();

} // namespace pricing::forest
