#include "learn/part_cost.hpp"

#include "learn/part_cost_parts.hpp"
#include "learn/view_data.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <tuple>

namespace pricing::learn {
namespace {

constexpr float unknown = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t quotes_min = 50;
constexpr std::size_t folds = 5; // of parts, for what the additive model says of parts that it has not seen

// A part with its bill read out: what it is (labels with amounts) and how large (measures).
struct description {
  std::map<std::string, double> labels;
  std::map<std::string, double> measures;
};

description describe(const part_catalog& catalog, const part& p) {
  description out;
  for (const std::string& l : p.labels) {
    out.labels[l] += 1;
  }
  for (const auto& [name, value] : p.measures) {
    out.measures[name] = value;
  }
  auto& m = out.measures;
  m["bill_lines"] = static_cast<double>(p.bill.size());
  for (const bill_line& line : p.bill) {
    m["pieces"] += line.quantity;
    out.labels["component=" + line.component] += line.quantity;
    const auto at = catalog.components.find(line.component);
    if (at == catalog.components.end()) {
      continue;
    }
    for (const std::string& l : at->second.labels) {
      out.labels["component " + l] += line.quantity;
    }
    for (const auto& [name, value] : at->second.measures) {
      m["bill sum " + name] += line.quantity * value;
      const auto [largest, fresh] = m.try_emplace("bill largest " + name, value);
      largest->second = std::max(largest->second, value);
    }
  }
  return out;
}

// What the other prices of the same request say: a quantity means little without the brackets around it.
struct request {
  double brackets = 0, smallest = 1e300, largest = 0;
};
using request_key = std::tuple<std::string_view, std::string_view, std::chrono::sys_days>;

std::array<float, part_cost_terms> terms_of(const part_quote& q, const request& r) {
  const std::chrono::year_month_day date{q.on};
  const double ordered = std::max({q.quantity, q.order_min, 1.0});
  return {static_cast<float>(std::log(std::max(q.quantity, 1e-3))),
          static_cast<float>(1 / std::max(q.quantity, 1e-3)),
          static_cast<float>(std::log1p(q.annual_usage)),
          static_cast<float>(q.order_min),
          static_cast<float>(std::log(ordered)),
          q.bracketed ? 1.0F : 0.0F,
          static_cast<float>(q.on.time_since_epoch().count()),
          static_cast<float>(static_cast<unsigned>(date.month())),
          static_cast<float>(r.brackets),
          static_cast<float>(r.smallest),
          static_cast<float>(r.largest),
          static_cast<float>(q.quantity / std::max(r.largest, 1e-3)),
          static_cast<float>(q.annual_usage / ordered)};
}

// Ridge regression of centred targets on a sparse design, by coordinate descent.
struct design {
  struct cell {
    std::uint32_t row;
    float value;
  };
  std::vector<std::vector<cell>> columns;
};

std::vector<double> ridge(const design& x, const std::vector<float>& y, const std::vector<char>& used, double lambda) {
  std::vector<double> beta(x.columns.size(), 0);
  std::vector<double> rest(y.begin(), y.end());
  for (int sweep = 0; sweep < 25; ++sweep) {
    for (std::size_t c = 0; c < beta.size(); ++c) {
      double xx = lambda;
      double xy = 0;
      for (const auto& [row, value] : x.columns[c]) {
        if (used[row] != 0) {
          xx += static_cast<double>(value) * value;
          xy += value * (rest[row] + value * beta[c]);
        }
      }
      const double step = xy / xx - beta[c];
      beta[c] += step;
      for (const auto& [row, value] : x.columns[c]) {
        rest[row] -= value * step;
      }
    }
  }
  return beta;
}

double root_of(double cost) {
  return 16 * (std::pow(cost, 1.0 / 16) - 1);
}

} // namespace

result<part_cost_model::parts::encoded>
part_cost_model::parts::encode(const part_catalog& catalog, std::span<const part_quote> quotes, bool learning) const {
  std::map<request_key, request> requests;
  for (const part_quote& q : quotes) {
    request& r = requests[{q.part, q.supplier, q.on}];
    r.brackets += 1;
    r.smallest = std::min(r.smallest, q.quantity);
    r.largest = std::max(r.largest, q.quantity);
  }
  std::unordered_map<std::string_view, description> described;
  encoded out;
  const std::size_t width = columns();
  out.values.assign(quotes.size() * width, unknown);
  out.sparse.resize(quotes.size());
  for (std::size_t i = 0; i < quotes.size(); ++i) {
    const part_quote& q = quotes[i];
    const auto at = catalog.parts.find(q.part);
    if (at == catalog.parts.end()) {
      return invalid_input("the quote names an unknown part",
                           {{"quotes[" + std::to_string(i) + "].part", "add " + q.part + " to the catalog first"}});
    }
    auto [d, fresh] = described.try_emplace(q.part);
    if (fresh) {
      d->second = describe(catalog, at->second);
    }
    float* row = out.values.data() + i * width;
    const auto t = terms_of(q, requests[{q.part, q.supplier, q.on}]);
    row = std::copy(t.begin(), t.end(), row);
    for (const std::string& name : measures) {
      const auto m = d->second.measures.find(name);
      *row++ = m == d->second.measures.end() ? unknown : static_cast<float>(m->second);
    }
    float rarest = 1e9F;
    float seen = 0;
    for (const auto& [label, amount] : d->second.labels) {
      out.sparse[i].emplace_back(label, static_cast<float>(std::log1p(amount) / std::log(2.0)));
      const auto count = used_by.find(label);
      const float n = count == used_by.end() ? 0.0F : count->second - (learning ? 1.0F : 0.0F);
      rarest = std::min(rarest, n);
      seen += n > 0 ? 1.0F : 0.0F;
      if (const auto column = labels.find(label); column != labels.end()) {
        row[4 + column->second] = static_cast<float>(amount);
      }
    }
    const std::string supplier = "supplier=" + q.supplier;
    out.sparse[i].emplace_back(supplier, 1.0F);
    if (const auto column = labels.find(supplier); column != labels.end()) {
      row[4 + column->second] = 1;
    }
    const auto count = used_by.find(supplier);
    row[0] = rarest;
    row[1] = seen;
    row[2] = count == used_by.end() ? 0.0F : count->second;
  }
  return out;
}

double part_cost_model::parts::additive(const float* row,
                                        const std::vector<std::pair<std::string, float>>& sparse) const {
  double sum = mean;
  for (std::size_t c = 0; c < dense(); ++c) {
    sum += dense_effects[c] * standard(c, row[c]);
  }
  for (const auto& [label, amount] : sparse) {
    if (const auto at = effects.find(label); at != effects.end()) {
      sum += at->second * amount;
    }
  }
  return sum;
}

// Learns the additive model and returns, per row, what one that has not seen the row's part says.
std::vector<float> part_cost_model::parts::learn_additive(const encoded& rows, std::span<const part_quote> quotes,
                                                          const std::vector<float>& y) {
  const std::size_t n = quotes.size();
  const std::size_t width = columns();
  scaling.assign(dense(), {0, 1});
  for (std::size_t c = 0; c < dense(); ++c) {
    double sum = 0, squares = 0, known = 0;
    for (std::size_t i = 0; i < n; ++i) {
      if (const float v = rows.values[i * width + c]; !std::isnan(v)) {
        sum += squeezed(v);
        squares += squeezed(v) * squeezed(v);
        known += 1;
      }
    }
    const double m = known > 0 ? sum / known : 0;
    scaling[c] = {m, std::sqrt(std::max(known > 0 ? squares / known - m * m : 1, 1e-6))};
  }
  design x;
  x.columns.resize(dense());
  std::unordered_map<std::string, std::size_t> column;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t c = 0; c < dense(); ++c) {
      if (const double v = standard(c, rows.values[i * width + c]); v != 0) {
        x.columns[c].push_back({static_cast<std::uint32_t>(i), static_cast<float>(v)});
      }
    }
    for (const auto& [label, amount] : rows.sparse[i]) {
      const auto [at, fresh] = column.try_emplace(label, x.columns.size());
      if (fresh) {
        x.columns.emplace_back();
      }
      x.columns[at->second].push_back({static_cast<std::uint32_t>(i), amount});
    }
  }
  std::vector<float> out(n, static_cast<float>(mean));
  std::vector<char> used(n, 1);
  std::vector<float> centred(n);
  std::transform(y.begin(), y.end(), centred.begin(), [&](float v) { return static_cast<float>(v - mean); });
  std::vector<double> beta;
  for (std::size_t fold = 0; fold <= folds; ++fold) {
    for (std::size_t i = 0; i < n; ++i) {
      used[i] = fold == folds || detail::stable_hash(quotes[i].part) / 7 % folds != fold ? 1 : 0;
    }
    beta = ridge(x, centred, used, 4);
    for (std::size_t c = 0; fold < folds && c < beta.size(); ++c) {
      for (const auto& [row, value] : x.columns[c]) {
        out[row] += used[row] != 0 ? 0.0F : static_cast<float>(beta[c] * value);
      }
    }
  }
  dense_effects.assign(beta.begin(), beta.begin() + static_cast<std::ptrdiff_t>(dense()));
  for (const auto& [label, at] : column) {
    effects[label] = beta[at];
  }
  return out;
}

