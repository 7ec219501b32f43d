#include "models/explanation.hpp"

#include "match/normalize.hpp"
#include "match/similarity.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace pricing::models {
namespace {

constexpr std::size_t items_like_max = 3;
constexpr double alike_min = 0.6;                        // of names, where the item itself is not known
constexpr double days_scale = 300, quantity_scale = 0.8; // of the kernel-weighted median (bench/README.md)

// The item itself, else those of the unit that are named most like it.
std::vector<std::uint32_t> items_like(const snapshot& s, const prediction_line& line) {
  const auto& prices = s.loaded.prices;
  if (line.item_id)
    if (const auto at = prices.index_of({*line.item_id}); at != learn::no_index)
      return {at};
  if (!line.description)
    return {};
  const std::string name = match::normalize_item(line.description->value);
  const std::string unit = match::normalize_unit(line.unit.value);
  if (const auto id = s.find_item(name, unit))
    return {prices.index_of(id)};
  std::vector<std::pair<double, std::uint32_t>> near;
  for (std::uint32_t i = 0; i < prices.items().size(); ++i)
    if (prices.items()[i].unit == unit)
      if (const double alike = match::token_set_similarity(name, prices.items()[i].normalized_name); alike >= alike_min)
        near.emplace_back(-alike, i);
  std::ranges::sort(near);
  std::vector<std::uint32_t> out;
  for (std::size_t i = 0; i < std::min(near.size(), items_like_max); ++i)
    out.push_back(near[i].second);
  return out;
}

const char* name_of(learn::price_kind kind) {
  switch (kind) {
  case learn::price_kind::quote:
    return "quote";
  case learn::price_kind::purchase_order:
    return "purchase_order";
  case learn::price_kind::invoice:
    return "invoice";
  case learn::price_kind::contract:
    return "contract";
  default:
    return "bid";
  }
}

// Logs are kept as floats: digits beyond the sixth are noise.
decimal money(double value) {
  const double digit = std::pow(10, std::max(std::floor(std::log10(value)) - 5, -4.0));
  const auto out = decimal::from_double(std::round(value / digit) * digit);
  return out ? *out : decimal();
}

void find_bids(const snapshot& s, const prediction_line& line, std::int32_t day, std::size_t most,
               explanation_response& out) {
  struct candidate {
    double likeness;
    const learn::price_line* line;
    std::uint32_t bid;
  };
  const auto& prices = s.loaded.prices;
  const double asked = line.quantity.to_double() > 0 ? std::log(line.quantity.to_double()) : std::nan("");
  std::vector<candidate> found;
  for (const auto item : items_like(s, line))
    for (const auto& l : prices.lines_of(item)) {
      if (l.day >= day)
        break;
      const double off = std::isnan(asked) ? 0 : (l.log_quantity - asked) / quantity_scale;
      const double likeness = std::exp(-(day - l.day) / days_scale - off * off / 2);
      for (std::uint32_t k = l.first; k < l.first + l.count; ++k)
        if (prices.kind()[k] != learn::price_kind::estimate && prices.kind()[k] != learn::price_kind::list)
          found.push_back({likeness, &l, k});
    }
  out.bids_known = static_cast<std::int64_t>(found.size());
  const auto order = [&](const candidate& c) { return std::tuple(-c.likeness, prices.log_price()[c.bid], c.bid); };
  const auto kept = found.begin() + static_cast<std::ptrdiff_t>(std::min(most, found.size()));
  std::partial_sort(found.begin(), kept, found.end(),
                    [&](const candidate& a, const candidate& b) { return order(a) < order(b); });
  const double now = s.view.log_index(day);
  for (auto c = found.begin(); c != kept; ++c) {
    const auto& item = prices.items()[c->line->item];
    const double log_price = prices.log_price()[c->bid];
    similar_bid bid;
    bid.on = date(std::chrono::days(c->line->day));
    bid.item_id = item.id.value;
    bid.item = item.normalized_name;
    if (const auto supplier = prices.supplier()[c->bid]; supplier != learn::no_index)
      bid.supplier_id = prices.suppliers()[supplier].value;
    if (c->line->event != learn::no_index)
      bid.event_id = prices.events()[c->line->event].id.value;
    bid.kind = name_of(prices.kind()[c->bid]);
    if (const int rank = prices.rank()[c->bid]; rank > 0)
      bid.rank = rank;
    bid.quantity = money(std::exp(static_cast<double>(c->line->log_quantity)));
    bid.price = money(std::exp(log_price));
    bid.price_now = money(std::exp(log_price + now - s.view.log_index(c->line->day)));
    bid.likeness = c->likeness;
    out.bids.push_back(std::move(bid));
  }
}

} // namespace

result<explanation_response> explain(const snapshot& s, const explanation_request& request, date today) {
  if (request.model_version && request.model_version->value != s.version)
    return conflict("the model in use is " + s.version + ", no longer " + request.model_version->value +
                    "; roll back to explain with that one");
  if (request.snapshot && request.snapshot->value != s.loaded.snapshot)
    return conflict("prices were loaded or changed since: the snapshot in use is " + s.loaded.snapshot);
  prediction_request asked{.on = request.on.value_or(today), .place = request.place};
  asked.lines.push_back(request.line);
  auto predicted = predict(s, asked, today);
  if (!predicted) {
    error e = predicted.error();
    for (auto& d : e.details)
      if (d.path.starts_with("lines[0]"))
        d.path.replace(0, 8, "line");
    return e;
  }
  explanation_response out;
  out.model_version = s.version;
  out.model_sha256 = s.model_sha256;
  out.snapshot = s.loaded.snapshot;
  out.trained_until = predicted->trained_until;
  out.on = *asked.on;
  out.line = std::move(predicted->lines.front());
  find_bids(s, request.line, static_cast<std::int32_t>(out.on.time_since_epoch().count()),
            static_cast<std::size_t>(request.bids_max.value.value), out);
  return out;
}

} // namespace pricing::models
