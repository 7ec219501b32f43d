#include "learn/price_model.hpp"

#include "learn/booster.hpp"
#include "learn/conformal.hpp"
#include "learn/training.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <numeric>
#include <thread>

namespace pricing::learn {
namespace {

using detail::training_rows;

constexpr std::string_view magic = "pricing-model-1\n";
constexpr std::size_t quantity_bands = 5;
constexpr std::size_t evidence_bands = 3;
constexpr std::size_t pooled_band = quantity_bands * evidence_bands;
constexpr double pooled_below = 400; // a band with fewer effective scores uses the pooled table
constexpr std::size_t rows_min = 30;

// log(total of the winner / sum of the total head) of an event, from its size: a sum of medians is too low.
struct total_correction {
  float level = 0, per_log_total = 0, per_log_lines = 0;
  float at(float log_total, float lines) const {
    return level + per_log_total * (log_total - 13.0F) + per_log_lines * (std::log(lines + 1) - 3.5F);
  }
};

} // namespace

struct detail::model_parts {
  booster median, low, total, scale;
  total_correction correction;
  std::vector<float> quantity_edges, evidence_edges;
  std::vector<score_table> tables; // one per band, the pooled one last
  std::int32_t until = 0;
  std::uint64_t lines = 0;

  std::uint32_t band(float log_quantity, float effective_n) const {
    const auto q =
        std::upper_bound(quantity_edges.begin(), quantity_edges.end(), log_quantity) - quantity_edges.begin();
    const auto e = std::upper_bound(evidence_edges.begin(), evidence_edges.end(), effective_n) - evidence_edges.begin();
    const auto b = static_cast<std::size_t>(q) * evidence_bands + static_cast<std::size_t>(e);
    return static_cast<std::uint32_t>(b < pooled_band && tables[b].effective_n >= pooled_below ? b : pooled_band);
  }
};

struct model_access {
  static detail::model_parts& of(price_model& m) { return *m.parts_; }
  static const detail::model_parts& of(const price_model& m) { return *m.parts_; }
};

namespace {

std::vector<float> quantile_edges(std::vector<float> values, std::size_t bands) {
  std::erase_if(values, [](float v) { return std::isnan(v); });
  std::sort(values.begin(), values.end());
  std::vector<float> edges;
  for (std::size_t b = 1; b < bands && !values.empty(); ++b) {
    edges.push_back(values[values.size() * b / bands]);
  }
  return edges;
}

booster_options options_of(const train_options& o) {
  booster_options b;
  b.rounds = o.rounds;
  b.depth = o.depth;
  b.threads = o.threads;
  b.learning_rate = o.learning_rate;
  b.seed = static_cast<unsigned>(o.seed);
  return b;
}

enum class target { median, low, winner };

booster fit(const training_matrix& matrix, const market_view& view, const training_rows& rows, std::size_t n,
            std::int32_t until, target what, booster_options options) {
  const auto lines = view.history().lines();
  std::vector<float> y(n);
  std::vector<float> w(n);
  for (std::size_t i = 0; i < n; ++i) {
    const price_line& l = lines[rows.line[i]];
    const float value = what == target::median ? l.median : what == target::low ? l.low : l.winner;
    y[i] = std::clamp(value - rows.base[i], -4.0F, 4.0F);
    w[i] = std::exp(-static_cast<float>(until - rows.day[i]) / 1200.0F);
    if (what == target::winner) {
      w[i] *= 0.1F + std::min(10.0F * rows.share[i], 3.0F); // lines that carry the sum
    }
  }
  if (what == target::winner) {
    options.huber_width = 0.4;
  }
  return booster::train(matrix, y, w, options);
}

std::vector<float> scores_of_line(const market_view& view, const training_rows& rows, std::size_t row,
                                  float predicted) {
  const price_line& l = view.history().lines()[rows.line[row]];
  std::vector<float> out;
  for (std::uint32_t k = l.first; k < l.first + l.count; ++k) {
    const price_kind kind = view.history().kind()[k];
    if (kind != price_kind::estimate && kind != price_kind::list) {
      out.push_back(view.history().log_price()[k] - rows.base[row] - predicted);
    }
  }
  return out;
}

void fit_correction(total_correction& c, const market_view& view, const training_rows& rows, std::size_t first,
                    std::size_t n, std::span<const float> predicted) {
  struct sums {
    double ours = 0, winner = 0;
    float log_total = 0, lines = 0;
  };
  std::unordered_map<std::uint32_t, sums> events;
  for (std::size_t i = first; i < n; ++i) {
    const price_line& l = view.history().lines()[rows.line[i]];
    if (l.event == no_index || std::isnan(l.winner)) {
      continue;
    }
    sums& s = events[l.event];
    s.ours += std::exp(static_cast<double>(rows.base[i]) + predicted[i - first] + l.log_quantity);
    s.winner += std::exp(static_cast<double>(l.winner) + l.log_quantity);
    s.log_total = rows.log_total[i];
    s.lines += 1;
  }
  if (events.size() < 40) {
    return;
  }
  // Least absolute deviation of three coefficients by reweighting; a little ridge on the slopes.
  std::array<double, 3> beta{};
  for (int round = 0; round < 30; ++round) {
    double a[3][4] = {{1e-6, 0, 0, 0}, {0, 5, 0, 0}, {0, 0, 5, 0}};
    for (const auto& [event, s] : events) {
      const std::array<double, 3> x{1, s.log_total - 13.0, std::log(s.lines + 1) - 3.5};
      const double y = std::log(s.winner / s.ours);
      const double r = y - beta[0] * x[0] - beta[1] * x[1] - beta[2] * x[2];
      const double w = 1 / std::sqrt(0.05 * 0.05 + r * r);
      for (int i = 0; i < 3; ++i) {
        for (int j = 0; j < 3; ++j) {
          a[i][j] += w * x[static_cast<std::size_t>(i)] * x[static_cast<std::size_t>(j)];
        }
        a[i][3] += w * x[static_cast<std::size_t>(i)] * y;
      }
    }
    for (int i = 0; i < 3; ++i) {
      for (int k = 0; k < 3; ++k) {
        if (k != i) {
          const double f = a[k][i] / a[i][i];
          for (int j = 0; j < 4; ++j) {
            a[k][j] -= f * a[i][j];
          }
        }
      }
    }
    for (int i = 0; i < 3; ++i) {
      beta[static_cast<std::size_t>(i)] = a[i][3] / a[i][i];
    }
  }
  c = {static_cast<float>(beta[0]), static_cast<float>(beta[1]), static_cast<float>(beta[2])};
}

// The scale head and the score tables from rows [first, n) that the median head has not seen. Scores of one half of the
// events are scaled by a head trained on the other half.
void calibrate(detail::model_parts& m, const market_view& view, const training_rows& rows, std::size_t first,
               std::size_t n, std::span<const float> predicted, const train_options& options) {
  const std::size_t count = n - first;
  const auto values = std::span(rows.values).subspan(first * rows.columns, count * rows.columns);
  std::vector<float> y(count);
  std::vector<float> quantity(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto scores = scores_of_line(view, rows, first + i, predicted[i]);
    double sum = 0;
    for (const float s : scores) {
      sum += std::min(std::abs(s), 3.0F);
    }
    y[i] = static_cast<float>(std::log(sum / static_cast<double>(scores.size()) + 0.03));
    quantity[i] = view.history().lines()[rows.line[first + i]].log_quantity;
  }
  booster_options o = options_of(options);
  o.rounds = std::max(options.rounds / 3, 10);
  o.depth = std::min(options.depth, 4);
  o.learning_rate = 0.1;
  o.huber_width = 1;
  std::vector<float> scale(count);
  {
    const training_matrix matrix(values, count, rows.columns, options.threads);
    const std::vector<float> ones(count, 1.0F);
    m.scale = booster::train(matrix, y, ones, o);
    for (int half = 0; half < 2; ++half) {
      std::vector<float> w(count);
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t key = rows.day[first + i] % 64 + view.history().lines()[rows.line[first + i]].event;
        w[i] = static_cast<int>(key % 2) == half ? 0.0F : 1.0F;
      }
      const auto out = booster::train(matrix, y, w, o).predict(values, count, rows.columns);
      for (std::size_t i = 0; i < count; ++i) {
        scale[i] = w[i] == 0.0F ? out[i] : scale[i];
      }
    }
  }
  m.quantity_edges = quantile_edges(quantity, quantity_bands);
  m.evidence_edges = quantile_edges({rows.effective_n.begin() + static_cast<std::ptrdiff_t>(first),
                                     rows.effective_n.begin() + static_cast<std::ptrdiff_t>(n)},
                                    evidence_bands);
  std::vector<std::vector<weighted_score>> scores(pooled_band + 1);
  m.tables.assign(pooled_band + 1, {});
  for (score_table& t : m.tables) {
    t.effective_n = pooled_below; // so that band() tells the bands apart while they are filled
  }
  for (std::size_t i = 0; i < count; ++i) {
    const float w = std::exp(-static_cast<float>(m.until - rows.day[first + i]) / 365.0F);
    const std::uint32_t b = m.band(quantity[i], rows.effective_n[first + i]);
    for (const float s : scores_of_line(view, rows, first + i, predicted[i])) {
      scores[b].push_back({s / std::exp(scale[i]), w});
      scores[pooled_band].push_back(scores[b].back());
    }
  }
  for (std::size_t b = 0; b <= pooled_band; ++b) {
    m.tables[b] = make_table(std::move(scores[b]));
  }
}

} // namespace

