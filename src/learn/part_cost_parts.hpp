#pragma once
// Inside of the part-cost model: what is learned, how a quote becomes a row. Private to this folder.
#include "learn/conformal.hpp"
#include "learn/part_cost.hpp"
#include "learn/tree_head.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace pricing::learn {

inline constexpr std::size_t part_cost_terms = 13; // of a quote: quantities, usage, day, brackets

// Every other member learns this root of the cost; 16 · (cost^(1/16) − 1) lies near the log.
inline double cost_of_root(double y) {
  return std::pow(std::max(1 + y / 16, 0.0), 16);
}

struct part_cost_model::parts {
  std::vector<std::string> measures;                     // sorted
  std::unordered_map<std::string, std::uint32_t> labels; // with a column of their own
  std::unordered_map<std::string, float> used_by;        // label → parts, of all labels
  // The additive model: standardised terms and measures, then labels and suppliers.
  std::vector<std::pair<double, double>> scaling; // mean, deviation of each dense column
  std::vector<double> dense_effects;
  std::unordered_map<std::string, double> effects;
  double mean = 0;
  std::vector<double> means; // per member
  std::vector<tree_head> members;
  // What it says of parts that it has not seen: log(1 + cost) missed by, and how well that went.
  score_table missed_by;
  part_cost_report tested;

  std::size_t dense() const { return part_cost_terms + measures.size(); }
  std::size_t columns() const { return dense() + 4 + labels.size(); }

  // The dense cells first; then rarity, the additive model's word (filled by the caller), then labels.
  struct encoded {
    std::vector<float> values;                                      // quotes × columns()
    std::vector<std::vector<std::pair<std::string, float>>> sparse; // labels and supplier of each quote
  };
  // `learning`: the parts are among those counted in used_by, and do not count themselves.
  result<encoded> encode(const part_catalog& catalog, std::span<const part_quote> quotes, bool learning) const;
  double additive(const float* row, const std::vector<std::pair<std::string, float>>& sparse) const;
  // Encoded rows with the additive model's word in its place.
  result<encoded> rows_of(const part_catalog& catalog, std::span<const part_quote> quotes) const;
  // Fills missed_by and tested.
  result<void> test(const part_catalog& catalog, std::span<const part_quote> quotes, const part_cost_options& options);
  std::map<std::string, double> additive_parts(const float* row,
                                               const std::vector<std::pair<std::string, float>>& sparse,
                                               const std::vector<std::string>& names) const;
  double standard(std::size_t column, float value) const {
    return std::isnan(value) ? 0 : (squeezed(value) - scaling[column].first) / scaling[column].second;
  }
  static double squeezed(float v) { return v < 0 ? -std::log1p(-static_cast<double>(v)) : std::log1p(v); }
  std::vector<float> learn_additive(const encoded& rows, std::span<const part_quote> quotes,
                                    const std::vector<float>& y);
};

} // namespace pricing::learn
