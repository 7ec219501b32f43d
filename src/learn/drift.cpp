#include "learn/drift.hpp"

#include "learn/false_discovery.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace pricing::learn {
namespace {

constexpr std::size_t cells_max = 128;
constexpr std::size_t bins_max = 10;
constexpr std::size_t superiority_at = 4; // among the distances
// A p value is drawn until so many windows by chance are as far off (Besag and Clifford, Sequential Monte Carlo
// p-values, 1991), or the draws are so many times the asked ones: what is rare needs many draws, what is not few.
constexpr std::size_t above_enough = 10;
constexpr std::size_t draws_max_factor = 40;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// PSI and Jensen–Shannon over bin counts; half a row is added to each bin, or one empty bin would make PSI infinite.
std::pair<double, double> divergences(std::span<const double> a, std::span<const double> b) {
  const auto m = static_cast<double>(a.size());
  const double sum_a = std::accumulate(a.begin(), a.end(), 0.0) + m / 2;
  const double sum_b = std::accumulate(b.begin(), b.end(), 0.0) + m / 2;
  double psi = 0;
  double js = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double p = (a[i] + 0.5) / sum_a;
    const double q = (b[i] + 0.5) / sum_b;
    const double middle = (p + q) / 2;
    psi += (p - q) * std::log(p / q);
    js += (p * std::log2(p / middle) + q * std::log2(q / middle)) / 2;
  }
  return {psi, std::sqrt(std::max(js, 0.0))};
}

double empirical_quantile(std::vector<double>& v, double share) {
  const auto at = std::min(v.size() - 1, static_cast<std::size_t>(share * static_cast<double>(v.size())));
  std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(at), v.end());
  return v[at];
}

// Share of windows by chance whose distance (in deviations from its mean) is as large. Beyond the largest of many draws
// by the tail that all these distances have, exp(−c·distance²) (KS exactly, the others as roots of sums of squares),
// with the distance's zero at the −1.3 deviations where it is for a half-normal, fitted to the outermost draws.
double tail_probability(std::vector<double> draws, double value) {
  constexpr double zero = -1.3;
  constexpr std::size_t outermost = 50;
  const auto squared = [](double v) { return v > zero ? (v - zero) * (v - zero) : 0; };
  const auto n = static_cast<double>(draws.size());
  const auto above = std::count_if(draws.begin(), draws.end(), [&](double d) { return d >= value; });
  const double rank = (1 + static_cast<double>(above)) / (n + 1);
  if (above > 0 || draws.size() < 2 * outermost) {
    return rank;
  }
  const auto first = draws.end() - outermost;
  std::nth_element(draws.begin(), first, draws.end());
  const double start = *first;
  double excess = 0;
  for (auto d = first; d != draws.end(); ++d) {
    excess += squared(*d) - squared(start);
  }
  if (!(excess > 0)) {
    return rank;
  }
  return std::min(rank, outermost / n * std::exp(-(squared(value) - squared(start)) * outermost / excess));
}

drift_distances as_distances(std::span<const double> v) {
  return {v[0], v[1] * v[1], v[2], v[3], v[4]};
}

} // namespace

drift_profile::drift_profile(std::span<const drift_column> columns) {
  for (const auto& c : columns) {
    if (c.categorical) {
      columns_.emplace_back(category_sketch{});
    } else {
      columns_.emplace_back(quantile_sketch{});
    }
  }
}

void drift_profile::add(std::span<const float> row) {
  ++rows_;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    std::visit([&](auto& sketch) { sketch.add(row[c]); }, columns_[c]);
  }
}

void drift_profile::merge(const drift_profile& other) {
  rows_ += other.rows_;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    std::visit([&](auto& sketch) { sketch.merge(std::get<std::decay_t<decltype(sketch)>>(other.columns_[c])); },
               columns_[c]);
  }
}