namespace detail {

std::size_t training_rows::before(std::int32_t limit) const {
  return static_cast<std::size_t>(std::lower_bound(day.begin(), day.end(), limit) - day.begin());
}

training_rows collect(const market_view& view, std::int32_t until, std::size_t rows_max, int threads) {
  const auto lines = view.history().lines();
  std::vector<std::uint32_t> order;
  for (std::uint32_t l = 0; l < lines.size(); ++l) {
    if (lines[l].day < until) {
      order.push_back(l);
    }
  }
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::pair(lines[a].day, lines[a].event) < std::pair(lines[b].day, lines[b].event);
  });
  if (order.size() > rows_max) {
    order.erase(order.begin(), order.end() - static_cast<std::ptrdiff_t>(rows_max));
  }
  std::vector<std::size_t> starts; // of events; lines outside an event stand alone
  for (std::size_t i = 0; i < order.size(); ++i) {
    const price_line& l = lines[order[i]];
    if (i == 0 || l.event == no_index || l.event != lines[order[i - 1]].event || l.day != lines[order[i - 1]].day) {
      starts.push_back(i);
    }
  }
  starts.push_back(order.size());
  const std::size_t columns = feature_total();
  const std::size_t chunk = 64;
  const std::size_t chunks = (starts.size() - 1 + chunk - 1) / chunk;
  std::vector<training_rows> out(chunks);
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t c = next++; c < chunks; c = next++) {
      training_rows& r = out[c];
      for (std::size_t s = c * chunk; s < std::min((c + 1) * chunk, starts.size() - 1); ++s) {
        const auto group = std::span(order).subspan(starts[s], starts[s + 1] - starts[s]);
        const feature_rows f = make_features(view.data(), group);
        for (std::size_t i = 0; i < group.size(); ++i) {
          const price_line& l = lines[group[i]];
          if (l.bids == 0 || std::isnan(f.base[i])) {
            continue;
          }
          r.values.insert(r.values.end(), f.values.begin() + static_cast<std::ptrdiff_t>(i * columns),
                          f.values.begin() + static_cast<std::ptrdiff_t>((i + 1) * columns));
          r.line.push_back(group[i]);
          r.base.push_back(f.base[i]);
          r.effective_n.push_back(f.effective_n[i]);
          r.share.push_back(std::exp(std::min(f.base[i] + l.log_quantity - f.log_total, 0.0F)));
          r.log_total.push_back(f.log_total);
          r.day.push_back(l.day);
        }
      }
    }
  };
  {
    std::vector<std::jthread> workers;
    for (int t = 1; t < threads; ++t) {
      workers.emplace_back(work);
    }
    work();
  }
  training_rows all;
  all.columns = columns;
  std::size_t total = 0;
  for (const auto& r : out) {
    total += r.size();
  }
  all.values.reserve(total * columns);
  const auto append = [](auto& to, auto& from) {
    to.insert(to.end(), from.begin(), from.end());
    from = {};
  };
  for (training_rows& r : out) {
    append(all.values, r.values);
    append(all.line, r.line);
    append(all.base, r.base);
    append(all.effective_n, r.effective_n);
    append(all.share, r.share);
    append(all.log_total, r.log_total);
    append(all.day, r.day);
  }
  return all;
}

