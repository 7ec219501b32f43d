#include "market/derive.hpp"

#include "economics/benchmark.hpp"
#include "economics/market_index.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <unordered_map>

namespace pricing::market {
namespace {

using learn::no_index;
using learn::price_history;
using learn::price_kind;
using learn::price_line;

constexpr double slope_weight = 20; // evidence of the whole behind a category's slope, and of it behind an item's
constexpr std::size_t sparkline_quarters = 12;
constexpr std::int32_t two_years = 731;
constexpr std::int32_t a_year = 365;

date date_of(std::int32_t day) {
  return date(std::chrono::days(day));
}
std::int32_t month_number(std::int32_t day) {
  const std::chrono::year_month_day on(date_of(day));
  return 12 * static_cast<int>(on.year()) + static_cast<int>(static_cast<unsigned>(on.month())) - 1;
}
date first_of_month(std::int32_t month) {
  return std::chrono::year(month / 12) / std::chrono::month(static_cast<unsigned>(month % 12) + 1) / 1;
}

bool is_bid(price_kind kind) {
  return kind != price_kind::estimate && kind != price_kind::list;
}

template <class T>
T median_of(std::vector<T>& values) {
  const std::size_t n = values.size();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(n / 2);
  std::nth_element(values.begin(), middle, values.end());
  const T upper = *middle;
  return n % 2 == 1 ? upper : (upper + *std::max_element(values.begin(), middle)) / 2;
}

// d log price / d log quantity: of each item, shrunk to its category's, which is shrunk to the whole's.
class slopes {
 public:
  explicit slopes(const price_history& h) : mean_quantity_(h.items().size()), category_(h.items().size()) {
    std::unordered_map<std::string_view, sums> by_category;
    std::vector<sums> by_item(h.items().size());
    sums whole;
    for (std::uint32_t i = 0; i < h.items().size(); ++i) {
      by_item[i] = within(h.lines_of(i), mean_quantity_[i]);
      by_category[h.items()[i].category].add(by_item[i]);
      whole.add(by_item[i]);
    }
    const double overall = whole.xx > 0 ? whole.xy / whole.xx : 0;
    for (std::uint32_t i = 0; i < h.items().size(); ++i) {
      category_[i] = by_category[h.items()[i].category].shrunk_to(overall);
      item_.push_back(by_item[i].shrunk_to(category_[i]));
    }
  }
  double of_category_of(std::uint32_t item) const { return category_[item]; }
  // The log price an item would have at its mean log quantity.
  double at_mean(const price_line& line, double log_price) const {
    return log_price - item_[line.item] * (line.log_quantity - mean_quantity_[line.item]);
  }

 private:
  struct sums {
    double xx = 0, xy = 0;
    void add(const sums& s) { xx += s.xx, xy += s.xy; }
    double shrunk_to(double prior) const { return (xy + slope_weight * prior) / (xx + slope_weight); }
  };
  // Around the item's means of each year, so that the market's drift is not taken for a discount.
  static sums within(std::span<const price_line> lines, double& mean_quantity) {
    sums out;
    double all = 0, count = 0;
    for (std::size_t i = 0; i < lines.size();) {
      const std::int32_t until = lines[i].day + 365;
      double n = 0, x = 0, y = 0;
      std::size_t j = i;
      for (; j < lines.size() && lines[j].day < until; ++j)
        if (lines[j].bids > 0)
          n += 1, x += lines[j].log_quantity, y += lines[j].median;
      for (std::size_t k = i; k < j; ++k)
        if (lines[k].bids > 0) {
          const double dx = lines[k].log_quantity - x / n;
          out.xx += dx * dx;
          out.xy += dx * (lines[k].median - y / n);
        }
      all += x, count += n;
      i = j;
    }
    mean_quantity = count > 0 ? all / count : 0;
    return out;
  }

