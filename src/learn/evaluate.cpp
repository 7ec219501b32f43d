#include "learn/evaluate.hpp"

#include "learn/training.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <tuple>
#include <unordered_map>

namespace pricing::learn {
namespace {

using clock = std::chrono::steady_clock;
constexpr std::size_t methods = 5; // ours, estimate, last price, trailing median, kernel median
constexpr float unknown = std::numeric_limits<float>::quiet_NaN();

double seconds_since(clock::time_point t) {
  return std::chrono::duration<double>(clock::now() - t).count();
}

std::int32_t day_of(std::chrono::sys_days d) {
  return static_cast<std::int32_t>(d.time_since_epoch().count());
}

double median_of(std::vector<float>& v) {
  if (v.empty()) {
    return std::nan("");
  }
  std::sort(v.begin(), v.end());
  return 0.5 * (static_cast<double>(v[(v.size() - 1) / 2]) + v[v.size() / 2]);
}

// What somebody without a model would say of a line: bids of the two years before, as they stand.
struct known_bids {
  std::size_t count = 0;
  float last = unknown;   // median of the newest line
  float median = unknown; // of all bids
};

known_bids look_back(const price_history& h, const price_line& line) {
  known_bids out;
  std::vector<float> bids;
  const auto lines = h.lines_of(line.item);
  auto at = std::lower_bound(lines.begin(), lines.end(), line.day,
                             [](const price_line& l, std::int32_t d) { return l.day < d; });
  while (at != lines.begin() && (--at)->day >= line.day - 730) {
    if (at->bids == 0) {
      continue;
    }
    out.last = std::isnan(out.last) ? at->median : out.last;
    for (std::uint32_t k = at->first; k < at->first + at->count; ++k) {
      if (h.kind()[k] != price_kind::estimate && h.kind()[k] != price_kind::list) {
        bids.push_back(h.log_price()[k]);
      }
    }
  }
  out.count = bids.size();
  out.median = bids.empty() ? unknown : static_cast<float>(median_of(bids));
  return out;
}

struct tally {
  std::array<std::vector<float>, methods> to_low, to_median;
  std::array<std::size_t, methods> within_20{};
  std::unordered_map<std::uint32_t, std::array<double, methods + 1>> totals; // of an event; the last is the winner's
  struct band_hit {
    float log_quantity;
    float hits;
    float bids;
  };
  std::vector<band_hit> bands;
  struct category_tally {
    std::vector<float> to_low;
    double hits = 0, bids = 0;
  };
  std::unordered_map<std::uint32_t, category_tally> categories; // of an item
  double bids = 0, hit_90 = 0, hit_50 = 0, width = 0, score = 0;

  void add(const price_line& l, std::uint32_t category, const std::array<float, methods>& p, float ours_for_low,
           float ours_for_total) {
    for (std::size_t m = 0; m < methods; ++m) {
      const float for_low = m == 0 ? ours_for_low : p[m];
      to_low[m].push_back(std::abs(std::expm1(for_low - l.winner)));
      to_median[m].push_back(std::abs(std::expm1(p[m] - l.median)));
      within_20[m] += to_low[m].back() <= 0.2F ? 1 : 0;
    }
    categories[category].to_low.push_back(to_low[0].back());
    if (l.event != no_index) {
      auto& t = totals[l.event];
      for (std::size_t m = 0; m < methods; ++m) {
        t[m] += std::exp(static_cast<double>(m == 0 ? ours_for_total : p[m]) + l.log_quantity);
      }
      t[methods] += std::exp(static_cast<double>(l.winner) + l.log_quantity);
    }
  }