drift_reference::column_cells drift_reference::make_cells(const drift_profile& all, std::size_t column) {
  column_cells out;
  if (const auto* codes = all.category(column)) {
    out.categorical = true;
    out.deviation = nan;
    out.mean = nan;
    for (const auto& [code, times] : codes->counts()) {
      out.codes.push_back(code);
    }
    out.all.resize(out.codes.size() + 2);
  } else {
    const auto& sketch = *all.numeric(column);
    out.deviation = sketch.deviation() > 0 ? sketch.deviation() : 1;
    out.mean = sketch.count() > 0 ? sketch.mean() : nan;
    if (sketch.count() > 0) {
      double sum = 0;
      std::size_t next = 0; // a cut below the smallest value, at each 1/cells_max, and at the largest value
      out.cuts.push_back(std::nextafter(sketch.min(), std::numeric_limits<float>::lowest()));
      for (const auto& item : sketch.items()) {
        sum += item.weight;
        const auto step = static_cast<std::size_t>(sum / static_cast<double>(sketch.count()) * cells_max);
        if (step > next || out.cuts.size() == 1) {
          next = step;
          if (item.value > out.cuts.back()) {
            out.cuts.push_back(item.value);
          }
        }
      }
      if (sketch.max() > out.cuts.back()) {
        out.cuts.push_back(sketch.max());
      }
    }
    out.all.resize(out.cuts.size() + 2);
  }
  const auto counts = count(out, all, column);
  std::copy(counts.begin(), counts.end(), out.all.begin());
  // Bins: codes by falling counts would hide small ones, so each of the first has its own; numbers by tenths.
  out.bin.resize(out.size());
  const double known = std::accumulate(out.all.begin(), out.all.end() - 1, 0.0);
  double sum = 0;
  for (std::size_t c = 0; c + 1 < out.size(); ++c) {
    const double middle = known > 0 ? (sum + out.all[c] / 2) / known : 0;
    sum += out.all[c];
    const auto tenth = std::min(bins_max - 1, static_cast<std::size_t>(middle * bins_max));
    out.bin[c] = static_cast<std::uint8_t>(out.categorical ? std::min<std::size_t>(c, 254) : tenth);
  }
  out.bin.back() = static_cast<std::uint8_t>(*std::max_element(out.bin.begin(), out.bin.end() - 1) + 1);
  return out;
}

std::vector<float> drift_reference::count(const column_cells& cells, const drift_profile& p, std::size_t column) {
  std::vector<float> out(cells.size());
  if (const auto* sketch = p.category(column)) {
    for (const auto& [code, times] : sketch->counts()) {
      const auto at = std::lower_bound(cells.codes.begin(), cells.codes.end(), code);
      const bool seen = at != cells.codes.end() && *at == code;
      out[seen ? static_cast<std::size_t>(at - cells.codes.begin()) : cells.codes.size()] += static_cast<float>(times);
    }
    out[cells.codes.size()] += static_cast<float>(sketch->other());
    out.back() = static_cast<float>(sketch->missing());
    return out;
  }
  const auto& sketch = *p.numeric(column);
  for (const auto& item : sketch.items()) {
    const auto at = std::lower_bound(cells.cuts.begin(), cells.cuts.end(), item.value);
    out[static_cast<std::size_t>(at - cells.cuts.begin())] += static_cast<float>(item.weight);
  }
  out.back() = static_cast<float>(sketch.missing());
  return out;
}

// Jensen–Shannon, root of PSI (which is about normal, PSI itself is not), Wasserstein, KS, superiority.
drift_reference::distance_array drift_reference::measure(const column_cells& cells, std::span<const double> window,
                                                         std::span<const double> rest) {
  std::array<double, 256> a{};
  std::array<double, 256> b{};
  for (std::size_t c = 0; c < cells.size(); ++c) {
    a[cells.bin[c]] += window[c];
    b[cells.bin[c]] += rest[c];
  }
  const std::size_t bins = std::size_t{1} + cells.bin.back();
  const auto [psi, js] = divergences({a.data(), bins}, {b.data(), bins});
  distance_array out{js, std::sqrt(std::max(psi, 0.0)), 0, 0, 0};
  const double known_window = std::accumulate(window.begin(), window.end() - 1, 0.0);
  const double known_rest = std::accumulate(rest.begin(), rest.end() - 1, 0.0);
  if (cells.categorical || known_window <= 0 || known_rest <= 0) {
    return out;
  }
  double below_window = 0;
  double below_rest = 0;
  double superior = 0;
  for (std::size_t c = 0; c + 1 < cells.size(); ++c) {
    const double w = window[c] / known_window;
    const double r = rest[c] / known_rest;
    superior += w * (below_rest + r / 2);
    below_window += w;
    below_rest += r;
    const double gap = std::abs(below_window - below_rest);
    out[3] = std::max(out[3], gap);
    if (c + 1 < cells.cuts.size()) {
      out[2] += gap * (static_cast<double>(cells.cuts[c + 1]) - cells.cuts[c]) / cells.deviation;
    }
  }
  out[4] = std::abs(superior - 0.5);
  return out;
}