// On parts that the models used here have not seen, `calibration_folds` fifths of all.
result<void> part_cost_model::parts::test(const part_catalog& catalog, std::span<const part_quote> quotes,
                                          const part_cost_options& options) {
  part_cost_options once = options;
  once.calibration_folds = 0;
  const auto fold_of = [](const part_quote& q) { return static_cast<int>(detail::stable_hash(q.part) / 977 % folds); };
  std::array<std::vector<weighted_score>, 2> halves; // of the parts: what one says is tried on the other
  std::vector<double> off;
  double squares = 0, plain = 0;
  for (int fold = 0; fold < std::min(options.calibration_folds, static_cast<int>(folds)); ++fold) {
    std::vector<part_quote> known, asked;
    for (const part_quote& q : quotes) {
      (fold_of(q) == fold ? asked : known).push_back(q);
    }
    if (asked.empty() || known.size() < quotes_min) {
      continue;
    }
    const auto model = train_part_cost(catalog, known, once);
    if (!model) {
      return model.error();
    }
    const auto costs = model->predict(catalog, asked);
    if (!costs) {
      return costs.error();
    }
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const double cost = std::max(asked[i].unit_cost, 0.0);
      const double miss = std::log1p(cost) - std::log1p((*costs)[i]);
      halves[detail::stable_hash(asked[i].part) / 13 % 2].push_back({static_cast<float>(miss), 1});
      squares += miss * miss;
      plain += std::pow(std::log1p(cost) - model->parts_->mean, 2);
      if (cost > 0) {
        off.push_back(std::abs((*costs)[i] / cost - 1));
      }
    }
  }
  const auto n = static_cast<double>(halves[0].size() + halves[1].size());
  if (n == 0) {
    return {};
  }
  tested.quotes = static_cast<std::size_t>(n);
  tested.rmsle = std::sqrt(squares / n);
  tested.rmsle_usual = std::sqrt(plain / n);
  if (!off.empty()) {
    std::nth_element(off.begin(), off.begin() + static_cast<std::ptrdiff_t>(off.size() / 2), off.end());
    tested.typical_error = off[off.size() / 2];
  }
  double inside = 0;
  for (const std::size_t half : {0U, 1U}) {
    if (const auto range = central_range(make_table(halves[1 - half]), 0.9)) {
      inside += static_cast<double>(std::count_if(halves[half].begin(), halves[half].end(), [&](const auto& s) {
        return s.score >= range->low && s.score <= range->high;
      }));
    }
  }
  tested.coverage_90 = inside / n;
  halves[0].insert(halves[0].end(), halves[1].begin(), halves[1].end());
  missed_by = make_table(std::move(halves[0]));
  return {};
}