  void add_intervals(const price_history& h, const price_line& l, std::uint32_t category, float expected,
                     const std::optional<detail::log_interval>& r90, const std::optional<detail::log_interval>& r50) {
    if (!r90 || !r50) {
      return;
    }
    band_hit b{l.log_quantity, 0, 0};
    for (std::uint32_t k = l.first; k < l.first + l.count; ++k) {
      if (h.kind()[k] == price_kind::estimate || h.kind()[k] == price_kind::list) {
        continue;
      }
      const double y = h.log_price()[k] - expected;
      const bool in = y >= r90->low && y <= r90->high;
      b.bids += 1;
      b.hits += in ? 1.0F : 0.0F;
      hit_50 += y >= r50->low && y <= r50->high ? 1 : 0;
      width += r90->high - r90->low;
      score += r90->high - r90->low + 20 * (std::max(r90->low - y, 0.0) + std::max(y - r90->high, 0.0));
    }
    bids += b.bids;
    hit_90 += b.hits;
    categories[category].bids += b.bids;
    categories[category].hits += b.hits;
    bands.push_back(b);
  }

  error_summary summary(std::size_t m) {
    error_summary s;
    s.within_20 = static_cast<double>(within_20[m]) / static_cast<double>(std::max<std::size_t>(to_low[m].size(), 1));
    s.to_low = median_of(to_low[m]);
    s.to_median = median_of(to_median[m]);
    std::size_t close = 0;
    for (const auto& [event, t] : totals) {
      close += std::abs(t[m] / t[methods] - 1) <= 0.1 ? 1 : 0;
    }
    s.totals_10 = static_cast<double>(close) / static_cast<double>(std::max<std::size_t>(totals.size(), 1));
    return s;
  }

  double worst_band() {
    std::sort(bands.begin(), bands.end(), [](auto& a, auto& b) { return a.log_quantity < b.log_quantity; });
    double worst = 1;
    for (std::size_t k = 0; k < 5; ++k) {
      double hits = 0;
      double all = 0;
      for (std::size_t i = bands.size() * k / 5; i < bands.size() * (k + 1) / 5; ++i) {
        hits += bands[i].hits;
        all += bands[i].bids;
      }
      worst = all > 0 ? std::min(worst, hits / all) : worst;
    }
    return worst;
  }
};

std::vector<category_report> largest_categories(const market_view& view, tally& t) {
  std::vector<category_report> out;
  for (auto& [category, found] : t.categories) {
    if (found.bids > 0) {
      out.push_back({view.category_name(category), found.to_low.size(), static_cast<std::size_t>(found.bids),
                     median_of(found.to_low), found.hits / found.bids});
    }
  }
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return std::tie(b.bids, a.category) < std::tie(a.bids, b.category); });
  out.resize(std::min<std::size_t>(out.size(), 10));
  return out;
}

std::int32_t months_later(std::int32_t day, int months) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
  auto later = date + std::chrono::months{months};
  if (!later.ok()) {
    later = later.year() / later.month() / std::chrono::last;
  }
  return day_of(later);
}

void judge_step(const market_view& view, const detail::training_rows& rows, const price_model& model,
                std::int32_t first_day, std::int32_t last_day, const evaluation_options& options, tally& t) {
  const price_history& h = view.history();
  const std::size_t first = rows.before(first_day);
  const std::size_t last = rows.before(last_day);
  if (first == last) {
    return;
  }
  const auto p = detail::predict_rows(model, view, rows, first, last);
  for (std::size_t i = first; i < last; ++i) {
    const price_line& l = h.lines()[rows.line[i]];
    if (options.need_estimate && std::isnan(l.estimate)) {
      continue;
    }
    const known_bids known = look_back(h, l);
    if (known.count < static_cast<std::size_t>(options.earlier_bids)) {
      continue;
    }
    const std::size_t k = i - first;
    // Where no estimate is asked for and none is there, the column repeats the trailing median.
    const float estimate = std::isnan(l.estimate) ? known.median : l.estimate;
    const std::uint32_t category = view.category_of(l.item);
    t.add(l, category, {p.expected[k], estimate, known.last, known.median, rows.base[i]}, p.low[k], p.total[k]);
    t.add_intervals(h, l, category, p.expected[k], detail::interval_of(model, p.band[k], p.log_scale[k], 0.9),
                    detail::interval_of(model, p.band[k], p.log_scale[k], 0.5));
  }
}

} // namespace

