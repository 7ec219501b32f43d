#include "learn/market_view.hpp"

#include "learn/view_data.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

namespace pricing::learn {
namespace detail {
namespace {

constexpr float unknown = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t lines_looked_at = 400;

std::uint32_t intern(std::unordered_map<std::string, std::uint32_t>& table, std::string_view text) {
  return table.try_emplace(std::string(text), static_cast<std::uint32_t>(table.size())).first->second;
}

void describe_items(view_data& v) {
  const price_history& h = *v.history;
  const std::size_t n = h.items().size();
  v.unit_of.resize(n);
  v.category_of.resize(n);
  v.tokens_of.resize(n);
  v.first_day.assign(n, std::numeric_limits<std::int32_t>::max());
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < n; ++i) {
    const item_row& item = h.items()[i];
    const auto texts = words(item.normalized_name);
    v.unit_of[i] = intern(v.units, item.unit);
    // Without a category the leading word groups well enough: "pipe", "hma", "sign".
    v.category_of[i] = intern(v.categories, !item.category.empty() ? std::string_view(item.category)
                                            : texts.empty()        ? std::string_view()
                                                                   : texts.front());
    for (const auto t : texts) {
      v.tokens_of[i].push_back(intern(v.tokens, t));
    }
    std::sort(v.tokens_of[i].begin(), v.tokens_of[i].end());
    v.tokens_of[i].erase(std::unique(v.tokens_of[i].begin(), v.tokens_of[i].end()), v.tokens_of[i].end());
    if (const auto lines = h.lines_of(i); !lines.empty()) {
      v.first_day[i] = lines.front().day;
      order.push_back(i);
    }
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return v.first_day[a] < v.first_day[b]; });
  v.items_with.resize(v.tokens.size());
  for (const std::uint32_t i : order) {
    v.first_days.push_back(v.first_day[i]);
    for (const std::uint32_t t : v.tokens_of[i]) {
      v.items_with[t].push_back(i);
    }
  }
}

// Lines of one day, benchmarked with what was known before; then the day becomes known.
class causal_pass {
 public:
  explicit causal_pass(view_data& v) : v_(v) {}

  void day(std::int32_t day, std::span<const std::uint32_t> lines) {
    const auto all = v_.history->lines();
    const float before = v_.days.empty() ? 0.0F : v_.index_after.back();
    for (const std::uint32_t l : lines) {
      v_.benchmark[l] = kernel_median(v_, all[l].item, day, all[l].log_quantity).benchmark;
      join_event(l);
    }
    for (const std::uint32_t e : touched_) {
      finish_event(e);
    }
    const float moved = mean_residual(lines);
    v_.days.push_back(day);
    v_.index_after.push_back(before + moved);
    for (const std::uint32_t l : lines) {
      v_.index_of_line[l] = before + moved;
      learn_levels(l);
    }
    touched_.clear();
  }

 private:
  void join_event(std::uint32_t l) {
    const price_line& line = v_.history->lines()[l];
    if (line.event == no_index) {
      return;
    }
    event_state& e = v_.events[line.event];
    if (e.lines == 0) {
      e.day = line.day;
      touched_.push_back(line.event);
    }
    e.lines += 1;
    e.bidders = std::max(e.bidders, static_cast<float>(line.bids));
    if (!std::isnan(v_.benchmark[l])) {
      const float money = std::exp(v_.benchmark[l] + line.log_quantity);
      e.log_total += money;
      e.mix[stable_hash(v_.history->items()[line.item].normalized_name.substr(0, 4)) % mix_size] += money;
      if (line.bids > 0) {
        e.residual_median += std::clamp(line.median - v_.benchmark[l], -1.5F, 1.5F);
        e.residual_low += std::clamp(line.low - v_.benchmark[l], -1.5F, 1.5F);
        e.residual_weight += 1;
      }
    }
  }

  void finish_event(std::uint32_t index) {
    event_state& e = v_.events[index];
    for (float& share : e.mix) {
      share /= std::max(e.log_total, 1e-6F);
    }
    e.log_total = std::log(std::max(e.log_total, 1.0F));
    v_.events_by_day.push_back(index);
  }

  // Step of the index: the day's trimmed mean residual, believed the more the more lines there are.
  float mean_residual(std::span<const std::uint32_t> lines) {
    residuals_.clear();
    for (const std::uint32_t l : lines) {
      const price_line& line = v_.history->lines()[l];
      if (line.bids > 0 && !std::isnan(v_.benchmark[l])) {
        residuals_.push_back(line.median - v_.benchmark[l]);
      }
    }
    if (residuals_.empty()) {
      return 0;
    }
    std::sort(residuals_.begin(), residuals_.end());
    const std::size_t cut = residuals_.size() / 5;
    const auto first = residuals_.begin() + static_cast<std::ptrdiff_t>(cut);
    const auto last = residuals_.end() - static_cast<std::ptrdiff_t>(cut);
    const auto n = static_cast<float>(last - first);
    return std::accumulate(first, last, 0.0F) / n * 0.35F * n / (n + 200.0F);
  }

