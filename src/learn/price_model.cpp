#include "learn/price_model.hpp"

#include "learn/conformal.hpp"
#include "learn/model_bytes.hpp"
#include "learn/training.hpp"
#include "learn/tree_head.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <map>
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

// What is added to the log of an event's sum of winner heads: a robust regression on the latest window, which the heads
// have not seen. A sum of medians is too low, and the event's own head sees what single lines do not.
inline constexpr std::size_t blend_size = 5;
using blend = std::array<double, blend_size>;

} // namespace

struct detail::model_parts {
  tree_head median, winner, event, scale;
  blend totals{};
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

enum class target { median, winner };

booster fit(const training_matrix& matrix, const market_view& view, const training_rows& rows, std::size_t first,
            std::int32_t until, target what, const booster_options& options) {
  const auto lines = view.history().lines();
  std::vector<float> y(matrix.rows());
  std::vector<float> w(matrix.rows());
  for (std::size_t i = 0; i < y.size(); ++i) {
    const price_line& l = lines[rows.line[first + i]];
    y[i] = std::clamp((what == target::median ? l.median : l.winner) - rows.base[first + i], -4.0F, 4.0F);
    w[i] = std::exp(-static_cast<float>(until - rows.day[first + i]) / 1200.0F);
  }
  booster_options o = options;
  if (what == target::median) {
    // Most lines first, then those that can be told: a price ten times off says nothing about its like, and in pulling
    // at them costs all others accuracy. The winner head keeps them, because totals are sums over all.
    o.rounds = options.rounds * 3 / 2;
    o.huber_width = 0.2;
    o.late_tail = 1;
  }
  return booster::train(matrix, y, w, o);
}

// One event's lines as one row: features averaged by expected money. What an event's total is over its benchmark is
// learned from these rows; they are few, so their trees are small.
struct event_rows {
  std::vector<std::vector<std::size_t>> members; // positions in the rows given
  std::vector<float> values;
  std::vector<double> base; // Σ quantity · benchmark
  std::size_t size() const { return members.size(); }
};

template <class Base, class Quantity>
void add_event(event_rows& out, std::vector<std::size_t> members, const float* values, std::size_t columns,
               const Base& base, const Quantity& log_quantity) {
  std::vector<double> sum(columns, 0.0);
  std::vector<double> weight(columns, 0.0);
  double money = 0;
  for (const std::size_t i : members) {
    const double m = std::exp(static_cast<double>(base(i)) + log_quantity(i));
    if (!(m > 0)) {
      continue;
    }
    money += m;
    for (std::size_t c = 0; c < columns; ++c) {
      const float v = values[i * columns + c];
      if (!std::isnan(v)) {
        sum[c] += m * v;
        weight[c] += m;
      }
    }
  }
  for (std::size_t c = 0; c < columns; ++c) {
    out.values.push_back(weight[c] > 0 ? static_cast<float>(sum[c] / weight[c]) : std::nanf(""));
  }
  out.base.push_back(money);
  out.members.push_back(std::move(members));
}

// Events among rows [first, last); lines outside an event have no total. Positions count from `first`.
event_rows gather_events(const market_view& view, const training_rows& rows, std::size_t first, std::size_t last) {
  const auto lines = view.history().lines();
  event_rows out;
  for (std::size_t i = first; i < last;) {
    const std::uint32_t event = lines[rows.line[i]].event;
    std::vector<std::size_t> members;
    std::size_t j = i;
    for (; j < last && lines[rows.line[j]].event == event && rows.day[j] == rows.day[i]; ++j) {
      members.push_back(j - first);
    }
    if (event != no_index) {
      add_event(
          out, std::move(members), rows.values.data() + first * rows.columns, rows.columns,
          [&](std::size_t k) { return rows.base[first + k]; },
          [&](std::size_t k) { return lines[rows.line[first + k]].log_quantity; });
    }
    i = j;
  }
  return out;
}

struct event_sums {
  double winner = 0, median = 0; // Σ quantity · exp(head)
};

std::array<double, blend_size> blend_terms(const event_sums& s, double base, float head, std::size_t lines) {
  const double log_base = std::log(std::max(base, 1.0));
  const double level = std::log(s.winner / base);
  return {1, head - level, std::log(s.median / s.winner) - 0.05, log_base - 13,
          std::log(1.0 + static_cast<double>(lines)) - 3.5};
}

double dot(const blend& b, const std::array<double, blend_size>& x) {
  return std::inner_product(b.begin(), b.end(), x.begin(), 0.0);
}

// Factor on every line's winner head, per event.
std::vector<double> total_factors(const detail::model_parts& m, const event_rows& events, std::size_t columns,
                                  const std::vector<event_sums>& sums) {
  const auto heads = m.event.predict(events.values, events.size(), columns);
  std::vector<double> out;
  for (std::size_t e = 0; e < events.size(); ++e) {
    const bool known = events.base[e] > 0 && sums[e].winner > 0;
    out.push_back(
        known ? std::exp(std::clamp(
                    dot(m.totals, blend_terms(sums[e], events.base[e], heads[e], events.members[e].size())), -0.7, 0.7))
              : 1.0);
  }
  return out;
}

booster fit_events(const market_view& view, const training_rows& rows, const event_rows& events, std::size_t first,
                   std::int32_t until, const train_options& options) {
  const auto lines = view.history().lines();
  std::vector<float> y, w;
  for (std::size_t e = 0; e < events.size(); ++e) {
    double winner = 0;
    for (const std::size_t i : events.members[e]) {
      const price_line& l = lines[rows.line[first + i]];
      winner += std::exp(static_cast<double>(l.winner) + l.log_quantity);
    }
    y.push_back(static_cast<float>(std::clamp(std::log(winner / events.base[e]), -1.5, 1.5)));
    const float age = static_cast<float>(until - rows.day[first + events.members[e].front()]);
    const auto n = static_cast<float>(events.members[e].size());
    w.push_back(std::exp(-age / 1200.0F) * n / (n + 4.0F));
  }
  booster_options o = options_of(options);
  o.rounds = std::min(2 * options.rounds, 250);
  o.depth = std::min(options.depth, 4);
  o.learning_rate = 0.05;
  o.child_weight = 8;
  o.huber_width = 0.1;
  o.column_share = 0.3;
  const training_matrix matrix(events.values, events.size(), rows.columns, options.threads);
  return booster::train(matrix, y, w, o);
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

// Least absolute deviations by reweighting, with a little ridge; Gauss-Jordan on the normal equations.
blend robust_fit(const std::vector<std::array<double, blend_size>>& x, const std::vector<double>& y) {
  blend beta{};
  for (int round = 0; round < 30; ++round) {
    std::array<std::array<double, blend_size + 1>, blend_size> a{};
    for (std::size_t i = 0; i < blend_size; ++i) {
      a[i][i] = i == 0 ? 1e-6 : 20;
    }
    for (std::size_t r = 0; r < x.size(); ++r) {
      const double off = y[r] - dot(beta, x[r]);
      const double w = 1 / std::sqrt(0.05 * 0.05 + off * off);
      for (std::size_t i = 0; i < blend_size; ++i) {
        for (std::size_t j = 0; j < blend_size; ++j) {
          a[i][j] += w * x[r][i] * x[r][j];
        }
        a[i][blend_size] += w * x[r][i] * y[r];
      }
    }
    for (std::size_t i = 0; i < blend_size; ++i) {
      for (std::size_t k = 0; k < blend_size; ++k) {
        const double f = k == i ? 0 : a[k][i] / a[i][i];
        for (std::size_t j = 0; j <= blend_size; ++j) {
          a[k][j] -= f * a[i][j];
        }
      }
    }
    for (std::size_t i = 0; i < blend_size; ++i) {
      beta[i] = a[i][blend_size] / a[i][i];
    }
  }
  return beta;
}

std::vector<event_sums> sum_heads(const market_view& view, const training_rows& rows, const event_rows& events,
                                  std::size_t first, std::span<const float> winner, std::span<const float> median) {
  std::vector<event_sums> out(events.size());
  for (std::size_t e = 0; e < events.size(); ++e) {
    for (const std::size_t i : events.members[e]) {
      const double at =
          static_cast<double>(rows.base[first + i]) + view.history().lines()[rows.line[first + i]].log_quantity;
      out[e].winner += std::exp(at + winner[i]);
      out[e].median += std::exp(at + median[i]);
    }
  }
  return out;
}

void fit_totals(detail::model_parts& m, const market_view& view, const training_rows& rows, const booster& event,
                std::size_t first, std::size_t n, std::span<const float> winner, std::span<const float> median) {
  const event_rows events = gather_events(view, rows, first, n);
  if (events.size() < 40) {
    return;
  }
  const auto heads = event.predict(events.values, events.size(), rows.columns);
  const auto sums = sum_heads(view, rows, events, first, winner, median);
  std::vector<std::array<double, blend_size>> x;
  std::vector<double> y;
  for (std::size_t e = 0; e < events.size(); ++e) {
    double actual = 0;
    for (const std::size_t i : events.members[e]) {
      const price_line& l = view.history().lines()[rows.line[first + i]];
      actual += std::exp(static_cast<double>(l.winner) + l.log_quantity);
    }
    x.push_back(blend_terms(sums[e], events.base[e], heads[e], events.members[e].size()));
    y.push_back(std::log(actual / sums[e].winner));
  }
  m.totals = robust_fit(x, y);
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
    m.scale = tree_head(booster::train(matrix, y, ones, o));
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
  const std::size_t first = n > options.rows_max ? n - options.rows_max : 0;
  // Calibrate on the latest window; where nearly all is in it, on the newer half.
  std::size_t split = rows.before(until - options.calibration_days);
  if (split < first + (n - first) / 4) {
    split = first + (n - first) / 2;
  }
  price_model out;
  detail::model_parts& m = model_access::of(out);
  m.until = until;
  m.lines = n - first;
  const std::size_t width = rows.columns;
  const auto values = [&](std::size_t a, std::size_t b) {
    return std::span(rows.values).subspan(a * width, (b - a) * width);
  };
  const booster_options o = options_of(options);
  {
    booster_options quick = o;
    quick.rounds = std::max(o.rounds / 2, 1);
    const training_matrix early(values(first, split), split - first, width, options.threads);
    const auto median =
        fit(early, view, rows, first, until, target::median, quick).predict(values(split, n), n - split, width);
    const auto winner =
        fit(early, view, rows, first, until, target::winner, quick).predict(values(split, n), n - split, width);
    calibrate(m, view, rows, split, n, median, options);
    const event_rows events = gather_events(view, rows, first, split);
    if (events.size() > 0) {
      fit_totals(m, view, rows, fit_events(view, rows, events, first, until, options), split, n, winner, median);
    }
  }
  const training_matrix all(values(first, n), n - first, width, options.threads);
  m.median = tree_head(fit(all, view, rows, first, until, target::median, o));
  m.winner = tree_head(fit(all, view, rows, first, until, target::winner, o));
  if (const event_rows events = gather_events(view, rows, first, n); events.size() > 0) {
    m.event = tree_head(fit_events(view, rows, events, first, until, options));
  } else {
    m.event = tree_head(booster::constant(width));
  }
  return out;
}

row_predictions predict_rows(const price_model& model, const market_view& view, const training_rows& rows,
                             std::size_t first, std::size_t last) {
  const detail::model_parts& m = model_access::of(model);
  const auto values = std::span(rows.values).subspan(first * rows.columns, (last - first) * rows.columns);
  const std::size_t n = last - first;
  row_predictions out;
  out.expected = m.median.predict(values, n, rows.columns);
  out.low = m.winner.predict(values, n, rows.columns);
  out.log_scale = m.scale.predict(values, n, rows.columns);
  const event_rows events = gather_events(view, rows, first, last);
  const auto factors =
      total_factors(m, events, rows.columns, sum_heads(view, rows, events, first, out.low, out.expected));
  for (std::size_t i = 0; i < n; ++i) {
    const float base = rows.base[first + i];
    out.expected[i] += base;
    out.low[i] += base;
    out.band.push_back(m.band(view.history().lines()[rows.line[first + i]].log_quantity, rows.effective_n[first + i]));
  }
  out.total = out.low;
  for (std::size_t e = 0; e < events.size(); ++e) {
    for (const std::size_t i : events.members[e]) {
      out.total[i] += static_cast<float>(std::log(factors[e]));
    }
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

std::vector<model_feature> model_features() {
  const auto names = detail::feature_names();
  const auto groups = detail::feature_groups();
  std::map<std::pair<std::string_view, std::uint8_t>, int> seen;
  std::vector<model_feature> out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const int nth = ++seen[{names[i], groups[i]}];
    out.push_back(
        {nth == 1 ? std::string(names[i]) : names[i] + ("_" + std::to_string(nth)), reason_names[groups[i]].name});
  }
  return out;
}

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

void add_reasons(const tree_head& median, const detail::feature_rows& f, std::size_t columns,
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

namespace {

// The factor that makes the sum of the winner head over these lines an unbiased total.
double factor_of_total(const detail::model_parts& m, const detail::feature_rows& f, const std::vector<float>& median,
                       const std::vector<float>& winner) {
  std::vector<std::size_t> members;
  event_sums sums;
  for (std::size_t i = 0; i < f.base.size(); ++i) {
    if (!std::isnan(f.base[i]) && !std::isnan(f.log_quantity[i])) {
      members.push_back(i);
      const double at = static_cast<double>(f.base[i]) + f.log_quantity[i];
      sums.winner += std::exp(at + winner[i]);
      sums.median += std::exp(at + median[i]);
    }
  }
  event_rows one;
  add_event(
      one, std::move(members), f.values.data(), detail::feature_total(), [&](std::size_t i) { return f.base[i]; },
      [&](std::size_t i) { return f.log_quantity[i]; });
  return total_factors(m, one, detail::feature_total(), {sums}).front();
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
  const auto winner = parts_->winner.predict(f.values, n, columns);
  const double factor = factor_of_total(*parts_, f, median, winner);
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
    p.expected_low = std::exp(static_cast<double>(f.base[i]) + winner[i]);
    p.expected_total = p.expected_low * factor;
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

std::string price_model::save() const {
  const detail::model_parts& m = *parts_;
  detail::byte_writer w;
  w.value(static_cast<std::uint64_t>(detail::feature_total()));
  w.value(m.until);
  w.value(m.lines);
  w.value(m.totals);
  w.floats(m.quantity_edges);
  w.floats(m.evidence_edges);
  w.value(static_cast<std::uint64_t>(m.tables.size()));
  for (const score_table& t : m.tables) {
    w.floats(t.score);
    w.floats(t.cumulative_weight);
    w.value(t.effective_n);
  }
  for (const tree_head* b : {&m.median, &m.winner, &m.event, &m.scale}) {
    w.text(b->save());
  }
  detail::byte_writer out;
  out.bytes = magic;
  out.value(detail::checksum(w.bytes));
  out.bytes += w.bytes;
  return std::move(out.bytes);
}

result<price_model> price_model::load(std::string_view bytes) {
  const error damaged = invalid_input("these bytes are no price model of this version; train a new one");
  if (!bytes.starts_with(magic)) {
    return damaged;
  }
  detail::byte_reader r(bytes.substr(magic.size()));
  std::uint64_t sum = 0;
  std::uint64_t features = 0;
  std::uint64_t tables = 0;
  price_model out;
  detail::model_parts& m = *out.parts_;
  if (!r.value(sum) || sum != detail::checksum(bytes.substr(magic.size() + sizeof sum)) || !r.value(features) ||
      features != detail::feature_total() || !r.value(m.until) || !r.value(m.lines) || !r.value(m.totals) ||
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
  for (tree_head* h : {&m.median, &m.winner, &m.event, &m.scale}) {
    std::string_view text;
    if (!r.text(text)) {
      return damaged;
    }
    auto trees = tree_head::load(text, features);
    if (!trees) {
      return damaged;
    }
    *h = std::move(*trees);
  }
  return out;
}

result<price_model> train(const market_view& view, const train_options& options) {
  const auto until = static_cast<std::int32_t>(options.until.time_since_epoch().count());
  return detail::train_on(view, detail::collect(view, until, options.rows_max, options.threads), options);
}

} // namespace pricing::learn
