#include "economics/market_index.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace pricing::economics {
namespace {

// All prices of one item in one period, as one.
struct cell {
  std::uint32_t item;
  std::uint32_t period;
  double log_price;
  double weight;
};

std::vector<cell> gather(std::span<const index_price> prices, std::uint32_t periods) {
  std::vector<cell> cells;
  cells.reserve(prices.size());
  for (const auto& p : prices) {
    if (p.expenditure > 0 && p.period < periods && std::isfinite(p.log_price)) {
      cells.push_back({p.item, p.period, p.log_price, p.expenditure});
    }
  }
  std::sort(cells.begin(), cells.end(),
            [](const cell& a, const cell& b) { return std::pair(a.item, a.period) < std::pair(b.item, b.period); });
  std::size_t n = 0;
  for (std::size_t i = 0; i < cells.size();) {
    cell sum{cells[i].item, cells[i].period, 0, 0};
    for (; i < cells.size() && cells[i].item == sum.item && cells[i].period == sum.period; ++i) {
      sum.log_price += cells[i].weight * cells[i].log_price;
      sum.weight += cells[i].weight;
    }
    sum.log_price /= sum.weight;
    cells[n++] = sum;
  }
  cells.resize(n);
  return cells;
}

// Expenditure shares of each period, capped, so that every period counts alike and no line is the market.
void to_shares(std::vector<cell>& cells, std::uint32_t periods, double most) {
  std::vector<double> total(periods, 0.0);
  std::vector<double> count(periods, 0.0);
  for (const cell& c : cells) {
    total[c.period] += c.weight;
    count[c.period] += 1;
  }
  for (cell& c : cells) {
    // With few items a cap below their even share would wipe out the weights altogether.
    c.weight = std::min(c.weight / total[c.period], std::max(most, 2.0 / count[c.period]));
  }
}

// Weighted least squares of ln p = α_i + δ_t by turns; items are contiguous in `cells`, repeats of an item in `times`.
std::vector<double> solve(const std::vector<cell>& cells, const std::vector<std::size_t>& starts,
                          const std::vector<double>& times, std::uint32_t periods) {
  std::vector<double> delta(periods, 0.0);
  std::vector<double> top(periods), bottom(periods);
  for (int round = 0; round < 200; ++round) {
    std::fill(top.begin(), top.end(), 0.0);
    std::fill(bottom.begin(), bottom.end(), 0.0);
    for (std::size_t k = 0; k + 1 < starts.size(); ++k) {
      if (times[k] == 0 || starts[k + 1] - starts[k] < 2) {
        continue;
      }
      double level = 0, weight = 0;
      for (std::size_t i = starts[k]; i < starts[k + 1]; ++i) {
        level += cells[i].weight * (cells[i].log_price - delta[cells[i].period]);
        weight += cells[i].weight;
      }
      level /= weight;
      for (std::size_t i = starts[k]; i < starts[k + 1]; ++i) {
        top[cells[i].period] += times[k] * cells[i].weight * (cells[i].log_price - level);
        bottom[cells[i].period] += times[k] * cells[i].weight;
      }
    }
    double moved = 0;
    for (std::uint32_t t = 0; t < periods; ++t) {
      if (bottom[t] > 0) {
        moved = std::max(moved, std::abs(top[t] / bottom[t] - delta[t]));
        delta[t] = top[t] / bottom[t];
      }
    }
    if (moved < 1e-8) {
      break;
    }
  }
  for (std::uint32_t t = 0; t < periods; ++t) {
    if (bottom[t] == 0) {
      delta[t] = t == 0 ? 0 : delta[t - 1];
    }
  }
  const double base = delta.empty() ? 0 : delta[0];
  for (double& d : delta) {
    d -= base;
  }
  return delta;
}

} // namespace