  std::vector<double> mean_quantity_, category_, item_;
};

// First and last month that the index covers; empty when no month has enough items.
std::optional<std::pair<std::int32_t, std::int32_t>> covered_months(const price_history& h) {
  std::unordered_map<std::int32_t, std::int64_t> items; // of a month
  std::int32_t last = std::numeric_limits<std::int32_t>::min();
  std::uint32_t item = no_index;
  std::int32_t month = 0;
  for (const auto& line : h.lines()) { // by item, then day
    if (line.bids == 0)
      continue;
    const auto own = month_number(line.day);
    if (line.item != item || own != month)
      ++items[own];
    item = line.item, month = own;
    last = std::max(last, own);
  }
  std::optional<std::int32_t> first;
  for (const auto& [m, count] : items)
    if (count >= index_items_min && (!first || m < *first))
      first = m;
  if (!first)
    return std::nullopt;
  return std::pair(*first, last);
}

// What was bought of one item in one month, at its price adjusted to the item's usual quantity.
struct purchase {
  std::uint32_t period, item;
  double money, quantity;
};

// ln of Fisher's price index from one month to another over the items bought in both; nullopt with too few of them. An
// item whose price moved four times more or less than the middle one's is left out: a lump in disguise or a slip of the
// decimal point, and one with much money behind it would carry the whole month.
std::optional<double> log_fisher(std::span<const purchase> from, std::span<const purchase> to) {
  constexpr std::size_t items_min = 5;
  const double far = std::log(4.0);
  std::vector<std::pair<const purchase*, const purchase*>> common;
  std::vector<double> moved;
  for (auto a = from.begin(), b = to.begin(); a != from.end() && b != to.end();) {
    if (a->item != b->item) {
      ++(a->item < b->item ? a : b);
      continue;
    }
    common.emplace_back(&*a, &*b);
    moved.push_back(std::log(b->money / b->quantity * a->quantity / a->money));
    ++a, ++b;
  }
  if (common.size() < items_min)
    return std::nullopt;
  auto sorted = moved;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2), sorted.end());
  const double middle = sorted[sorted.size() / 2];
  double p0q0 = 0, p1q0 = 0, p0q1 = 0, p1q1 = 0;
  for (std::size_t i = 0; i < common.size(); ++i) {
    if (std::abs(moved[i] - middle) > far)
      continue;
    const auto& [a, b] = common[i];
    p0q0 += a->money, p1q1 += b->money;
    p1q0 += b->money / b->quantity * a->quantity;
    p0q1 += a->money / a->quantity * b->quantity;
  }
  return 0.5 * (std::log(p1q0 / p0q0) + std::log(p1q1 / p0q1));
}

// GEKS: the way from the first month to each one averaged over all months in between (Ivancic, Diewert and Fox 2011).
// A plain chain of months drifts far off, because prices of a month bounce back in the next. Base 100.
std::vector<double> own_levels(std::vector<purchase> bought, std::uint32_t periods) {
  std::sort(bought.begin(), bought.end(),
            [](auto& a, auto& b) { return std::pair(a.period, a.item) < std::pair(b.period, b.item); });
  std::vector<std::vector<purchase>> months(periods);
  for (const auto& b : bought) {
    auto& month = months[b.period];
    if (month.empty() || month.back().item != b.item)
      month.push_back({b.period, b.item, 0, 0});
    month.back().money += b.money;
    month.back().quantity += b.quantity;
  }
  std::vector<double> out(periods, 100);
  std::vector<std::optional<double>> from_first(periods);
  for (std::uint32_t l = 0; l < periods; ++l)
    from_first[l] = l == 0 ? 0 : log_fisher(months[0], months[l]);
  for (std::uint32_t t = 1; t < periods; ++t) {
    double sum = 0;
    int ways = 0;
    for (std::uint32_t l = 0; l < periods; ++l) {
      const auto rest = !from_first[l] ? std::nullopt : l == t ? std::optional(0.0) : log_fisher(months[l], months[t]);
      if (rest)
        sum += *from_first[l] + *rest, ++ways;
    }
    out[t] = ways > 0 ? 100 * std::exp(sum / ways) : out[t - 1];
  }
  return out;
}

} // namespace

double market_months::log_on(std::int32_t day) const {
  if (log_level.empty())
    return 0;
  const auto at = std::clamp(month_number(day) - first, 0, static_cast<std::int32_t>(log_level.size()) - 1);
  return log_level[static_cast<std::size_t>(at)];
}

