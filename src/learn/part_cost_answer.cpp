// What a trained part-cost model answers, and how it is stored.
#include "learn/model_bytes.hpp"
#include "learn/part_cost_parts.hpp"

#include <array>
#include <map>

namespace pricing::learn {
namespace {

constexpr std::string_view magic = "pricing-part-cost-1\n";
constexpr std::size_t drivers_max = 12;
constexpr std::size_t extras =
    4; // columns between the dense ones and the labels; the last is the additive model's word

// By columns of terms_of.
constexpr std::array<const char*, part_cost_terms> term_names = {
    "quantity", "quantity",       "annual usage",   "minimum order",  "quantity", "price brackets", "day",
    "day",      "price brackets", "price brackets", "price brackets", "quantity", "annual usage"};

double logarithmic_mean(double a, double b) {
  const double ratio = std::log(a / b);
  return std::abs(ratio) < 1e-9 ? a : (a - b) / ratio;
}

std::vector<std::string> names_of_columns(std::size_t columns, const std::vector<std::string>& measures,
                                          const std::unordered_map<std::string, std::uint32_t>& labels) {
  std::vector<std::string> out(columns, "how usual it is");
  std::copy(term_names.begin(), term_names.end(), out.begin());
  std::copy(measures.begin(), measures.end(), out.begin() + part_cost_terms);
  for (const auto& [label, at] : labels)
    out[part_cost_terms + measures.size() + extras + at] = label;
  return out;
}

// The largest first, the small ones as one.
std::vector<cost_driver> sorted(const std::map<std::string, double>& money) {
  std::vector<cost_driver> out;
  for (const auto& [name, amount] : money)
    if (amount != 0)
      out.push_back({name, amount});
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return std::abs(a.money) > std::abs(b.money); });
  if (out.size() > drivers_max) {
    cost_driver other{"other", 0};
    for (auto at = out.begin() + (drivers_max - 1); at != out.end(); ++at)
      other.money += at->money;
    out.resize(drivers_max - 1);
    out.push_back(std::move(other));
  }
  return out;
}

} // namespace

part_cost_model::part_cost_model() : parts_(std::make_unique<parts>()) {}
part_cost_model::part_cost_model(part_cost_model&&) noexcept = default;
part_cost_model& part_cost_model::operator=(part_cost_model&&) noexcept = default;
part_cost_model::~part_cost_model() = default;

result<part_cost_model::parts::encoded> part_cost_model::parts::rows_of(const part_catalog& catalog,
                                                                        std::span<const part_quote> quotes) const {
  auto rows = encode(catalog, quotes, false);
  if (!rows)
    return rows;
  for (std::size_t i = 0; i < quotes.size(); ++i) {
    float* row = rows->values.data() + i * columns();
    row[dense() + extras - 1] = static_cast<float>(additive(row, rows->sparse[i]));
  }
  return rows;
}

// What each part of the additive model's sum is, by the name of its column or label.
std::map<std::string, double>
part_cost_model::parts::additive_parts(const float* row, const std::vector<std::pair<std::string, float>>& sparse,
                                       const std::vector<std::string>& names) const {
  std::map<std::string, double> out;
  for (std::size_t c = 0; c < dense(); ++c)
    out[names[c]] += dense_effects[c] * standard(c, row[c]);
  for (const auto& [label, amount] : sparse)
    if (const auto at = effects.find(label); at != effects.end())
      out[label] += at->second * amount;
  return out;
}

result<std::vector<double>> part_cost_model::predict(const part_catalog& catalog,
                                                     std::span<const part_quote> quotes) const {
  const auto rows = parts_->rows_of(catalog, quotes);
  if (!rows)
    return rows.error();
  std::vector<double> out(quotes.size(), 0);
  for (std::size_t m = 0; m < parts_->members.size(); ++m) {
    const auto y = parts_->members[m].predict(rows->values, quotes.size(), parts_->columns());
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double v = y[i] + parts_->means[m];
      out[i] += m % 2 == 0 ? v : std::log1p(cost_of_root(v));
    }
  }
  for (double& v : out)
    v = std::max(std::expm1(v / static_cast<double>(parts_->members.size())), 0.0);
  return out;
}