std::vector<index_point> market_index(std::span<const index_price> prices, const index_options& o) {
  std::vector<index_point> out(o.periods);
  auto cells = gather(prices, o.periods);
  std::vector<double> spend(o.periods, 0.0);
  for (const cell& c : cells) {
    spend[c.period] += c.weight;
  }
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i == 0 || cells[i].item != cells[i - 1].item) {
      starts.push_back(i);
    }
  }
  starts.push_back(cells.size());
  for (std::size_t k = 0; k + 1 < starts.size(); ++k) {
    for (std::size_t i = starts[k]; i < starts[k + 1] && starts[k + 1] - starts[k] > 1; ++i) {
      out[cells[i].period].matched_items += 1;
      out[cells[i].period].matched_share += cells[i].weight / spend[cells[i].period];
    }
  }
  to_shares(cells, o.periods, o.weight_share_max);
  const std::size_t items = starts.size() - 1;
  const auto delta = solve(cells, starts, std::vector<double>(items, 1.0), o.periods);
  std::vector<std::vector<double>> draws(o.periods);
  std::mt19937_64 random(o.seed);
  for (int b = 0; b < o.bootstrap && items > 0; ++b) {
    std::vector<double> times(items, 0.0);
    for (std::size_t k = 0; k < items; ++k) {
      times[random() % items] += 1;
    }
    const auto d = solve(cells, starts, times, o.periods);
    for (std::uint32_t t = 0; t < o.periods; ++t) {
      draws[t].push_back(d[t]);
    }
  }
  for (std::uint32_t t = 0; t < o.periods; ++t) {
    out[t].value = out[t].lower = out[t].upper = 100 * std::exp(delta[t]);
    if (auto& d = draws[t]; !d.empty()) {
      std::sort(d.begin(), d.end());
      out[t].lower = std::min(out[t].value, 100 * std::exp(d[d.size() / 20]));
      out[t].upper = std::max(out[t].value, 100 * std::exp(d[d.size() - 1 - d.size() / 20]));
    }
  }
  return out;
}

std::vector<double> own_index(std::span<const basket_line> lines, std::uint32_t periods) {
  struct bought {
    std::uint32_t period, item;
    double money, quantity;
  };
  std::vector<bought> all;
  for (const auto& l : lines) {
    if (l.period < periods && l.price > 0 && l.quantity > 0) {
      all.push_back({l.period, l.item, l.price * l.quantity, l.quantity});
    }
  }
  std::sort(all.begin(), all.end(),
            [](const bought& a, const bought& b) { return std::pair(a.period, a.item) < std::pair(b.period, b.item); });
  std::size_t n = 0;
  for (std::size_t i = 0; i < all.size();) {
    bought sum{all[i].period, all[i].item, 0, 0};
    for (; i < all.size() && all[i].period == sum.period && all[i].item == sum.item; ++i) {
      sum.money += all[i].money;
      sum.quantity += all[i].quantity;
    }
    all[n++] = sum;
  }
  all.resize(n);
  std::vector<double> out(periods, 100.0);
  const auto of = [&](std::uint32_t t) {
    return std::equal_range(all.begin(), all.end(), bought{t, 0, 0, 0},
                            [](const bought& a, const bought& b) { return a.period < b.period; });
  };
  for (std::uint32_t t = 1; t < periods; ++t) {
    auto [a, a_end] = of(t - 1);
    auto [b, b_end] = of(t);
    double p0q0 = 0, p1q0 = 0, p0q1 = 0, p1q1 = 0;
    while (a != a_end && b != b_end) {
      if (a->item < b->item) {
        ++a;
      } else if (b->item < a->item) {
        ++b;
      } else {
        p0q0 += a->money;
        p1q1 += b->money;
        p1q0 += b->money / b->quantity * a->quantity;
        p0q1 += a->money / a->quantity * b->quantity;
        ++a;
        ++b;
      }
    }
    out[t] = out[t - 1] * (p0q0 > 0 && p0q1 > 0 ? std::sqrt(p1q0 / p0q0 * p1q1 / p0q1) : 1.0);
  }
  return out;
}

} // namespace pricing::economics
