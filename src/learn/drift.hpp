#pragma once
// Whether what a model sees and says now is still what it was: features, target, prediction, residual and coverage of a
// window of rows against a reference, per category. Limits come from the reference itself: windows of the same size
// drawn from its chunks show how far chance alone goes, so a small window does not cry wolf and a large one is not
// deaf. Pure. Called by the drift task and /drift.
#include "core/error.hpp"
#include "learn/sketch.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace pricing::learn {

enum class drift_role : std::uint8_t {
  feature,
  target,
  prediction,
  residual,
  coverage
}; // coverage: 1 inside, 0 outside

struct drift_column {
  std::string name;
  drift_role role = drift_role::feature;
  bool categorical = false; // values are codes
};

// A mergeable summary of rows, one sketch per column.
class drift_profile {
 public:
  explicit drift_profile(std::span<const drift_column> columns);

  void add(std::span<const float> row);   // one value per column, NaN for missing
  void merge(const drift_profile& other); // of the same columns

  std::uint64_t rows() const { return rows_; }
  std::size_t columns() const { return columns_.size(); }
  // nullptr if the column is of the other type.
  const quantile_sketch* numeric(std::size_t column) const { return std::get_if<quantile_sketch>(&columns_[column]); }
  const category_sketch* category(std::size_t column) const { return std::get_if<category_sketch>(&columns_[column]); }

 private:
  std::vector<std::variant<quantile_sketch, category_sketch>> columns_;
  std::uint64_t rows_ = 0;
};

// Distances of two distributions. Missing values are a bin of their own in the first two; the others compare what is
// known and are 0 for categories.
struct drift_distances {
  double jensen_shannon = 0; // root of the divergence to base 2, 0 to 1, over tenths of the reference
  double psi = 0;            // population stability index over the same bins
  double wasserstein = 0;    // in standard deviations of the reference; not beyond its smallest and largest value
  double ks = 0;             // largest difference of the distribution functions
  double superiority = 0;    // |P(window > reference) + ½P(equal) − ½|: a shift of everything, robust to tails
};

struct drift_options {
  // Windows drawn from the reference for each column, 100 to 100,000; where they are not enough to tell how rare the
  // window is, up to 40 times as many.
  std::size_t draws = 500;
  double level = 0.01; // of the limits; of compare the false discovery rate too
  std::uint64_t seed = 1;
};

struct column_drift {
  std::size_t column = 0;
  drift_distances distance;
  drift_distances limit; // exceeded by chance in a share `level` of windows as large, one distance and column alone
  double reference_mean = 0, window_mean = 0; // of coverage: the share; NaN for categories
  // Of the largest distance relative to its chance, among windows as large; of a residual, of its superiority alone:
  // there the question is whether prices have moved.
  double p = 1;
  double q = 1;         // adjusted over what was looked at together, and for looks before the window is whole
  bool drifted = false; // q ≤ level
};

struct group_drift {
  std::string group;
  std::uint64_t rows = 0;
  std::vector<column_drift> columns; // in the order of the columns; empty if too_little_data
  bool too_little_data = false;
};

// The reference of one group. Immutable, shared without locks.
class drift_reference {
 public:
  static constexpr std::size_t chunks_min = 8;
  static constexpr std::uint64_t rows_min = 30; // of a window

  // Chunks are what varies together, a letting or a day: rows of one chunk stay together when windows are drawn.
  // invalid_input: fewer than chunks_min chunks with rows, chunks of other columns, draws or level out of range.
  static result<drift_reference> build(std::vector<drift_column> columns, std::span<const drift_profile> chunks,
                                       const drift_options& options = {});

  const std::vector<drift_column>& columns() const { return columns_; }
  const drift_options& options() const { return options_; }
  std::uint64_t rows() const { return rows_; }

  // p, distances and limits; q and drifted over this group's columns only. A window larger than half of the reference
  // is held against the limits of that half, which are wider. invalid_input: other columns, fewer than rows_min rows.
  result<std::vector<column_drift>> compare(const drift_profile& window) const;
  // One column without adjustment (q is 1): the step that find_drift puts together. The window's columns must be ours.
  column_drift compare(std::size_t column, const drift_profile& window) const;
  bool same_columns(const drift_profile& profile) const;

 private:
  static constexpr std::size_t distances = 5;
  using distance_array = std::array<double, distances>;
  struct cell_count {
    std::uint32_t cell;
    float times;
  };
  // Where values of one column are counted: cells between cuts (numeric) or codes, then other, then missing.
  struct column_cells {
    bool categorical = false;
    std::vector<float> cuts;         // cell c holds values in (cuts[c − 1], cuts[c]]; above the last: the last cell
    std::vector<std::int32_t> codes; // ascending
    std::vector<std::uint8_t> bin;   // of each cell, for Jensen–Shannon and PSI
    double deviation = 1;
    double mean = 0;
    std::vector<double> all;                     // counts of the reference
    std::vector<std::vector<cell_count>> chunks; // counts of each chunk, without cells that it has nothing in
    std::size_t size() const { return all.size(); }
  };

  class window_draws;

  static column_cells make_cells(const drift_profile& all, std::size_t column);
  static std::vector<float> count(const column_cells& cells, const drift_profile& p, std::size_t column);
  static distance_array measure(const column_cells& cells, std::span<const double> window,
                                std::span<const double> rest);

  std::vector<drift_column> columns_;
  drift_options options_;
  std::uint64_t rows_ = 0;
  std::vector<std::uint64_t> chunk_rows_;
  std::vector<column_cells> cells_;
};

struct monitored_group {
  std::string group;
  const drift_reference* reference;
  const drift_profile* window;
  // Of the residual's own test by lines and events, price_shift.hpp, which then stands in for that by distances.
  std::optional<double> residual_p{};
  double share = 1; // of drift_lines that the window has: a smaller one grows and is looked at again (early_p_value)
};

inline constexpr std::size_t drift_lines = 500; // of one group: as many show whether prices have moved by a tenth
inline constexpr double drift_level = 0.03;     // false discovery rate

// How much a column's test counts among the others (false_discovery_rates): a residual twelve times and coverage twice
// as much as what need not hurt anybody.
double drift_weight(drift_role role);

// All groups looked at together: the false discovery rate is held over every column of every group (Benjamini and
// Hochberg, by drift_weight), and about held over all looks at windows that grow to drift_lines. A group whose window
// has fewer than rows_min rows says so. Errors as of compare.
result<std::vector<group_drift>> find_drift(std::span<const monitored_group> groups, double level = drift_level);

} // namespace pricing::learn