result<std::vector<part_cost_estimate>> part_cost_model::estimate(const part_catalog& catalog,
                                                                  std::span<const part_quote> quotes) const {
  const auto costs = predict(catalog, quotes);
  if (!costs)
    return costs.error();
  const auto rows = parts_->rows_of(catalog, quotes).value();
  const std::size_t width = parts_->columns();
  const auto names = names_of_columns(width, parts_->measures, parts_->labels);
  const auto members = static_cast<double>(parts_->members.size());
  std::vector<std::vector<float>> found;
  for (const tree_head& member : parts_->members)
    found.push_back(member.contributions(rows.values, quotes.size(), width));
  const auto half = central_range(parts_->missed_by, 0.5);
  const auto most = central_range(parts_->missed_by, 0.9);
  std::vector<part_cost_estimate> out(quotes.size());
  for (std::size_t i = 0; i < quotes.size(); ++i) {
    // Log contributions to log(1 + cost), the mean of the members'.
    std::map<std::string, double> shares;
    double log_base = 0, log_cost = 0, word = 0;
    for (std::size_t m = 0; m < found.size(); ++m) {
      const float* row = found[m].data() + i * (width + 1);
      double sum = 0;
      for (std::size_t c = 0; c < width; ++c)
        sum += row[c];
      const double from = row[width] + parts_->means[m], to = from + sum;
      const double log_from = m % 2 == 0 ? from : std::log1p(cost_of_root(from));
      const double log_to = m % 2 == 0 ? to : std::log1p(cost_of_root(to));
      const double scale = (std::abs(sum) < 1e-9 ? 1 : (log_to - log_from) / sum) / members;
      log_base += log_from / members;
      log_cost += log_to / members;
      for (std::size_t c = 0; c < width; ++c)
        (c == parts_->dense() + extras - 1 ? word : shares[names[c]]) += row[c] * scale;
    }
    // The additive model's word is that of its parts, where they do not cancel out.
    const auto said = parts_->additive_parts(rows.values.data() + i * width, rows.sparse[i], names);
    double sum = 0, size = 0;
    for (const auto& [name, part] : said) {
      sum += part;
      size += std::abs(part);
    }
    if (std::abs(sum) > 0.2 * size)
      for (const auto& [name, part] : said)
        shares[name] += word * part / sum;
    else
      shares["all of it together"] += word;

    part_cost_estimate& e = out[i];
    e.cost = (*costs)[i];
    e.base = std::max(std::expm1(log_base), 0.0);
    const double mean = logarithmic_mean(std::exp(log_cost), std::exp(log_base));
    for (auto& [name, share] : shares)
      share *= mean;
    e.drivers = sorted(shares);
    const auto off = [&](double log_miss) { return std::max((1 + e.cost) * std::exp(log_miss) - 1, 0.0); };
    e.low90 = e.low50 = e.high50 = e.high90 = e.cost;
    if (half) {
      e.low50 = std::min(e.cost, off(half->low));
      e.high50 = std::max(e.cost, off(half->high));
    }
    if (most) {
      e.low90 = std::min(e.low50, off(most->low));
      e.high90 = std::max(e.high50, off(most->high));
    }
  }
  return out;
}

const part_cost_report& part_cost_model::report() const {
  return parts_->tested;
}
std::vector<std::string> part_cost_model::measures() const {
  return parts_->measures;
}
std::vector<std::string> part_cost_model::labels() const {
  std::vector<std::string> out;
  for (const auto& [label, parts] : parts_->used_by)
    out.push_back(label);
  std::sort(out.begin(), out.end());
  return out;
}

