#include "economics/unbalanced.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace pricing::economics {
namespace {

bool judged(const bid_line& l) {
  return l.expected > 0 && l.quantity > 0 && l.price > 0;
}

// The bidder's own level: money-weighted median of log(price/expected).
double level_of(std::span<const bid_line> bid) {
  std::vector<std::pair<double, double>> ratios;
  double total = 0;
  for (const bid_line& l : bid) {
    if (judged(l)) {
      ratios.push_back({std::log(l.price / l.expected), l.expected * l.quantity});
      total += ratios.back().second;
    }
  }
  std::sort(ratios.begin(), ratios.end());
  double sum = 0;
  for (const auto& [ratio, money] : ratios) {
    sum += money;
    if (sum >= 0.5 * total) {
      return ratio;
    }
  }
  return 0;
}

} // namespace

unbalanced_report examine(std::span<const bid_line> bid, const unbalanced_options& o) {
  unbalanced_report out;
  out.log_level = level_of(bid);
  const double level = std::exp(out.log_level);
  for (const bid_line& l : bid) {
    out.total += l.price * l.quantity;
  }
  double moved = 0;
  for (std::size_t i = 0; i < bid.size(); ++i) {
    const bid_line& l = bid[i];
    if (!judged(l)) {
      continue;
    }
    const double ratio = l.price / (level * l.expected);
    const double money = (l.price - level * l.expected) * l.quantity;
    moved += std::abs(money);
    const double z = std::log(ratio) / std::max(l.log_scale, 1e-3);
    if (std::abs(z) >= o.z && std::abs(money) >= o.money_share_min * out.total) {
      out.flags.push_back({i, ratio, money, ratio > 1});
    }
  }
  out.score = out.total > 0 ? moved / out.total : 0;
  std::stable_sort(out.flags.begin(), out.flags.end(),
                   [](const line_flag& a, const line_flag& b) { return std::abs(a.money) > std::abs(b.money); });
  return out;
}

std::vector<unbalanced_report> examine_all(std::span<const std::vector<bid_line>> bids, const unbalanced_options& o) {
  std::vector<unbalanced_report> out;
  for (const auto& bid : bids) {
    out.push_back(examine(bid, o));
  }
  if (bids.size() < 2) {
    return out;
  }
  std::vector<std::size_t> order(bids.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return out[a].total < out[b].total; });
  const auto& lowest = bids[order[0]];
  const auto& second = bids[order[1]];
  const double lead = out[order[1]].total - out[order[0]].total;
  // Each flagged line on its own, both ways: does the second become the cheaper one?
  unbalanced_report& report = out[order[0]];
  for (const line_flag& f : report.flags) {
    if (f.line >= second.size()) {
      continue;
    }
    const double change = (second[f.line].price - lowest[f.line].price) * lowest[f.line].quantity * o.quantity_change;
    if (lead - std::abs(change) < 0) {
      report.reversal_lines.push_back(f.line);
    }
  }
  report.rank_reversal = !report.reversal_lines.empty();
  return out;
}

} // namespace pricing::economics
