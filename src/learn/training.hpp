#pragma once
// Inside of train() and evaluate(): feature rows of past lines in order of day. A row holds only what was known before
// its day, so that a model for any day may be trained on the rows before that day.
#include "learn/price_model.hpp"
#include "learn/view_data.hpp"

#include <vector>

namespace pricing::learn::detail {

struct training_rows {
  std::size_t columns = 0;
  std::vector<float> values;                   // rows × columns
  std::vector<std::uint32_t> line;             // index into history.lines()
  std::vector<float> base, effective_n, share; // share of the line in its event's expected money
  std::vector<float> log_total;
  std::vector<std::int32_t> day;
  std::size_t size() const { return line.size(); }
  std::size_t before(std::int32_t day) const; // rows of earlier days
};

// Rows of the newest `rows_max` lines with bids and a benchmark, from ≤ day < until.
training_rows collect(const market_view& view, std::int32_t until, std::size_t rows_max, int threads);

result<price_model> train_on(const market_view& view, const training_rows& rows, const train_options& options);

// Log predictions of ready rows [first, last): expected, low, total share, log scale, band.
struct row_predictions {
  std::vector<float> expected, low, total, log_scale;
  std::vector<std::uint32_t> band;
};
row_predictions predict_rows(const price_model& model, const market_view& view, const training_rows& rows,
                             std::size_t first, std::size_t last);
struct log_interval {
  double low = 0, high = 0;
};
// Log offsets from expected of the interval of single bids; nullopt where the table is too small.
std::optional<log_interval> interval_of(const price_model& model, std::uint32_t band, double log_scale,
                                        double coverage);

} // namespace pricing::learn::detail