result<part_cost_model> train_part_cost(const part_catalog& catalog, std::span<const part_quote> quotes,
                                        const part_cost_options& options) {
  if (quotes.size() < quotes_min) {
    return invalid_input("too few quotes to learn what parts cost: " + std::to_string(quotes.size()) + ", at least " +
                         std::to_string(quotes_min) + " are needed");
  }
  part_cost_model out;
  part_cost_model::parts& m = *out.parts_;
  std::set<std::string> names;
  std::unordered_map<std::string, std::set<std::string_view>> users;
  std::set<std::string_view> seen;
  for (const part_quote& q : quotes) {
    users["supplier=" + q.supplier].insert(q.part);
    const auto at = catalog.parts.find(q.part);
    if (at == catalog.parts.end() || !seen.insert(q.part).second) {
      continue; // an unknown part is refused below
    }
    const description d = describe(catalog, at->second);
    for (const auto& [name, value] : d.measures) {
      names.insert(name);
    }
    for (const auto& [label, amount] : d.labels) {
      users[label].insert(q.part);
    }
  }
  m.measures.assign(names.begin(), names.end());
  std::vector<std::string> frequent;
  for (const auto& [label, of] : users) {
    m.used_by[label] = static_cast<float>(of.size());
    if (of.size() >= options.label_parts_min) {
      frequent.push_back(label);
    }
  }
  std::sort(frequent.begin(), frequent.end());
  for (const std::string& label : frequent) {
    m.labels.emplace(label, static_cast<std::uint32_t>(m.labels.size()));
  }
  auto rows = m.encode(catalog, quotes, true);
  if (!rows) {
    return rows.error();
  }
  const std::size_t n = quotes.size();
  const std::size_t width = m.columns();
  std::vector<float> y(n);
  for (std::size_t i = 0; i < n; ++i) {
    y[i] = static_cast<float>(std::log1p(std::max(quotes[i].unit_cost, 0.0)));
    m.mean += y[i] / static_cast<double>(n);
  }
  const auto additive = m.learn_additive(*rows, quotes, y);
  for (std::size_t i = 0; i < n; ++i) {
    rows->values[i * width + m.dense() + 3] = additive[i];
  }
  const training_matrix matrix(rows->values, n, width, options.threads);
  const booster_options base{.rounds = options.rounds,
                             .depth = options.depth,
                             .threads = options.threads,
                             .learning_rate = options.learning_rate,
                             .huber_width = 1e6, // squared error
                             .lambda = 1,
                             .row_share = 0.8,
                             .column_share = 0.4,
                             .child_weight = 4};
  for (int k = 0; k < options.members; ++k) {
    std::vector<float> goal(n);
    std::vector<float> weight(n, 1.0F);
    double mean = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double cost = std::max(quotes[i].unit_cost, 0.0);
      goal[i] = k % 2 == 0 ? y[i] : static_cast<float>(root_of(cost));
      // An error of the root weighs as much as the error of log(1 + cost) that it makes.
      weight[i] = k % 2 == 0 ? 1.0F : static_cast<float>(std::pow(cost, 15.0 / 8) / ((1 + cost) * (1 + cost)));
      mean += goal[i] / static_cast<double>(n);
    }
    for (float& g : goal) {
      g -= static_cast<float>(mean);
    }
    booster_options o = base;
    o.seed = static_cast<unsigned>(options.seed) + static_cast<unsigned>(k);
    o.depth = options.depth + (k % 3 == 2 ? -2 : 0);
    m.means.push_back(mean);
    m.members.emplace_back(booster::train(matrix, goal, weight, o));
    if (options.after_member) {
      options.after_member();
    }
  }
  if (options.calibration_folds > 0) {
    if (const auto done = m.test(catalog, quotes, options); !done) {
      return done.error();
    }
  }
  return out;
}

} // namespace pricing::learn