result<price_model> train_on(const market_view& view, const training_rows& rows, const train_options& options) {
  const auto until = static_cast<std::int32_t>(options.until.time_since_epoch().count());
  const std::size_t n = rows.before(until);
  if (n < rows_min) {
    return invalid_input("too few comparable prices to train a model: " + std::to_string(n) + " lines, at least " +
                         std::to_string(rows_min) + " are needed; import more history");
  }
  // Calibrate on the latest window; where nearly all is in it, on the newer half.
  std::size_t split = rows.before(until - options.calibration_days);
  if (split < n / 4) {
    split = n / 2;
  }
  price_model out;
  detail::model_parts& m = model_access::of(out);
  m.until = until;
  m.lines = n;
  const auto width = rows.columns;
  const booster_options o = options_of(options);
  {
    booster_options quick = o;
    quick.rounds = std::max(o.rounds * 2 / 3, 1);
    const training_matrix early(std::span(rows.values).first(split * width), split, width, options.threads);
    const auto window = std::span(rows.values).subspan(split * width, (n - split) * width);
    const booster median = fit(early, view, rows, split, until, target::median, quick);
    calibrate(m, view, rows, split, n, median.predict(window, n - split, width), options);
    const booster total = fit(early, view, rows, split, until, target::winner, quick);
    fit_correction(m.correction, view, rows, split, n, total.predict(window, n - split, width));
  }
  const training_matrix all(std::span(rows.values).first(n * width), n, width, options.threads);
  m.median = fit(all, view, rows, n, until, target::median, o);
  m.low = fit(all, view, rows, n, until, target::low, o);
  m.total = fit(all, view, rows, n, until, target::winner, o);
  return out;
}

