#include "models/part_form.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

namespace pricing::models {
namespace {

constexpr std::size_t example_quantities_max = 5;

using counts = std::map<std::string, std::int64_t, std::less<>>;

// The most frequent first; whether others were left out.
bool most_frequent(const counts& all, std::vector<known_value>& out) {
  for (const auto& [value, n] : all)
    out.push_back({value, n});
  std::ranges::stable_sort(out, std::greater(), &known_value::parts);
  const bool more = out.size() > form_values_max;
  if (more)
    out.resize(form_values_max);
  return more;
}

double percentile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(std::lround(share * static_cast<double>(sorted.size() - 1)))];
}

struct part_facts {
  std::unordered_map<std::string, std::vector<double>> numbers; // by measure
  std::unordered_map<std::string, counts> words;                // by label
  counts components;
};

// "Material=steel" into column and value. A column's name may hold '=' itself: the longest one that fits is meant.
std::optional<std::pair<std::string, std::string>> split_label(const std::string& label,
                                                               const std::unordered_set<std::string>& columns) {
  for (auto at = label.rfind('='); at != std::string::npos && at > 0; at = label.rfind('=', at - 1))
    if (auto name = label.substr(0, at); columns.contains(name))
      return std::pair(std::move(name), label.substr(at + 1));
  return std::nullopt;
}

part_facts collect(const part_table& table) {
  part_facts out;
  const std::unordered_set<std::string> columns(table.labels.begin(), table.labels.end());
  for (const auto& [name, part] : table.catalog.parts) {
    for (const auto& [measure, value] : part.measures)
      out.numbers[measure].push_back(value);
    for (const auto& label : part.labels)
      if (const auto said = split_label(label, columns))
        ++out.words[said->first][said->second];
    std::set<std::string_view> once;
    for (const auto& line : part.bill)
      if (once.insert(line.component).second)
        ++out.components[line.component];
  }
  return out;
}

// The part whose quote has the most quantities; of those with as many the first in the table.
std::optional<example_part> example_of(const part_table& table) {
  std::map<std::pair<std::string, std::string>, std::set<double>> asked; // by part and supplier
  const learn::part_quote* best = nullptr;
  std::size_t most = 0;
  for (const auto& q : table.quotes) {
    auto& quantities = asked[{q.part, q.supplier}];
    quantities.insert(q.quantity);
    if (quantities.size() > most && quantities.size() <= example_quantities_max) {
      most = quantities.size();
      best = &q;
    }
  }
  if (best == nullptr)
    return std::nullopt;
  example_part out{best->part, best->supplier, {}, {}, {}};
  const auto& part = table.catalog.parts.at(best->part);
  for (const auto& [name, value] : part.measures)
    out.facts.push_back({name, fmt::format("{}", value)});
  const std::unordered_set<std::string> columns(table.labels.begin(), table.labels.end());
  for (const auto& label : part.labels)
    if (auto said = split_label(label, columns))
      out.facts.push_back({std::move(said->first), std::move(said->second)});
  for (const auto& line : part.bill)
    out.bill.push_back({line.component, line.quantity});
  for (const double quantity : asked.at({best->part, best->supplier}))
    if (out.quantities.size() < example_quantities_max)
      out.quantities.push_back(quantity);
  return out;
}

} // namespace

part_form form_of(const part_table& table) {
  part_facts known = collect(table);
  part_form out;
  out.terms = table.terms;
  for (const auto& name : table.measures) {
    auto& values = known.numbers[name];
    if (values.empty())
      continue;
    std::ranges::sort(values);
    out.measures.push_back({name, percentile(values, 0.05), percentile(values, 0.5), percentile(values, 0.95),
                            static_cast<std::int64_t>(values.size())});
  }
  for (const auto& name : table.labels) {
    label_field field;
    field.name = name;
    for (const auto& [value, n] : known.words[name])
      field.parts += n;
    field.more = most_frequent(known.words[name], field.values);
    if (field.parts > 0)
      out.labels.push_back(std::move(field));
  }
  most_frequent(known.components, out.components);
  counts suppliers;
  for (const auto& q : table.quotes)
    if (!q.supplier.empty())
      ++suppliers[q.supplier];
  most_frequent(suppliers, out.suppliers);
  out.example = example_of(table);
  return out;
}

} // namespace pricing::models