result<evaluation> evaluate(const market_view& view, const evaluation_options& options) {
  const std::int32_t from = day_of(options.from);
  const std::int32_t until = day_of(options.until);
  if (until <= from) {
    return invalid_input("the evaluation must end after it starts");
  }
  evaluation out;
  const auto start = clock::now();
  // A row holds only what was known before its own day, so that one collection serves every step.
  const auto rows = detail::collect(view, until, std::numeric_limits<std::size_t>::max(), options.training.threads);
  const double collecting_s = seconds_since(start);
  tally t;
  for (std::int32_t day = from; day < until;) {
    const std::int32_t next =
        options.retrain_months > 0 ? std::min(months_later(day, options.retrain_months), until) : until;
    train_options o = options.training;
    o.until = std::chrono::sys_days{std::chrono::days{day}};
    const auto training = clock::now();
    auto model = detail::train_on(view, rows, o);
    if (!model) {
      return model.error();
    }
    out.train_s = std::max(out.train_s, collecting_s + seconds_since(training));
    const auto predicting = clock::now();
    judge_step(view, rows, *model, day, next, options, t);
    out.predict_s += seconds_since(predicting);
    day = next;
  }
  out.lines = t.to_low[0].size();
  if (out.lines == 0) {
    return invalid_input("no line to evaluate: no line of this time has enough earlier bids");
  }
  out.events = t.totals.size();
  std::array<error_summary*, methods> to{&out.ours, &out.estimate, &out.last_price, &out.trailing_median,
                                         &out.kernel_median};
  for (std::size_t m = 0; m < methods; ++m) {
    *to[m] = t.summary(m);
  }
  if (t.bids > 0) {
    out.coverage_90 = t.hit_90 / t.bids;
    out.coverage_50 = t.hit_50 / t.bids;
    out.mean_width_90 = t.width / t.bids;
    out.interval_score_90 = t.score / t.bids;
    out.worst_band_90 = t.worst_band();
    out.categories = largest_categories(view, t);
  }
  return out;
}

bool beats_baselines(const evaluation& e) {
  const auto better = [&](const error_summary& b) {
    return e.ours.to_low < b.to_low && e.ours.to_median < b.to_median;
  };
  return e.lines > 0 && better(e.last_price) && better(e.trailing_median);
}

std::string to_table(const evaluation& e) {
  std::string out;
  char line[200];
  const auto put = [&](const char* name, double error_summary::*field, bool percent) {
    const double k = percent ? 100 : 1;
    const char* format = percent ? "%-34s %9.1f %9.1f %9.1f %9.1f %9.1f\n" : "%-34s %9.3f %9.3f %9.3f %9.3f %9.3f\n";
    std::snprintf(line, sizeof line, format, name, k * e.ours.*field, k * e.estimate.*field, k * e.last_price.*field,
                  k * e.trailing_median.*field, k * e.kernel_median.*field);
    out += line;
  };
  std::snprintf(line, sizeof line, "%zu lines, %zu events\n%-34s %9s %9s %9s %9s %9s\n", e.lines, e.events, "measure",
                "ours", "estimate", "last", "trailing", "kernel");
  out += line;
  put("MdAPE to the low bidder's price", &error_summary::to_low, false);
  put("MdAPE to the median of all bids", &error_summary::to_median, false);
  put("within 20 % of that price, %", &error_summary::within_20, true);
  put("event total within 10 %, %", &error_summary::totals_10, true);
  std::snprintf(line, sizeof line,
                "90 %% interval of single bids: coverage %.1f %%, worst quantity band %.1f %%, mean log width %.2f, "
                "score %.2f; 50 %%: %.1f %%\n",
                100 * e.coverage_90, 100 * e.worst_band_90, e.mean_width_90, e.interval_score_90, 100 * e.coverage_50);
  out += line;
  for (const category_report& c : e.categories) {
    std::snprintf(line, sizeof line,
                  "  coverage of 90 %% in %-24.24s %6.1f %% of %zu bids; MdAPE to low %.3f, %zu lines\n",
                  c.category.c_str(), 100 * c.coverage_90, c.bids, c.to_low, c.lines);
    out += line;
  }
  std::snprintf(line, sizeof line, "longest training %.1f s, predictions %.1f s\n", e.train_s, e.predict_s);
  return out + line;
}

} // namespace pricing::learn
