#include "insight/price_context.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace pricing::insight {
namespace {

constexpr float unknown = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t residuals_max = 4'000; // of an item, the newest
constexpr float supplier_prior = 10;         // prices' worth of being like the others
constexpr std::uint16_t bids_for_a_middle = 3;

std::string times(double ratio) {
  return ratio >= 10 ? fmt::format("{:.0f} times", ratio) : fmt::format("{:.1f} times", ratio);
}

// "3.1 times …", "40 % above …", "62 % below …", "a fortieth of …"
std::string against(double log_ratio, const char* what) {
  const double ratio = std::exp(log_ratio);
  if (ratio >= 2)
    return fmt::format("{} {}", times(ratio), what);
  if (ratio < 0.1)
    return fmt::format("1/{:.0f} of {}", 1 / ratio, what);
  return fmt::format("{:.0f} % {} {}", std::abs(ratio - 1) * 100, ratio >= 1 ? "above" : "below", what);
}

} // namespace

bool is_offer(learn::price_kind kind) {
  return kind != learn::price_kind::estimate && kind != learn::price_kind::list;
}

std::string in_words(price_feature feature, double value, double typical) {
  if (std::isnan(value))
    return "something usually known is missing";
  switch (feature) {
  case price_feature::price_z:
    return fmt::format("{} this item’s usual spread {} what was expected", times(std::abs(value)),
                       value < 0 ? "below" : "above");
  case price_feature::price_ratio:
    return against(value, "the expected price");
  case price_feature::other_bids:
    return against(value, "the middle bid on the same line");
  case price_feature::quantity:
    return "quantity is " + against(value, "the usual");
  case price_feature::event_share:
    return fmt::format("{:.2g} % of its event’s money, usually {:.2g} %", std::exp(value) * 100,
                       std::exp(typical) * 100);
  case price_feature::supplier_position:
    return "the supplier’s prices are usually " + against(value, "those expected");
  case price_feature::bidders:
    return fmt::format("{:.0f} bidder{}, usually {:.0f}", std::exp(value), std::exp(value) < 1.5 ? "" : "s",
                       std::exp(typical));
  case price_feature::age:
    return fmt::format("{:.0f} days since the item’s price before, usually {:.0f}", std::expm1(value),
                       std::expm1(typical));
  }
  return {};
}

price_context::price_context(const learn::market_view& view) : view_(&view), expected_(view.line_benchmarks()) {
  learn_events();
  learn_items();
  learn_suppliers();
}

void price_context::learn_events() {
  const auto& history = view_->history();
  event_money_.assign(history.events().size(), 0);
  event_bidders_.assign(history.events().size(), 0);
  for (std::size_t l = 0; l < history.lines().size(); ++l) {
    const auto& line = history.lines()[l];
    if (line.event == learn::no_index)
      continue;
    event_bidders_[line.event] = std::max(event_bidders_[line.event], static_cast<float>(line.bids));
    if (!std::isnan(expected_[l]) && !std::isnan(line.log_quantity))
      event_money_[line.event] += std::exp(expected_[l] + line.log_quantity);
  }
}

void price_context::learn_items() {
  const auto& history = view_->history();
  const auto all = history.lines();
  quantity_ratio_.assign(all.size(), unknown);
  age_.assign(all.size(), unknown);
  items_.resize(history.items().size());
  std::vector<float> quantities, residuals;
  for (std::uint32_t i = 0; i < history.items().size(); ++i) {
    const auto lines = history.lines_of(i);
    const auto first = static_cast<std::size_t>(lines.data() - all.data());
    quantities.clear();
    residuals.clear();
    for (std::size_t k = 0; k < lines.size(); ++k) {
      if (!std::isnan(lines[k].log_quantity))
        quantities.push_back(lines[k].log_quantity);
      if (k > 0)
        age_[first + k] = std::log1p(static_cast<float>(lines[k].day - lines[k - 1].day));
    }
    for (std::size_t k = lines.size(); k-- > 0 && residuals.size() < residuals_max;)
      if (!std::isnan(expected_[first + k]))
        for (std::uint32_t o = lines[k].first; o < lines[k].first + lines[k].count; ++o)
          if (is_offer(history.kind()[o]))
            residuals.push_back(history.log_price()[o] - expected_[first + k]);
    items_[i] = learn::make_robust_reference(residuals);
    if (quantities.empty())
      continue;
    const auto middle = quantities.begin() + static_cast<std::ptrdiff_t>(quantities.size() / 2);
    std::nth_element(quantities.begin(), middle, quantities.end());
    for (std::size_t k = 0; k < lines.size(); ++k)
      quantity_ratio_[first + k] = lines[k].log_quantity - *middle;
  }
}

void price_context::learn_suppliers() {
  const auto& history = view_->history();
  supplier_position_.assign(history.suppliers().size(), 0);
  std::vector<float> weight(history.suppliers().size(), supplier_prior);
  for (std::size_t l = 0; l < history.lines().size(); ++l) {
    const auto& line = history.lines()[l];
    if (std::isnan(expected_[l]))
      continue;
    for (std::uint32_t o = line.first; o < line.first + line.count; ++o) {
      const std::uint32_t s = history.supplier()[o];
      if (s == learn::no_index || !is_offer(history.kind()[o]))
        continue;
      supplier_position_[s] += std::clamp(history.log_price()[o] - expected_[l], -1.5F, 1.5F);
      weight[s] += 1;
    }
  }
  for (std::size_t s = 0; s < weight.size(); ++s)
    supplier_position_[s] /= weight[s];
}

float price_context::event_money(std::uint32_t line) const {
  const auto event = view_->history().lines()[line].event;
  return event == learn::no_index || !(event_money_[event] > 0) ? unknown : std::log(event_money_[event]);
}

float price_context::event_share(std::uint32_t line) const {
  return expected_[line] + view_->history().lines()[line].log_quantity - event_money(line);
}

float price_context::bidders(std::uint32_t line) const {
  const auto event = view_->history().lines()[line].event;
  return event == learn::no_index || !(event_bidders_[event] > 0) ? unknown : std::log(event_bidders_[event]);
}

void price_context::features(std::uint32_t line, float log_price, std::uint32_t supplier, std::span<float> out) const {
  const auto& l = view_->history().lines()[line];
  const float residual = log_price - expected_[line];
  const auto set = [&](price_feature f, float value) { out[static_cast<std::size_t>(f)] = value; };
  set(price_feature::price_z,
      std::isnan(residual) ? unknown : static_cast<float>(learn::robust_z(residual, items_[l.item])));
  set(price_feature::price_ratio, residual);
  set(price_feature::other_bids, l.bids >= bids_for_a_middle ? log_price - l.median : unknown);
  set(price_feature::quantity, quantity_ratio_[line]);
  set(price_feature::event_share, event_share(line));
  set(price_feature::supplier_position, supplier == learn::no_index ? unknown : supplier_position_[supplier]);
  set(price_feature::bidders, bidders(line));
  set(price_feature::age, age_[line]);
}

} // namespace pricing::insight
