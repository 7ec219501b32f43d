#include "learn/part_cost.hpp"

#include "learn/booster.hpp"
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

constexpr std::size_t terms = 13;
std::array<float, terms> terms_of(const part_quote& q, const request& r) {
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
double cost_of_root(double y) {
  return std::pow(std::max(1 + y / 16, 0.0), 16);
}

} // namespace

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
  std::vector<booster> members;

  std::size_t dense() const { return terms + measures.size(); }
  std::size_t columns() const { return dense() + 4 + labels.size(); }

  // The dense cells first; then rarity, the additive model's word (filled by the caller), then labels.
  struct encoded {
    std::vector<float> values;                                      // quotes × columns()
    std::vector<std::vector<std::pair<std::string, float>>> sparse; // labels and supplier of each quote
  };
  // `learning`: the parts are among those counted in used_by, and do not count themselves.
  result<encoded> encode(const part_catalog& catalog, std::span<const part_quote> quotes, bool learning) const;
  double additive(const float* row, const std::vector<std::pair<std::string, float>>& sparse) const;
  double standard(std::size_t column, float value) const {
    return std::isnan(value) ? 0 : (squeezed(value) - scaling[column].first) / scaling[column].second;
  }
  static double squeezed(float v) { return v < 0 ? -std::log1p(-static_cast<double>(v)) : std::log1p(v); }
  std::vector<float> learn_additive(const encoded& rows, std::span<const part_quote> quotes,
                                    const std::vector<float>& y);
};

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

part_cost_model::part_cost_model() : parts_(std::make_unique<parts>()) {}
part_cost_model::part_cost_model(part_cost_model&&) noexcept = default;
part_cost_model& part_cost_model::operator=(part_cost_model&&) noexcept = default;
part_cost_model::~part_cost_model() = default;

result<std::vector<double>> part_cost_model::predict(const part_catalog& catalog,
                                                     std::span<const part_quote> quotes) const {
  auto rows = parts_->encode(catalog, quotes, false);
  if (!rows) {
    return rows.error();
  }
  const std::size_t width = parts_->columns();
  for (std::size_t i = 0; i < quotes.size(); ++i) {
    float* row = rows->values.data() + i * width;
    row[parts_->dense() + 3] = static_cast<float>(parts_->additive(row, rows->sparse[i]));
  }
  std::vector<double> log_cost(quotes.size(), 0);
  for (std::size_t m = 0; m < parts_->members.size(); ++m) {
    const auto y = parts_->members[m].predict(rows->values, quotes.size(), width);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double v = y[i] + parts_->means[m];
      log_cost[i] += m % 2 == 0 ? v : std::log1p(cost_of_root(v));
    }
  }
  for (double& v : log_cost) {
    v = std::max(std::expm1(v / static_cast<double>(parts_->members.size())), 0.0);
  }
  return log_cost;
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
    m.members.push_back(booster::train(matrix, goal, weight, o));
  }
  return out;
}

} // namespace pricing::learn