bool drift_reference::same_columns(const drift_profile& p) const {
  bool same = p.columns() == columns_.size();
  for (std::size_t c = 0; same && c < columns_.size(); ++c) {
    same = (p.category(c) != nullptr) == columns_[c].categorical;
  }
  return same;
}

result<drift_reference> drift_reference::build(std::vector<drift_column> columns, std::span<const drift_profile> chunks,
                                               const drift_options& o) {
  if (o.draws < 100 || o.draws > 100'000 || !(o.level > 0 && o.level < 1)) {
    return invalid_input("drift: draws must be 100 to 100,000 and level between 0 and 1");
  }
  drift_reference out;
  out.columns_ = std::move(columns);
  out.options_ = o;
  drift_profile all(out.columns_);
  std::vector<const drift_profile*> used;
  for (const auto& chunk : chunks) {
    if (!out.same_columns(chunk)) {
      return invalid_input("drift: a chunk has other columns than the reference");
    }
    if (chunk.rows() > 0) {
      all.merge(chunk);
      used.push_back(&chunk);
      out.chunk_rows_.push_back(chunk.rows());
    }
  }
  if (used.size() < chunks_min) {
    return invalid_input("drift: a reference needs at least " + std::to_string(chunks_min) +
                         " chunks with rows, there are " + std::to_string(used.size()));
  }
  out.rows_ = all.rows();
  for (std::size_t c = 0; c < out.columns_.size(); ++c) {
    auto cells = make_cells(all, c);
    std::fill(cells.all.begin(), cells.all.end(), 0.0);
    for (const auto* chunk : used) { // so that the chunks make up the whole exactly
      const auto counts = count(cells, *chunk, c);
      auto& own = cells.chunks.emplace_back();
      for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] > 0) {
          own.push_back({static_cast<std::uint32_t>(i), counts[i]});
          cells.all[i] += counts[i];
        }
      }
    }
    out.cells_.push_back(std::move(cells));
  }
  return out;
}

// Windows of `goal` rows taken out of the reference by whole chunks (the last in part), each against what is left of
// it.
class drift_reference::window_draws {
 public:
  window_draws(const drift_reference& reference, std::size_t column, double goal)
      : chunk_rows_(reference.chunk_rows_),
        cells_(reference.cells_[column]),
        goal_(goal),
        random_(reference.options_.seed),
        order_(chunk_rows_.size()),
        drawn_(cells_.size()),
        rest_(cells_.size()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
  }

  distance_array next() {
    std::fill(drawn_.begin(), drawn_.end(), 0.0);
    double rows = 0;
    for (std::size_t i = 0; i < order_.size() && rows < goal_; ++i) {
      std::swap(order_[i], order_[i + random_() % (order_.size() - i)]);
      const auto size = static_cast<double>(chunk_rows_[order_[i]]);
      const double share = std::min(1.0, (goal_ - rows) / size);
      rows += size * share;
      for (const auto& [cell, times] : cells_.chunks[order_[i]]) {
        drawn_[cell] += share * times;
      }
    }
    for (std::size_t c = 0; c < drawn_.size(); ++c) {
      rest_[c] = std::max(0.0, cells_.all[c] - drawn_[c]);
    }
    return measure(cells_, drawn_, rest_);
  }

 private:
  const std::vector<std::uint64_t>& chunk_rows_;
  const column_cells& cells_;
  double goal_;
  std::mt19937_64 random_;
  std::vector<std::size_t> order_;
  std::vector<double> drawn_, rest_;
};

