#include "models/should_cost.hpp"

#include "models/part_table.hpp"

#include <algorithm>
#include <cmath>

namespace pricing::models {
namespace {

decimal money(double value) {
  const auto out = decimal::from_double(value);
  return out ? *out : decimal();
}

part_cost to_answer(decimal quantity, const learn::part_cost_estimate& e) {
  part_cost out{quantity,        money(e.cost),   money(e.low90), money(e.low50),
                money(e.high50), money(e.high90), money(e.base),  {}};
  decimal rest = out.cost - out.base;
  for (const auto& d : e.drivers) {
    out.drivers.push_back({d.name, money(d.money)});
    rest = rest - out.drivers.back().money;
  }
  // What rounding left over, and what was cut at zero.
  if (out.drivers.empty())
    out.base = out.cost;
  else
    out.drivers.front().money = out.drivers.front().money + rest;
  std::erase_if(out.drivers, [](const cost_part& d) { return d.money == decimal(); });
  return out;
}

} // namespace

loaded_part_cost::loaded_part_cost(learn::part_cost_model m)
    : model(std::move(m)), measures(model.measures()), labels(model.labels()) {}

result<should_cost_response> should_cost(const loaded_part_cost& known, const should_cost_request& request,
                                         date today) {
  const auto facts = request.facts.value_or(wire::list<part_fact, 400>());
  const auto bill = request.bill.value_or(wire::list<part_component, 500>());
  if (facts.empty() && bill.empty())
    return invalid_input("say what the part is like", {{"facts", "name at least one, or a bill of components"}});
  should_cost_response out;
  learn::part part;
  const auto has = [](const std::vector<std::string>& sorted, const std::string& name) {
    return std::ranges::binary_search(sorted, name);
  };
  for (const part_fact& f : facts) {
    const double number = number_of(f.value.value);
    const std::string label = f.name.value + "=" + f.value.value;
    if (has(known.measures, f.name.value) && !std::isnan(number))
      part.measures.emplace_back(f.name.value, number);
    else
      part.labels.push_back(label);
    if (!has(known.measures, f.name.value) && !has(known.labels, label))
      out.unknown.push_back(label);
    else if (has(known.measures, f.name.value) && std::isnan(number))
      return invalid_input("a fact is no number", {{"facts." + f.name.value, "must be a number"}});
  }
  for (const part_component& c : bill) {
    part.bill.push_back({c.component.value, c.quantity ? c.quantity->value : 1});
    if (!has(known.labels, "component=" + c.component.value))
      out.unknown.push_back("component=" + c.component.value);
  }
  learn::part_catalog catalog;
  catalog.parts.emplace("asked", std::move(part));
  auto quantities = request.quantities.value_or(wire::list<decimal, quantities_max>());
  if (quantities.empty())
    quantities.push_back(decimal::from_units(decimal::scale));
  std::vector<learn::part_quote> quotes;
  for (const decimal quantity : quantities) {
    if (quantity <= decimal())
      return invalid_input("a quantity is not above zero",
                           {{"quantities[" + std::to_string(quotes.size()) + "]", "must be above zero"}});
    quotes.push_back({.part = "asked",
                      .supplier = request.supplier ? request.supplier->value : "",
                      .on = request.on.value_or(today),
                      .quantity = quantity.to_double(),
                      .annual_usage = request.annual_usage ? request.annual_usage->value : 0,
                      .order_min = request.minimum_order ? request.minimum_order->value : 0,
                      .bracketed = request.bracketed || quantities.size() > 1});
  }
  const auto estimates = known.model.estimate(catalog, quotes);
  if (!estimates)
    return estimates.error();
  for (std::size_t i = 0; i < quotes.size(); ++i)
    out.costs.push_back(to_answer(quantities[i], (*estimates)[i]));
  return out;
}

} // namespace pricing::models