market_months derive_index(const price_history& h, int bootstrap) {
  market_months out;
  const auto covered = covered_months(h);
  if (!covered)
    return out;
  out.first = covered->first;
  const auto periods = static_cast<std::uint32_t>(covered->second - covered->first + 1);
  const slopes slope(h);
  std::vector<economics::index_price> prices;
  std::vector<purchase> bought;
  for (const auto& line : h.lines()) {
    const auto month = line.bids == 0 ? -1 : month_number(line.day) - out.first;
    if (month < 0)
      continue;
    const auto period = static_cast<std::uint32_t>(month);
    const double quantity = std::exp(static_cast<double>(line.log_quantity));
    prices.push_back({line.item, period, slope.at_mean(line, line.median), std::exp(line.median) * quantity});
    bought.push_back({period, line.item, std::exp(slope.at_mean(line, line.winner)) * quantity, quantity});
  }
  const auto own = own_levels(std::move(bought), periods);
  const auto market = economics::market_index(prices, {.periods = periods, .bootstrap = bootstrap});
  double level = 0;
  for (std::uint32_t t = 0; t < periods; ++t) {
    const auto& p = market[t];
    if (p.matched_items >= index_items_min)
      level = std::log(p.value / 100);
    out.log_level.push_back(level);
    out.months.push_back(
        {first_of_month(out.first + static_cast<std::int32_t>(t)), p.value, p.lower, p.upper, p.matched_items, own[t]});
  }
  return out;
}

namespace {

class item_deriver {
 public:
  item_deriver(const price_history& h, const market_months& index, date as_of)
      : h_(h), index_(index), slope_(h), as_of_(static_cast<std::int32_t>(as_of.time_since_epoch().count())) {
    for (std::uint32_t item = 0; item < h.items().size(); ++item)
      for (const auto& line : h.lines_of(item))
        newest_ = std::max(newest_, line.day);
  }

  std::optional<item_benchmark_row> benchmark_of(std::uint32_t item) {
    prices_.clear();
    const auto lines = h_.lines_of(item);
    for (const auto& line : lines) {
      const double level = line.bids > 0 ? index_.log_on(line.day) : 0;
      for (std::uint32_t o = line.first; o < line.first + line.count; ++o)
        if (is_bid(h_.kind()[o]))
          prices_.push_back({line.day, h_.log_price()[o], line.log_quantity, level});
    }
    if (prices_.empty())
      return std::nullopt;
    const economics::benchmark_request request{.as_of = as_of_,
                                               .log_quantity = reference_quantity(lines),
                                               .log_index = index_.log_on(as_of_),
                                               .category_slope = slope_.of_category_of(item)};
    const auto b = economics::make_benchmark(prices_, request);
    if (!b)
      return std::nullopt;
    return item_benchmark_row{h_.items()[item].id.value,
                              date_of(as_of_),
                              std::exp(request.log_quantity),
                              b->slope,
                              b->q05,
                              b->q25,
                              b->median,
                              b->q75,
                              b->q95,
                              b->effective_n,
                              date_of(b->newest_day),
                              b->prices};
  }

  // The benchmark gives the usual quantity and the slope by which every line's median is brought to it.
  std::optional<item_change> change_of(std::uint32_t item, const item_benchmark_row& benchmark) {
    std::vector<double>& newer = levels_[0];
    std::vector<double>& older = levels_[1];
    newer.clear(), older.clear();
    std::int64_t bids = 0;
    for (const auto& line : h_.lines_of(item)) {
      const std::int32_t age = newest_ - line.day;
      if (line.bids == 0 || age >= 2 * a_year)
        continue;
      const double extra_quantity = line.log_quantity - std::log(benchmark.reference_quantity);
      (age < a_year ? newer : older).push_back(line.median - benchmark.slope * extra_quantity);
      bids += age < a_year ? line.bids : 0;
    }
    if (newer.size() < change_lines_min || older.size() < change_lines_min)
      return std::nullopt;
    return item_change{h_.items()[item].id, std::exp(median_of(older)), std::exp(median_of(newer)), bids};
  }