namespace {

template <class Value>
void write_map(detail::byte_writer& w, const std::unordered_map<std::string, Value>& values) {
  const std::map<std::string_view, Value> by_name(values.begin(), values.end());
  w.value(static_cast<std::uint64_t>(by_name.size()));
  for (const auto& [name, value] : by_name) {
    w.text(name);
    w.value(value);
  }
}
// A count larger than the bytes that are left is no count.
bool read_count(detail::byte_reader& r, std::uint64_t& count) {
  return r.value(count) && count <= r.left();
}
template <class Value>
bool read_map(detail::byte_reader& r, std::unordered_map<std::string, Value>& values) {
  std::uint64_t count = 0;
  if (!read_count(r, count))
    return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string_view name;
    Value value{};
    if (!r.text(name) || !r.value(value))
      return false;
    values.emplace(name, value);
  }
  return true;
}

} // namespace

std::string part_cost_model::save() const {
  const parts& m = *parts_;
  detail::byte_writer w;
  w.value(static_cast<std::uint64_t>(m.measures.size()));
  for (const auto& name : m.measures)
    w.text(name);
  write_map(w, m.labels);
  write_map(w, m.used_by);
  write_map(w, m.effects);
  w.value(m.mean);
  for (std::size_t c = 0; c < m.dense(); ++c) {
    w.value(m.scaling[c].first);
    w.value(m.scaling[c].second);
    w.value(m.dense_effects[c]);
  }
  w.value(static_cast<std::uint64_t>(m.members.size()));
  for (std::size_t k = 0; k < m.members.size(); ++k) {
    w.value(m.means[k]);
    w.text(m.members[k].save());
  }
  w.floats(m.missed_by.score);
  w.floats(m.missed_by.cumulative_weight);
  w.value(m.missed_by.effective_n);
  w.value(static_cast<std::uint64_t>(m.tested.quotes));
  for (const double figure : {m.tested.rmsle, m.tested.rmsle_usual, m.tested.typical_error, m.tested.coverage_90})
    w.value(figure);
  detail::byte_writer out;
  out.bytes = magic;
  out.value(detail::checksum(w.bytes));
  out.bytes += w.bytes;
  return std::move(out.bytes);
}

result<part_cost_model> part_cost_model::load(std::string_view bytes) {
  const error damaged = invalid_input("these bytes are no part-cost model of this version; train a new one");
  if (!bytes.starts_with(magic))
    return damaged;
  detail::byte_reader r(bytes.substr(magic.size()));
  std::uint64_t sum = 0, count = 0;
  part_cost_model out;
  parts& m = *out.parts_;
  if (!r.value(sum) || sum != detail::checksum(bytes.substr(magic.size() + sizeof sum)) || !read_count(r, count))
    return damaged;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string_view name;
    if (!r.text(name))
      return damaged;
    m.measures.emplace_back(name);
  }
  if (!read_map(r, m.labels) || !read_map(r, m.used_by) || !read_map(r, m.effects) || !r.value(m.mean))
    return damaged;
  for (const auto& [label, at] : m.labels)
    if (at >= m.labels.size())
      return damaged;
  m.scaling.resize(m.dense());
  m.dense_effects.resize(m.dense());
  for (std::size_t c = 0; c < m.dense(); ++c)
    if (!r.value(m.scaling[c].first) || !r.value(m.scaling[c].second) || !r.value(m.dense_effects[c]))
      return damaged;
  if (!read_count(r, count) || count == 0)
    return damaged;
  for (std::uint64_t i = 0; i < count; ++i) {
    double mean = 0;
    std::string_view text;
    if (!r.value(mean) || !r.text(text))
      return damaged;
    auto trees = tree_head::load(text, m.columns());
    if (!trees)
      return damaged;
    m.means.push_back(mean);
    m.members.push_back(std::move(*trees));
  }
  std::uint64_t quotes = 0;
  if (!r.floats(m.missed_by.score) || !r.floats(m.missed_by.cumulative_weight) ||
      m.missed_by.score.size() != m.missed_by.cumulative_weight.size() || !r.value(m.missed_by.effective_n) ||
      !r.value(quotes))
    return damaged;
  m.tested.quotes = quotes;
  for (double* figure : {&m.tested.rmsle, &m.tested.rmsle_usual, &m.tested.typical_error, &m.tested.coverage_90})
    if (!r.value(*figure))
      return damaged;
  return r.at_end() ? result<part_cost_model>(std::move(out)) : damaged;
}

} // namespace pricing::learn