row_predictions predict_rows(const price_model& model, const market_view& view, const training_rows& rows,
                             std::size_t first, std::size_t last) {
  const detail::model_parts& m = model_access::of(model);
  const auto values = std::span(rows.values).subspan(first * rows.columns, (last - first) * rows.columns);
  const std::size_t n = last - first;
  row_predictions out;
  out.expected = m.median.predict(values, n, rows.columns);
  out.low = m.low.predict(values, n, rows.columns);
  out.total = m.total.predict(values, n, rows.columns);
  out.log_scale = m.scale.predict(values, n, rows.columns);
  std::unordered_map<std::uint32_t, float> lines;
  for (std::size_t i = first; i < last; ++i) {
    lines[view.history().lines()[rows.line[i]].event] += 1;
  }
  for (std::size_t i = 0; i < n; ++i) {
    const price_line& l = view.history().lines()[rows.line[first + i]];
    const float base = rows.base[first + i];
    const float count = l.event == no_index ? 1.0F : lines[l.event];
    out.expected[i] += base;
    out.low[i] += base;
    out.total[i] += base + m.correction.at(rows.log_total[first + i], count);
    out.band.push_back(m.band(l.log_quantity, rows.effective_n[first + i]));
  }
  return out;
}

std::optional<log_interval> interval_of(const price_model& model, std::uint32_t band, double log_scale,
                                        double coverage) {
  const auto range = central_range(model_access::of(model).tables[band], coverage);
  if (!range) {
    return std::nullopt;
  }
  return log_interval{range->low * std::exp(log_scale), range->high * std::exp(log_scale)};
}

} // namespace detail

