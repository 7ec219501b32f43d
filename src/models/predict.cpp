#include "models/predict.hpp"

#include "match/normalize.hpp"

#include <cmath>

namespace pricing::models {
namespace {

std::string at(std::size_t line, const char* field) {
  return "lines[" + std::to_string(line) + "]." + field;
}

result<std::vector<learn::query_line>> to_query(const snapshot& s, const prediction_request& request) {
  std::vector<learn::query_line> out;
  std::vector<field_error> wrong;
  out.reserve(request.lines.size());
  for (std::size_t i = 0; i < request.lines.size(); ++i) {
    const prediction_line& line = request.lines[i];
    learn::query_line query{.unit = match::normalize_unit(line.unit.value), .quantity = line.quantity.to_double()};
    const auto index = line.item_id ? s.loaded.prices.index_of({*line.item_id}) : learn::no_index;
    if (index != learn::no_index) {
      query.item = {*line.item_id};
      if (query.unit.empty())
        query.unit = s.loaded.prices.items()[index].unit;
    }
    if (line.description)
      query.normalized_description = match::normalize_item(line.description->value);
    if (!query.item)
      query.item = s.find_item(query.normalized_description, query.unit);
    if (!line.item_id && query.normalized_description.empty())
      wrong.push_back({at(i, "description"), "is needed where there is no item_id"});
    out.push_back(std::move(query));
  }
  if (!wrong.empty())
    return invalid_input("some lines name neither an item nor a description", std::move(wrong));
  return out;
}

std::optional<decimal> money(double value) {
  const auto out = decimal::from_double(value);
  return out ? std::optional(*out) : std::nullopt;
}

date day_of(std::int32_t day) {
  return date(std::chrono::days(day));
}

predicted_line to_line(const snapshot& s, const learn::prediction& p, const prediction_line& asked, bool reasons) {
  predicted_line out;
  out.expected = p.source == learn::prediction_source::none ? std::nullopt : money(p.expected);
  if (!out.expected)
    return out;
  out.source = "model";
  out.expected_low = money(p.expected_low);
  out.expected_total = money(p.expected_total);
  if (p.high90 > 0) { // a model with too few residuals gives none
    out.low90 = money(p.low90);
    out.low50 = money(p.low50);
    out.high50 = money(p.high50);
    out.high90 = money(p.high90);
  }
  out.effective_n = p.effective_n;
  out.bids = p.bids;
  if (p.newest_day != 0)
    out.newest_on = day_of(p.newest_day);
  out.log_scale = std::exp(p.log_scale);
  if (reasons)
    out.reasons = reasons_of(p, *out.expected);
  for (const decimal price : asked.prices) {
    const auto tail = s.model.tail_probability(p, price.to_double());
    out.tails.push_back(tail ? price_tail{tail->upper, tail->lower, tail->n} : price_tail{});
  }
  return out;
}

} // namespace

std::vector<price_reason> reasons_of(const learn::prediction& p, decimal expected) {
  std::vector<price_reason> out;
  const double log_ratio = std::log(p.expected / p.base);
  const double mean = std::abs(log_ratio) < 1e-9 ? p.expected : (p.expected - p.base) / log_ratio;
  const auto add = [&out](const char* name, const char* label, double value, double share) {
    out.push_back({name, label, money(value).value_or(decimal()), share});
  };
  add("base", "Usual price of this item", p.base, 0);
  for (std::size_t i = 0; i < learn::reason_groups; ++i)
    add(learn::reason_names[i].name, learn::reason_names[i].label, mean * p.reasons[i],
        std::expm1(static_cast<double>(p.reasons[i])));
  decimal rest = expected;
  for (const auto& r : out)
    rest = rest - r.money;
  const auto size = [](const price_reason& r) { return std::abs(r.money.units()); };
  auto& largest = *std::ranges::max_element(out, {}, size);
  largest.money = largest.money + rest;
  return out;
}

result<prediction_response> predict(const snapshot& s, const prediction_request& request, date today) {
  const auto lines = to_query(s, request);
  if (!lines)
    return lines.error();
  const learn::query_event event{request.on.value_or(today), request.place ? request.place->value : ""};
  const auto predictions = s.model.predict(s.view, event, *lines, {.reasons = request.reasons});
  prediction_response out{s.version, s.loaded.snapshot, s.model.trained_until(), {}};
  out.lines.reserve(predictions.size());
  for (std::size_t i = 0; i < predictions.size(); ++i)
    out.lines.push_back(to_line(s, predictions[i], request.lines[i], request.reasons));
  return out;
}

} // namespace pricing::models