  item_sparkline sparkline_of(std::uint32_t item) {
    item_sparkline out{h_.items()[item].id, {}};
    const auto lines = h_.lines_of(item);
    for (std::size_t end = lines.size(); end > 0 && out.medians.size() < sparkline_quarters;) {
      quarter_.clear();
      const auto quarter = month_number(lines[end - 1].day) / 3;
      for (; end > 0 && month_number(lines[end - 1].day) / 3 == quarter; --end) {
        const auto& line = lines[end - 1];
        for (std::uint32_t o = line.first; o < line.first + line.count; ++o)
          if (is_bid(h_.kind()[o]))
            quarter_.push_back(std::exp(h_.log_price()[o]));
      }
      if (!quarter_.empty())
        out.medians.push_back(median_of(quarter_));
    }
    std::reverse(out.medians.begin(), out.medians.end());
    return out;
  }

 private:
  double reference_quantity(std::span<const price_line> lines) {
    quantities_.clear();
    for (const auto& line : lines)
      if (line.bids > 0 && line.day < as_of_ && line.day >= as_of_ - two_years)
        quantities_.push_back(line.log_quantity);
    if (quantities_.empty())
      for (const auto& line : lines)
        if (line.bids > 0)
          quantities_.push_back(line.log_quantity);
    return median_of(quantities_);
  }

  const price_history& h_;
  const market_months& index_;
  const slopes slope_;
  const std::int32_t as_of_;
  std::int32_t newest_ = std::numeric_limits<std::int32_t>::min();
  std::vector<economics::benchmark_price> prices_;
  std::array<std::vector<double>, 2> levels_;
  std::vector<double> quantities_;
  std::vector<float> quarter_;
};

} // namespace

derived_items derive_items(const price_history& h, const market_months& index, date as_of) {
  item_deriver derive(h, index, as_of);
  derived_items out;
  for (std::uint32_t item = 0; item < h.items().size(); ++item) {
    if (h.lines_of(item).empty())
      continue;
    if (auto row = derive.benchmark_of(item)) {
      if (auto change = derive.change_of(item, *row))
        out.changes.push_back(*change);
      out.benchmarks.push_back(*row);
    }
    auto line = derive.sparkline_of(item);
    if (!line.medians.empty())
      out.sparklines.push_back(std::move(line));
  }
  return out;
}

namespace {

struct mean_of {
  double sum = 0, squares = 0;
  std::int64_t n = 0;
  void add(double v) { sum += v, squares += v * v, ++n; }
  std::optional<double> mean() const { return n > 0 ? std::optional(sum / static_cast<double>(n)) : std::nullopt; }
  std::optional<double> deviation() const {
    if (n < 2)
      return std::nullopt;
    const auto count = static_cast<double>(n);
    return std::sqrt(std::max(0.0, (squares - sum * sum / count) / (count - 1)));
  }
};

class supplier_deriver {
 public:
  supplier_deriver(const price_history& h, const market_months& index,
                   const std::vector<item_benchmark_row>& benchmarks)
      : h_(h), index_(index), all_(h.suppliers().size()) {
    for (const auto& b : benchmarks)
      benchmark_of_[b.item_id] = &b;
  }

  derived_suppliers run() {
    for (std::uint32_t item = 0; item < h_.items().size(); ++item)
      take_item(item);
    count_events();
    for (std::uint32_t s = 0; s < all_.size(); ++s)
      if (all_[s].bids > 0)
        out_.suppliers.push_back({h_.suppliers()[s], all_[s].bids, all_[s].events, all_[s].wins,
                                  all_[s].position.mean(), all_[s].position.deviation(), date_of(all_[s].last_day)});
    return std::move(out_);
  }

 private:
  struct totals {
    std::int64_t bids = 0, events = 0, wins = 0;
    mean_of position;
    std::int32_t last_day = 0;
  };
  struct in_item {
    std::uint32_t supplier;
    float log_price;
    double position; // NaN when nothing compares
    std::int32_t day;
  };
  struct in_event {
    std::uint32_t event, supplier;
    std::uint32_t lines = 0;
    bool first = false; // ranked 1
    bool ranked = false;
    double total = 0;
  };