price_model::price_model() : parts_(std::make_unique<detail::model_parts>()) {}
price_model::price_model(price_model&&) noexcept = default;
price_model& price_model::operator=(price_model&&) noexcept = default;
price_model::~price_model() = default;

std::chrono::sys_days price_model::trained_until() const {
  return std::chrono::sys_days{std::chrono::days{parts_->until}};
}
std::size_t price_model::trained_lines() const {
  return parts_->lines;
}

namespace {

void add_reasons(const booster& median, const detail::feature_rows& f, std::size_t columns,
                 std::vector<prediction>& out) {
  const auto values = median.contributions(f.values, out.size(), columns);
  const auto groups = detail::feature_groups();
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i].source != prediction_source::model) {
      continue;
    }
    const float* row = values.data() + i * (columns + 1);
    double sum = 0;
    for (std::size_t c = 0; c < columns; ++c) {
      out[i].reasons[groups[c]] += row[c];
      sum += row[c];
    }
    out[i].base = out[i].expected / std::exp(sum); // the bias belongs to where we start from
  }
}

} // namespace

std::vector<prediction> price_model::predict(const market_view& view, const query_event& event,
                                             std::span<const query_line> lines, const predict_options& options) const {
  if (lines.empty()) {
    return {};
  }
  const detail::feature_rows f = detail::make_features(view.data(), event, lines);
  const std::size_t n = lines.size();
  const std::size_t columns = detail::feature_total();
  const auto median = parts_->median.predict(f.values, n, columns);
  const auto low = parts_->low.predict(f.values, n, columns);
  const auto total = parts_->total.predict(f.values, n, columns);
  const auto scale = options.intervals ? parts_->scale.predict(f.values, n, columns) : std::vector<float>(n, 0.0F);
  std::vector<prediction> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    prediction& p = out[i];
    if (std::isnan(f.base[i])) {
      continue;
    }
    p.source = prediction_source::model;
    p.base = std::exp(f.base[i]);
    p.expected = std::exp(static_cast<double>(f.base[i]) + median[i]);
    p.expected_low = std::min(p.expected, std::exp(static_cast<double>(f.base[i]) + low[i]));
    p.expected_total =
        std::exp(static_cast<double>(f.base[i]) + total[i] + parts_->correction.at(f.log_total, static_cast<float>(n)));
    p.effective_n = f.effective_n[i];
    p.bids = f.bids[i];
    p.newest_day = f.newest_day[i];
    p.log_scale = scale[i];
    p.band = parts_->band(f.log_quantity[i], f.effective_n[i]);
    p.low50 = p.high50 = p.low90 = p.high90 = p.expected;
    if (options.intervals) {
      if (const auto r = detail::interval_of(*this, p.band, p.log_scale, 0.5)) {
        p.low50 = std::min(p.expected, p.expected * std::exp(r->low));
        p.high50 = std::max(p.expected, p.expected * std::exp(r->high));
      }
      if (const auto r = detail::interval_of(*this, p.band, p.log_scale, 0.9)) {
        p.low90 = std::min(p.low50, p.expected * std::exp(r->low));
        p.high90 = std::max(p.high50, p.expected * std::exp(r->high));
      }
    }
  }
  if (options.reasons) {
    add_reasons(parts_->median, f, columns, out);
  }
  return out;
}

std::optional<price_model::tail> price_model::tail_probability(const prediction& p, double price) const {
  if (p.source != prediction_source::model || !(price > 0) || p.band >= parts_->tables.size()) {
    return std::nullopt;
  }
  const score_table& t = parts_->tables[p.band];
  if (t.effective_n < 19) {
    return std::nullopt;
  }
  const double score = std::log(price / p.expected) / std::exp(p.log_scale);
  return tail{upper_tail(t, score), lower_tail(t, score), t.effective_n};
}