  void learn_levels(std::uint32_t l) {
    const price_line& line = v_.history->lines()[l];
    if (line.bids == 0 || std::isnan(v_.benchmark[l])) {
      return;
    }
    const float median = std::clamp(line.median - v_.benchmark[l], -1.5F, 1.5F);
    const float low = std::clamp(line.low - v_.benchmark[l], -1.5F, 1.5F);
    const auto teach = [&](level_track& t, float decay) { t.add(line.day, median, low, 1, decay); };
    teach(v_.overall, 60);
    teach(v_.by_category[v_.category_of[line.item]], 120);
    teach(v_.by_unit[v_.unit_of[line.item]], 120);
    teach(v_.by_item[line.item], 500);
    for (const std::uint32_t t : v_.tokens_of[line.item]) {
      teach(v_.by_token[t], 250);
    }
    if (line.event != no_index) {
      const event_state& e = v_.events[line.event];
      if (e.place != no_index) {
        teach(v_.by_place[e.place], 300);
      }
      teach(v_.by_size[static_cast<std::size_t>(std::clamp(e.log_total, 0.0F, 23.0F))], 200);
    }
  }

  view_data& v_;
  std::vector<std::uint32_t> touched_;
  std::vector<float> residuals_;
};

void run_through_time(view_data& v) {
  const auto lines = v.history->lines();
  v.benchmark.assign(lines.size(), unknown);
  v.index_of_line.assign(lines.size(), 0);
  v.events.resize(v.history->events().size());
  for (std::size_t e = 0; e < v.events.size(); ++e) {
    if (const std::string& place = v.history->events()[e].place; !place.empty()) {
      v.events[e].place = intern(v.places, place);
    }
  }
  v.by_category.resize(v.categories.size());
  v.by_place.resize(v.places.size());
  v.by_token.resize(v.tokens.size());
  v.by_item.resize(v.history->items().size());
  v.by_unit.resize(v.units.size());
  v.by_size.resize(24);
  std::vector<std::uint32_t> order(lines.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return lines[a].day < lines[b].day; });
  causal_pass pass(v);
  for (std::size_t i = 0; i < order.size();) {
    std::size_t j = i;
    while (j < order.size() && lines[order[j]].day == lines[order[i]].day) {
      ++j;
    }
    pass.day(lines[order[i]].day, std::span(order).subspan(i, j - i));
    i = j;
  }
}

} // namespace

void level_track::add(std::int32_t day, float median, float low, float weight, float decay_days) {
  if (steps_.empty()) {
    steps_.push_back({day, 0, 0, 0});
  } else if (steps_.back().day != day) {
    step next = steps_.back();
    const float keep = std::exp(-static_cast<float>(day - next.day) / decay_days);
    steps_.push_back({day, next.median * keep, next.low * keep, next.weight * keep});
  }
  step& s = steps_.back();
  s.median += weight * median;
  s.low += weight * low;
  s.weight += weight;
}

level_track::level level_track::before(std::int32_t day, float prior) const {
  const auto at =
      std::lower_bound(steps_.begin(), steps_.end(), day, [](const step& s, std::int32_t d) { return s.day < d; });
  if (at == steps_.begin()) {
    return {};
  }
  const step& s = *(at - 1);
  return {s.median / (s.weight + prior), s.low / (s.weight + prior), s.weight};
}

float view_data::index_before(std::int32_t day) const {
  const auto at = std::lower_bound(days.begin(), days.end(), day) - days.begin();
  return at == 0 ? 0.0F : index_after[static_cast<std::size_t>(at - 1)];
}

std::uint32_t stable_hash(std::string_view text) {
  std::uint32_t h = 2166136261U;
  for (const char c : text) {
    h = (h ^ static_cast<unsigned char>(c)) * 16777619U;
  }
  return h;
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = std::min(text.find(' ', i), text.size());
    if (end > i) {
      out.push_back(text.substr(i, end - i));
    }
    i = end + 1;
  }
  return out;
}