column_drift drift_reference::compare(std::size_t column, const drift_profile& window) const {
  const auto& cells = cells_[column];
  const auto counts = count(cells, window, column);
  const auto observed = measure(cells, std::vector<double>(counts.begin(), counts.end()), cells.all);
  const bool location_only = columns_[column].role == drift_role::residual && !cells.categorical;
  const auto n = static_cast<double>(options_.draws);

  window_draws draws(*this, column, std::min(static_cast<double>(window.rows()), static_cast<double>(rows_) / 2));
  std::array<std::vector<double>, distances> chance;
  for (std::size_t draw = 0; draw < options_.draws; ++draw) {
    const auto d = draws.next();
    for (std::size_t k = 0; k < distances; ++k) {
      chance[k].push_back(d[k]);
    }
  }
  distance_array mean{};
  distance_array deviation{};
  distance_array limit{};
  for (std::size_t k = 0; k < distances; ++k) {
    mean[k] = std::accumulate(chance[k].begin(), chance[k].end(), 0.0) / n;
    for (const double d : chance[k]) {
      deviation[k] += (d - mean[k]) * (d - mean[k]) / n;
    }
    deviation[k] = std::sqrt(deviation[k]);
  }
  // The distances in deviations of chance; the largest counts.
  const auto largest_of = [&](const distance_array& d) {
    double largest = 0;
    for (std::size_t k = location_only ? superiority_at : 0; k < distances; ++k) {
      if (deviation[k] > 1e-12) {
        largest = std::max(largest, (d[k] - mean[k]) / deviation[k]);
      } else if (d[k] > mean[k] + 1e-9) { // the reference never varies
        largest = 1e6;
      }
    }
    return largest;
  };
  const double largest_observed = largest_of(observed);
  std::vector<double> largest;
  std::size_t above = 0;
  const auto take = [&](const distance_array& d) {
    largest.push_back(largest_of(d));
    above += largest.back() >= largest_observed ? 1 : 0;
  };
  for (std::size_t draw = 0; draw < options_.draws; ++draw) {
    take({chance[0][draw], chance[1][draw], chance[2][draw], chance[3][draw], chance[4][draw]});
  }
  while (above < above_enough && largest.size() < draws_max_factor * options_.draws) {
    take(draws.next());
  }
  for (std::size_t k = 0; k < distances; ++k) {
    limit[k] = empirical_quantile(chance[k], 1 - options_.level);
  }
  column_drift out;
  out.column = column;
  out.distance = as_distances(observed);
  out.limit = as_distances(limit);
  out.p = tail_probability(std::move(largest), largest_observed);
  out.reference_mean = cells.mean;
  const auto* sketch = window.numeric(column);
  out.window_mean = sketch != nullptr && sketch->count() > 0 ? sketch->mean() : nan;
  return out;
}

result<std::vector<column_drift>> drift_reference::compare(const drift_profile& window) const {
  const monitored_group group{{}, this, &window};
  auto found = find_drift({&group, 1}, options_.level);
  if (!found) {
    return found.error();
  }
  if (found->front().too_little_data) {
    return invalid_input("drift: a window needs at least " + std::to_string(rows_min) + " rows");
  }
  return std::move(found->front().columns);
}

double drift_weight(drift_role role) {
  return role == drift_role::residual ? 12 : role == drift_role::coverage ? 2 : 1;
}

result<std::vector<group_drift>> find_drift(std::span<const monitored_group> groups, double level) {
  std::vector<group_drift> out;
  std::vector<double> p;
  std::vector<double> weights;
  for (const auto& g : groups) {
    group_drift found{g.group, g.window->rows(), {}, g.window->rows() < drift_reference::rows_min};
    if (!g.reference->same_columns(*g.window)) {
      return invalid_input("drift: the window of group '" + g.group + "' has other columns than its reference");
    }
    for (std::size_t c = 0; c < g.window->columns() && !found.too_little_data; ++c) {
      const auto role = g.reference->columns()[c].role;
      found.columns.push_back(g.reference->compare(c, *g.window));
      if (role == drift_role::residual && g.residual_p) {
        found.columns.back().p = *g.residual_p;
      }
      p.push_back(early_p_value(found.columns.back().p, g.share));
      weights.push_back(drift_weight(role));
    }
    out.push_back(std::move(found));
  }
  const auto q = false_discovery_rates(p, weights);
  auto next = q.begin();
  for (auto& g : out) {
    for (auto& c : g.columns) {
      c.q = *next++;
      c.drifted = c.q <= level;
    }
  }
  return out;
}

} // namespace pricing::learn