namespace {

class writer {
 public:
  template <class T>
  void value(const T& v) {
    bytes.append(reinterpret_cast<const char*>(&v), sizeof v);
  }
  void text(std::string_view s) {
    value(static_cast<std::uint64_t>(s.size()));
    bytes.append(s);
  }
  void floats(const std::vector<float>& v) {
    text({reinterpret_cast<const char*>(v.data()), v.size() * sizeof(float)});
  }
  std::string bytes;
};

class reader {
 public:
  explicit reader(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  bool value(T& v) {
    if (bytes_.size() < sizeof v) {
      return false;
    }
    std::memcpy(&v, bytes_.data(), sizeof v);
    bytes_.remove_prefix(sizeof v);
    return true;
  }
  bool text(std::string_view& s) {
    std::uint64_t size = 0;
    if (!value(size) || size > bytes_.size()) {
      return false;
    }
    s = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return true;
  }
  bool floats(std::vector<float>& v) {
    std::string_view s;
    if (!text(s) || s.size() % sizeof(float) != 0) {
      return false;
    }
    v.resize(s.size() / sizeof(float));
    std::memcpy(v.data(), s.data(), s.size());
    return true;
  }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

// FNV-1a: a damaged file must not reach the tree loader.
std::uint64_t checksum(std::string_view bytes) {
  std::uint64_t h = 14695981039346656037ULL;
  for (const char c : bytes) {
    h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
  return h;
}

} // namespace

std::string price_model::save() const {
  const detail::model_parts& m = *parts_;
  writer w;
  w.value(static_cast<std::uint64_t>(detail::feature_total()));
  w.value(m.until);
  w.value(m.lines);
  w.value(m.correction);
  w.floats(m.quantity_edges);
  w.floats(m.evidence_edges);
  w.value(static_cast<std::uint64_t>(m.tables.size()));
  for (const score_table& t : m.tables) {
    w.floats(t.score);
    w.floats(t.cumulative_weight);
    w.value(t.effective_n);
  }
  for (const booster* b : {&m.median, &m.low, &m.total, &m.scale}) {
    w.text(b->save());
  }
  writer out;
  out.bytes = magic;
  out.value(checksum(w.bytes));
  out.bytes += w.bytes;
  return std::move(out.bytes);
}

result<price_model> price_model::load(std::string_view bytes) {
  const error damaged = invalid_input("these bytes are no price model of this version; train a new one");
  if (!bytes.starts_with(magic)) {
    return damaged;
  }
  reader r(bytes.substr(magic.size()));
  std::uint64_t sum = 0;
  std::uint64_t features = 0;
  std::uint64_t tables = 0;
  price_model out;
  detail::model_parts& m = *out.parts_;
  if (!r.value(sum) || sum != checksum(bytes.substr(magic.size() + sizeof sum)) || !r.value(features) ||
      features != detail::feature_total() || !r.value(m.until) || !r.value(m.lines) || !r.value(m.correction) ||
      !r.floats(m.quantity_edges) || !r.floats(m.evidence_edges) || !r.value(tables) || tables != pooled_band + 1) {
    return damaged;
  }
  m.tables.resize(tables);
  for (score_table& t : m.tables) {
    if (!r.floats(t.score) || !r.floats(t.cumulative_weight) || t.score.size() != t.cumulative_weight.size() ||
        !r.value(t.effective_n)) {
      return damaged;
    }
  }
  for (booster* b : {&m.median, &m.low, &m.total, &m.scale}) {
    std::string_view text;
    if (!r.text(text)) {
      return damaged;
    }
    *b = booster::load(text);
  }
  return out;
}

result<price_model> train(const market_view& view, const train_options& options) {
  const auto until = static_cast<std::int32_t>(options.until.time_since_epoch().count());
  return detail::train_on(view, detail::collect(view, until, options.rows_max, options.threads), options);
}

} // namespace pricing::learn