usual kernel_median(const view_data& v, std::uint32_t item, std::int32_t day, float log_quantity) {
  const auto lines = v.history->lines_of(item);
  const auto end =
      std::lower_bound(lines.begin(), lines.end(), day, [](const price_line& l, std::int32_t d) { return l.day < d; });
  const std::size_t known = static_cast<std::size_t>(end - lines.begin());
  const std::size_t first = known - std::min(known, lines_looked_at);
  const std::size_t offset = static_cast<std::size_t>(lines.data() - v.history->lines().data());
  std::array<std::pair<float, float>, lines_looked_at> values;
  std::size_t n = 0;
  float total = 0;
  for (std::size_t i = first; i < known; ++i) {
    if (lines[i].bids == 0) {
      continue;
    }
    const float age = static_cast<float>(day - lines[i].day);
    const float dq = (lines[i].log_quantity - log_quantity) / 0.8F;
    // The floor keeps a far quantity usable when there is nothing nearer.
    const float w = std::exp(std::max(-age / 300.0F - 0.5F * dq * dq, -40.0F)) * static_cast<float>(lines[i].bids);
    values[n++] = {lines[i].median - v.index_of_line[offset + i], w};
    total += w;
  }
  if (n == 0) {
    return {unknown, 0};
  }
  std::sort(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(n));
  float sum = 0;
  std::size_t i = 0;
  while (i + 1 < n && sum + values[i].second < 0.5F * total) {
    sum += values[i++].second;
  }
  return {values[i].first + v.index_before(day), total};
}

nearest nearest_items(const view_data& v, std::span<const std::uint32_t> tokens, std::uint32_t unit,
                      std::uint32_t itself, std::int32_t day, float log_quantity) {
  struct posting {
    std::size_t known;
    std::uint32_t token;
  };
  std::vector<posting> postings;
  for (const std::uint32_t t : tokens) {
    const auto& items = v.items_with[t];
    const auto end = std::lower_bound(items.begin(), items.end(), day,
                                      [&](std::uint32_t i, std::int32_t d) { return v.first_day[i] < d; });
    postings.push_back({static_cast<std::size_t>(end - items.begin()), t});
  }
  std::sort(postings.begin(), postings.end(),
            [](const posting& a, const posting& b) { return std::tie(a.known, a.token) < std::tie(b.known, b.token); });
  const auto items_known =
      static_cast<float>(std::lower_bound(v.first_days.begin(), v.first_days.end(), day) - v.first_days.begin());
  std::unordered_map<std::uint32_t, float> shared;
  float own = 0;
  std::size_t looked_at = 0;
  for (const posting& p : postings) {
    const float idf = std::log(1.0F + items_known / (1.0F + static_cast<float>(p.known)));
    own += idf;
    if (looked_at > 3'000) {
      continue;
    }
    for (std::size_t k = 0; k < p.known; ++k) {
      const std::uint32_t i = v.items_with[p.token][k];
      if (i != itself && v.unit_of[i] == unit) {
        shared[i] += idf;
      }
    }
    looked_at += p.known;
  }
  std::vector<std::pair<float, std::uint32_t>> best;
  for (const auto& [item, common] : shared) {
    // Words the other item has beyond the shared ones count against it as much as an average word of ours.
    const float extra = static_cast<float>(v.tokens_of[item].size()) * own / static_cast<float>(tokens.size() + 1);
    best.push_back({-common / (0.5F * (own + extra) + 1e-3F), item});
  }
  const std::size_t keep = std::min<std::size_t>(best.size(), 6);
  std::partial_sort(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(keep), best.end());
  nearest out{0, 0};
  float weights = 0;
  for (std::size_t k = 0; k < keep; ++k) {
    const usual u = kernel_median(v, best[k].second, day, log_quantity);
    if (!std::isnan(u.benchmark)) {
      const float s = std::min(-best[k].first, 1.0F);
      const float w = s * s * s * s + 1e-6F;
      out.benchmark += w * u.benchmark;
      weights += w;
      out.similarity = std::max(out.similarity, s);
    }
  }
  out.benchmark = weights > 0 ? out.benchmark / weights : unknown;
  return out;
}

} // namespace detail

market_view::market_view(const price_history& history) : data_(std::make_unique<detail::view_data>()) {
  data_->history = &history;
  detail::describe_items(*data_);
  detail::run_through_time(*data_);
}
market_view::market_view(market_view&&) noexcept = default;
market_view::~market_view() = default;

const price_history& market_view::history() const {
  return *data_->history;
}

double market_view::log_index(std::int32_t day) const {
  return data_->index_before(day);
}

std::vector<float> market_view::features(const query_event& event, std::span<const query_line> lines) const {
  return detail::make_features(*data_, event, lines).values;
}

std::uint32_t market_view::category_of(std::uint32_t item) const {
  return data_->category_of[item];
}

std::string market_view::category_name(std::uint32_t category) const {
  for (const auto& [name, index] : data_->categories) {
    if (index == category) {
      return name;
    }
  }
  return {};
}

std::span<const float> market_view::line_benchmarks() const {
  return data_->benchmark;
}

std::size_t market_view::feature_count() {
  return detail::feature_total();
}

} // namespace pricing::learn
