#include "insight/tested_prices.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace pricing::insight {
namespace {

// Lines of the days by event, the newest events first; lines outside of events each alone.
std::vector<std::vector<std::uint32_t>> newest_events(const price_context& context, std::int32_t from,
                                                      std::int32_t until) {
  const auto lines = context.view().history().lines();
  std::vector<std::uint32_t> order;
  for (std::uint32_t l = 0; l < lines.size(); ++l)
    if (lines[l].day >= from && lines[l].day < until && lines[l].bids > 0 && !std::isnan(context.expected(l)))
      order.push_back(l);
  std::ranges::stable_sort(order, [&](std::uint32_t a, std::uint32_t b) {
    return std::pair(lines[b].day, lines[a].event) < std::pair(lines[a].day, lines[b].event);
  });
  std::vector<std::vector<std::uint32_t>> out;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto& line = lines[order[i]];
    const bool joins = i > 0 && line.event != learn::no_index && line.event == lines[order[i - 1]].event &&
                       line.day == lines[order[i - 1]].day;
    if (!joins) {
      if (i >= tested_lines_max)
        break;
      out.emplace_back();
    }
    out.back().push_back(order[i]);
  }
  return out;
}

class tester {
 public:
  tester(const price_context& context, const learn::price_model& model) : context_(context), model_(model) {}

  void add(const std::vector<std::uint32_t>& event) {
    const auto& history = context_.view().history();
    const auto& first = history.lines()[event.front()];
    const learn::query_event asked{std::chrono::sys_days(std::chrono::days(first.day)),
                                   first.event == learn::no_index ? "" : history.events()[first.event].place};
    std::vector<learn::query_line> lines;
    for (const std::uint32_t l : event) {
      const auto& line = history.lines()[l];
      const auto& item = history.items()[line.item];
      lines.push_back({item.id, item.normalized_name, item.unit, std::exp(static_cast<double>(line.log_quantity))});
    }
    const bool explain = explained_ < explained_lines_max;
    const auto predicted = model_.predict(context_.view(), asked, lines, {.intervals = true, .reasons = explain});
    for (std::size_t i = 0; i < event.size(); ++i)
      add(event[i], predicted[i], explain);
  }
  tested_prices finish() {
    for (auto& r : out_.reasons)
      r /= std::max<double>(1, static_cast<double>(explained_));
    return std::move(out_);
  }

 private:
  void add(std::uint32_t l, const learn::prediction& p, bool explain) {
    if (p.source != learn::prediction_source::model || !(p.expected > 0) || !(p.low90 > 0))
      return;
    out_.lines += 1;
    if (explain) {
      explained_ += 1;
      for (std::size_t g = 0; g < learn::reason_groups; ++g)
        out_.reasons[g] += std::abs(p.reasons[g]);
    }
    const auto& history = context_.view().history();
    const auto& line = history.lines()[l];
    if (p.bids >= bids_to_judge) {
      const auto alone = static_cast<std::uint32_t>(history.events().size()) + l; // outside of events
      out_.judged.push_back({l,
                             {.event = line.event == learn::no_index ? alone : line.event,
                              .category = context_.view().category_of(line.item),
                              .residual = line.median - static_cast<float>(std::log(p.expected)),
                              .scale = static_cast<float>(std::exp(p.log_scale)),
                              .family = learn::item_family(history.items()[line.item].normalized_name)}});
    }
    for (std::uint32_t o = line.first; o < line.first + line.count; ++o) {
      if (!is_offer(history.kind()[o]))
        continue;
      tested_price t{l, history.log_price()[o], static_cast<float>(std::log(p.expected)),
                     std::numeric_limits<float>::quiet_NaN()};
      const double price = std::exp(static_cast<double>(t.log_price));
      t.inside_90 = price >= p.low90 && price <= p.high90;
      t.inside_50 = price >= p.low50 && price <= p.high50;
      if (const auto tail = model_.tail_probability(p, price))
        t.central = static_cast<float>(1 - 2 * std::min({tail->upper, tail->lower, 0.5}));
      out_.prices.push_back(t);
    }
  }

  const price_context& context_;
  const learn::price_model& model_;
  tested_prices out_;
  std::size_t explained_ = 0;
};

} // namespace

tested_prices test_prices(const price_context& context, const learn::price_model& model, std::int32_t from,
                          std::int32_t until) {
  tester out(context, model);
  for (const auto& event : newest_events(context, from, until))
    out.add(event);
  return out.finish();
}

} // namespace pricing::insight