  void take_item(std::uint32_t item) {
    seen_.clear();
    const auto found = benchmark_of_.find(h_.items()[item].id.value);
    const auto* benchmark = found == benchmark_of_.end() ? nullptr : found->second;
    for (const auto& line : h_.lines_of(item))
      take_line(line, benchmark);
    std::sort(seen_.begin(), seen_.end(), [](auto& a, auto& b) { return a.supplier < b.supplier; });
    for (std::size_t i = 0; i < seen_.size();) {
      mean_of position;
      float low = seen_[i].log_price, high = low;
      std::int32_t last = seen_[i].day;
      std::size_t j = i;
      for (; j < seen_.size() && seen_[j].supplier == seen_[i].supplier; ++j) {
        if (!std::isnan(seen_[j].position))
          position.add(seen_[j].position);
        low = std::min(low, seen_[j].log_price), high = std::max(high, seen_[j].log_price);
        last = std::max(last, seen_[j].day);
      }
      if (const auto mean = position.mean())
        out_.items.push_back({h_.items()[item].id, h_.suppliers()[seen_[i].supplier], static_cast<std::int64_t>(j - i),
                              *mean, std::exp(low), std::exp(high), date_of(last)});
      i = j;
    }
  }

  void take_line(const price_line& line, const item_benchmark_row* benchmark) {
    for (std::uint32_t o = line.first; o < line.first + line.count; ++o) {
      const auto supplier = h_.supplier()[o];
      if (!is_bid(h_.kind()[o]) || supplier == no_index)
        continue;
      double position = std::numeric_limits<double>::quiet_NaN();
      if (line.bids > 1)
        position = h_.log_price()[o] - line.median;
      else if (benchmark)
        position = h_.log_price()[o] - log_fair(line, *benchmark);
      seen_.push_back({supplier, h_.log_price()[o], position, line.day});
      auto& own = all_[supplier];
      ++own.bids;
      own.last_day = std::max(own.last_day, line.day);
      if (!std::isnan(position))
        own.position.add(position);
      if (line.event != no_index)
        take_event_bid(line, o, supplier);
    }
  }
  double log_fair(const price_line& line, const item_benchmark_row& b) const {
    const auto as_of = static_cast<std::int32_t>(b.as_of.time_since_epoch().count());
    return b.q50 + b.slope * (line.log_quantity - std::log(b.reference_quantity)) + index_.log_on(line.day) -
           index_.log_on(as_of);
  }

  void take_event_bid(const price_line& line, std::uint32_t o, std::uint32_t supplier) {
    const auto key = static_cast<std::uint64_t>(line.event) << 32 | supplier;
    auto& bid = event_bids_.try_emplace(key, in_event{line.event, supplier}).first->second;
    ++bid.lines;
    bid.first = bid.first || h_.rank()[o] == 1;
    bid.ranked = bid.ranked || h_.rank()[o] > 0;
    bid.total += std::exp(static_cast<double>(h_.log_price()[o]) + line.log_quantity);
  }

  void count_events() {
    std::vector<in_event> bids;
    bids.reserve(event_bids_.size());
    for (const auto& [_, bid] : event_bids_)
      bids.push_back(bid);
    event_bids_.clear();
    // The winner of each event comes first: ranked 1, else the lowest total of those with the most lines.
    std::sort(bids.begin(), bids.end(), [](const in_event& a, const in_event& b) {
      return std::tuple(a.event, !a.first, !a.ranked, ~a.lines, a.total, a.supplier) <
             std::tuple(b.event, !b.first, !b.ranked, ~b.lines, b.total, b.supplier);
    });
    for (std::size_t i = 0; i < bids.size(); ++i) {
      const auto& bid = bids[i];
      const bool leads = i == 0 || bids[i - 1].event != bid.event;
      // With ranks but none of them 1, the winner is not among those we know.
      const bool won = bid.first || (leads && !bid.ranked);
      ++all_[bid.supplier].events;
      all_[bid.supplier].wins += won;
    }
  }

  const price_history& h_;
  const market_months& index_;
  std::vector<totals> all_; // by dense supplier
  std::unordered_map<std::int64_t, const item_benchmark_row*> benchmark_of_;
  std::vector<in_item> seen_;
  std::unordered_map<std::uint64_t, in_event> event_bids_;
  derived_suppliers out_;
};

} // namespace

derived_suppliers derive_suppliers(const price_history& h, const market_months& index,
                                   const std::vector<item_benchmark_row>& benchmarks) {
  return supplier_deriver(h, index, benchmarks).run();
}

} // namespace pricing::market
