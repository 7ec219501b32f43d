#include "learn/view_data.hpp"

#include <algorithm>
#include <cmath>

namespace pricing::learn::detail {
namespace {

constexpr float unknown = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t past_max = 500; // newest lines of an item looked at

enum group : std::uint8_t { recent, quantity, market, season, project, category };

struct subject { // one line to judge, resolved
  std::uint32_t item = no_index;
  std::uint32_t unit = no_index;
  std::span<const std::uint32_t> tokens;
  std::vector<std::uint32_t> own_tokens;
  std::string_view name, unit_name;
  float log_quantity = unknown;
  float base = unknown;
};

struct project_state {
  std::int32_t day = 0;
  std::uint32_t place = no_index;
  std::string_view place_name;
  float log_total = 0;
  float lines = 0;
  std::array<float, mix_size> mix{};
  float size_off_usual = 0;   // filled while lines are read: how far its quantities are from what is usual
  level_track::level alike{}; // residual of similar projects
  float bidders_alike = unknown;
};

// Earlier lines of one item, newest first, in columns.
struct past_lines {
  std::size_t n = 0;
  std::array<float, past_max> age, dq, median, low, estimate, bids, size_gap, near_place;
  std::array<std::uint16_t, past_max> by_median, by_low;
};

float exp_fast(float x) {
  // exp(x) for x ≤ 0 to 3e-4 relative: weights need no more.
  if (x < -30.0F) {
    return 1e-13F;
  }
  const float y = 1.0F + x / 1024.0F;
  float r = y;
  for (int i = 0; i < 10; ++i) {
    r *= r;
  }
  return r;
}

// Sorting the values with their positions is several times faster than sorting positions that look values up.
void order_by(const std::array<float, past_max>& value, std::size_t n, std::array<std::uint16_t, past_max>& order) {
  std::array<std::pair<float, std::uint16_t>, past_max> pairs;
  for (std::size_t i = 0; i < n; ++i) {
    pairs[i] = {value[i], static_cast<std::uint16_t>(i)};
  }
  std::sort(pairs.begin(), pairs.begin() + static_cast<std::ptrdiff_t>(n));
  for (std::size_t i = 0; i < n; ++i) {
    order[i] = pairs[i].second;
  }
}

void read_past(const view_data& v, const subject& s, const project_state& p, past_lines& out) {
  out.n = 0;
  if (s.item == no_index) {
    return;
  }
  const auto lines = v.history->lines_of(s.item);
  const std::size_t offset = static_cast<std::size_t>(lines.data() - v.history->lines().data());
  const float now = v.index_before(p.day);
  auto end = static_cast<std::size_t>(std::lower_bound(lines.begin(), lines.end(), p.day,
                                                       [](const price_line& l, std::int32_t d) { return l.day < d; }) -
                                      lines.begin());
  for (; end > 0 && out.n < past_max; --end) {
    const price_line& l = lines[end - 1];
    if (l.bids == 0) {
      continue;
    }
    const std::size_t i = out.n++;
    const float move = now - v.index_of_line[offset + end - 1];
    out.age[i] = static_cast<float>(p.day - l.day);
    out.dq[i] = std::isnan(s.log_quantity) ? 0.0F : l.log_quantity - s.log_quantity;
    out.median[i] = l.median + move;
    out.low[i] = l.low + move;
    out.estimate[i] = l.estimate + move;
    out.bids[i] = static_cast<float>(l.bids);
    out.size_gap[i] = 0;
    out.near_place[i] = 0;
    if (l.event != no_index) {
      const event_state& e = v.events[l.event];
      out.size_gap[i] = e.log_total - p.log_total;
      out.near_place[i] = p.place != no_index && e.place == p.place ? 1.0F : 0.0F;
    }
  }
  order_by(out.median, out.n, out.by_median);
  order_by(out.low, out.n, out.by_low);
}

struct kernel {
  float days, quantity, size, elsewhere; // size 0: any; elsewhere: weight of other places
};

struct weighing {
  std::array<float, past_max> w;
  float total = 0, squares = 0;
  float effective() const { return squares > 0 ? total * total / squares : 0; }
};

void weigh(const past_lines& past, const kernel& k, weighing& out) {
  out.total = out.squares = 0;
  for (std::size_t i = 0; i < past.n; ++i) {
    const float q = past.dq[i] / k.quantity;
    float x = -past.age[i] / k.days - 0.5F * q * q;
    if (k.size > 0) {
      const float z = past.size_gap[i] / k.size;
      x -= 0.5F * z * z;
    }
    float w = exp_fast(x) * std::sqrt(past.bids[i]);
    if (k.elsewhere < 1 && past.near_place[i] == 0) {
      w *= k.elsewhere;
    }
    out.w[i] = w;
    out.total += w;
    out.squares += w * w;
  }
}

float quantile(const past_lines& past, const weighing& w, bool low, float share) {
  const auto& order = low ? past.by_low : past.by_median;
  const auto& value = low ? past.low : past.median;
  const float goal = share * w.total;
  float sum = 0;
  for (std::size_t k = 0; k < past.n; ++k) {
    sum += w.w[order[k]];
    if (sum >= goal) {
      return value[order[k]];
    }
  }
  return past.n == 0 ? unknown : value[order[past.n - 1]];
}

struct sums {
  float mean_dq = 0, slope = unknown, fitted = unknown, gap = 0, estimate = unknown, bids = 0, spread = 0, size_gap = 0;
};

// Weighted regression of log price on log quantity, and plain means under the same weights.
sums summarize(const past_lines& past, const weighing& w) {
  sums s;
  float y = 0, estimates = 0, estimate_weight = 0;
  for (std::size_t i = 0; i < past.n; ++i) {
    const float u = w.w[i] / w.total;
    s.mean_dq += u * past.dq[i];
    y += u * past.median[i];
    s.gap += u * (past.low[i] - past.median[i]);
    s.bids += u * past.bids[i];
    s.size_gap += u * past.size_gap[i];
    if (!std::isnan(past.estimate[i])) {
      estimates += u * past.estimate[i];
      estimate_weight += u;
    }
  }
  float xx = 0, xy = 0, yy = 0;
  for (std::size_t i = 0; i < past.n; ++i) {
    const float u = w.w[i] / w.total;
    const float dx = past.dq[i] - s.mean_dq;
    const float dy = past.median[i] - y;
    xx += u * dx * dx;
    xy += u * dx * dy;
    yy += u * dy * dy;
  }
  const float prior = 4.0F / std::max(w.effective(), 0.5F);
  s.slope = (xy - 0.12F * prior) / (xx + prior);
  s.fitted = y - s.slope * s.mean_dq;
  s.spread = std::sqrt(yy);
  s.estimate = estimate_weight > 0.05F ? estimates / estimate_weight : unknown;
  return s;
}

struct sink {
  float* out = nullptr;
  std::vector<std::uint8_t>* groups = nullptr;
  std::vector<const char*>* names = nullptr;
  void operator()(group g, const char* name, float value) {
    if (out != nullptr) {
      *out++ = value;
    }
    if (groups != nullptr) {
      groups->push_back(g);
      names->push_back(name);
    }
  }
};

void put_past(const past_lines& past, float base, sink& put) {
  static constexpr std::array<kernel, 6> kernels{{{300, 0.8F, 0, 1},
                                                  {90, 0.5F, 0, 1},
                                                  {900, 1.5F, 0, 1},
                                                  {500, 0.8F, 0, 0.03F},
                                                  {450, 0.6F, 0.8F, 1},
                                                  {200, 3.0F, 0.6F, 1}}};
  const float none = past.n == 0 ? unknown : 0.0F;
  weighing w;
  weighing first;
  for (std::size_t k = 0; k < kernels.size(); ++k) {
    weigh(past, kernels[k], w);
    put(recent, "kernel_median", quantile(past, w, false, 0.5F) - base);
    put(recent, "kernel_low", quantile(past, w, true, 0.5F) - base);
    put(recent, "kernel_effective", w.effective());
    if (k == 0) {
      first = w;
    }
    if (k == 2 || k == 4) {
      const sums s = summarize(past, w);
      put(quantity, "fitted", s.fitted - base + none);
      put(quantity, "slope", s.slope + none);
      put(quantity, "quantity_off_usual", -s.mean_dq + none);
      put(recent, "low_gap", s.gap + none);
      put(recent, "spread", s.spread + none);
      put(recent, "past_estimate", s.estimate - base + none);
      put(project, "past_bidders", s.bids + none);
      put(project, "size_off_usual", -s.size_gap + none);
    }
  }
  put(recent, "q10", quantile(past, first, false, 0.1F) - base);
  put(recent, "q25", quantile(past, first, false, 0.25F) - base);
  put(recent, "q75", quantile(past, first, false, 0.75F) - base);
  put(recent, "q90", quantile(past, first, false, 0.9F) - base);
  put(recent, "low_q10", quantile(past, first, true, 0.1F) - base);
  put(recent, "low_q25", quantile(past, first, true, 0.25F) - base);
  put(recent, "low_q75", quantile(past, first, true, 0.75F) - base);
  float year = 0;
  for (std::size_t i = 0; i < past.n; ++i) {
    year += past.age[i] < 366 ? 1.0F : 0.0F;
  }
  put(recent, "lines", static_cast<float>(past.n));
  put(recent, "lines_in_a_year", year);
  for (std::size_t i = 0; i < 2; ++i) {
    const bool have = past.n > i;
    put(recent, "last_median", have ? past.median[i] - base : unknown);
    put(recent, "last_low", have ? past.low[i] - base : unknown);
    put(recent, "last_estimate", have ? past.estimate[i] - base : unknown);
    put(quantity, "last_quantity", have ? past.dq[i] : unknown);
    put(recent, "last_age", have ? past.age[i] : unknown);
  }
}

void put_levels(const view_data& v, const subject& s, const project_state& p, sink& put) {
  const auto level = [&](group g, const char* name, const level_track* t, float prior) {
    const auto l = t == nullptr ? level_track::level{} : t->before(p.day, prior);
    put(g, name, l.median);
    put(g, name, l.low);
  };
  level(market, "overall_level", &v.overall, 20);
  const bool known = s.item != no_index;
  level(category, "category_level", known ? &v.by_category[v.category_of[s.item]] : nullptr, 30);
  level(category, "unit_level", s.unit != no_index ? &v.by_unit[s.unit] : nullptr, 30);
  level(recent, "item_level", known ? &v.by_item[s.item] : nullptr, 4);
  level(project, "place_level", p.place != no_index ? &v.by_place[p.place] : nullptr, 60);
  level(project, "size_level", &v.by_size[static_cast<std::size_t>(std::clamp(p.log_total, 0.0F, 23.0F))], 60);
  float median = 0, low = 0, weight = 1e-3F;
  for (const std::uint32_t t : s.tokens) {
    const auto l = v.by_token[t].before(p.day, 20);
    const float w = 1.0F / (1.0F + std::sqrt(l.weight));
    median += w * l.median;
    low += w * l.low;
    weight += w;
  }
  put(category, "words_median", median / weight);
  put(category, "words_low", low / weight);
}

void put_rest(const view_data& v, const subject& s, const project_state& p, sink& put) {
  const float now = v.index_before(p.day);
  put(market, "index_90", now - v.index_before(p.day - 90));
  put(market, "index_365", now - v.index_before(p.day - 365));
  const std::chrono::sys_days on{std::chrono::days{p.day}};
  const std::chrono::year_month_day date{on};
  const auto new_year = std::chrono::sys_days{date.year() / 1 / 1};
  put(season, "day_of_year", static_cast<float>((on - new_year).count()));
  put(project, "log_total", p.log_total);
  put(project, "lines", p.lines);
  put(project, "share", s.base + s.log_quantity - p.log_total);
  put(project, "place", p.place_name.empty() ? unknown : static_cast<float>(stable_hash(p.place_name) % 512));
  put(project, "alike_median", p.alike.median);
  put(project, "alike_low", p.alike.low);
  put(project, "alike_bidders", p.bidders_alike);
  put(project, "project_quantities", p.size_off_usual);
  for (std::size_t i = 0; i < mix_size; i += 1) {
    put(project, "mix", p.mix[i]);
  }
  put(quantity, "log_quantity", s.log_quantity);
  put(category, "log_base", s.base);
  put(category, "unit", static_cast<float>(stable_hash(s.unit_name) % 256));
  const auto texts = words(s.name);
  put(category, "first_word", texts.empty() ? unknown : static_cast<float>(stable_hash(texts.front()) % 1024));
  put(category, "name", static_cast<float>(stable_hash(s.name) % 8192));
  put(category, "words", static_cast<float>(texts.size()));
}

void put_nearest(const view_data& v, const subject& s, const project_state& p, std::size_t own, float base, sink& put) {
  nearest n{unknown, unknown};
  if (own < 6 && !s.tokens.empty()) {
    n = nearest_items(v, s.tokens, s.unit, s.item, p.day, s.log_quantity);
  }
  put(category, "nearest_price", n.benchmark - base);
  put(category, "nearest_similarity", n.similarity);
}

void fill(const view_data& v, const subject& s, const project_state& p, const past_lines& past, sink put) {
  put_past(past, s.base, put);
  put_levels(v, s, p, put);
  put_rest(v, s, p, put);
  put_nearest(v, s, p, past.n, s.base, put);
}

struct layout {
  std::vector<std::uint8_t> groups;
  std::vector<const char*> names;
  layout() {
    view_data v;
    v.by_size.resize(24);
    const auto past = std::make_unique<past_lines>();
    fill(v, {}, {}, *past, {nullptr, &groups, &names});
  }
};

const layout& the_layout() {
  static const layout l;
  return l;
}

// Residuals of the projects most like this one over the last two years.
void find_alike(const view_data& v, project_state& p) {
  const auto newer = [&](std::uint32_t e, std::int32_t d) { return v.events[e].day < d; };
  auto at = std::lower_bound(v.events_by_day.begin(), v.events_by_day.end(), p.day, newer);
  float median = 0, low = 0, total = 0, bidders = 0, known = 0;
  for (int seen = 0; at != v.events_by_day.begin() && seen < 1'500; ++seen) {
    const event_state& e = v.events[*--at];
    const float age = static_cast<float>(p.day - e.day);
    if (age > 730) {
      break;
    }
    float apart = 0;
    for (std::size_t i = 0; i < mix_size; ++i) {
      apart += std::abs(e.mix[i] - p.mix[i]);
    }
    const float size = (e.log_total - p.log_total) / 0.8F;
    const float place = p.place != no_index && e.place == p.place ? 1.0F : 0.15F;
    const float w = place * exp_fast(-age / 300.0F - 0.5F * size * size - 2.0F * apart);
    bidders += w * e.bidders;
    known += w;
    if (e.residual_weight > 0) {
      const float trust = e.residual_weight / (e.residual_weight + 8.0F);
      median += w * trust * e.residual_median / e.residual_weight;
      low += w * trust * e.residual_low / e.residual_weight;
      total += w * trust;
    }
  }
  p.alike = {median / (total + 0.2F), low / (total + 0.2F), total};
  p.bidders_alike = known > 0 ? bidders / known : unknown;
}

void describe_project(const view_data& v, std::span<subject> lines, project_state& p) {
  float total = 0, off = 0, weights = 0;
  p.lines = static_cast<float>(lines.size());
  for (subject& s : lines) {
    if (std::isnan(s.base) || std::isnan(s.log_quantity)) {
      continue;
    }
    const float money = std::exp(s.base + s.log_quantity);
    total += money;
    p.mix[stable_hash(s.name.substr(0, 4)) % mix_size] += money;
    if (s.item != no_index) {
      // Usual quantity: mean over the newest lines; a project whose every quantity is small is a small job.
      const auto all = v.history->lines_of(s.item);
      auto end = std::lower_bound(all.begin(), all.end(), p.day,
                                  [](const price_line& l, std::int32_t d) { return l.day < d; }) -
                 all.begin();
      float mean = 0;
      const auto first = std::max<std::ptrdiff_t>(0, end - 30);
      for (auto i = first; i < end; ++i) {
        mean += all[static_cast<std::size_t>(i)].log_quantity;
      }
      if (end > first) {
        const float w = std::sqrt(money);
        off += w * (s.log_quantity - mean / static_cast<float>(end - first));
        weights += w;
      }
    }
  }
  for (float& share : p.mix) {
    share /= std::max(total, 1e-6F);
  }
  p.log_total = std::log(std::max(total, 1.0F));
  p.size_off_usual = weights > 0 ? off / weights : 0;
  find_alike(v, p);
}

feature_rows rows_of(const view_data& v, std::span<subject> lines, project_state& p) {
  for (subject& s : lines) {
    usual u{unknown, 0};
    if (s.item != no_index) {
      u = kernel_median(v, s.item, p.day, s.log_quantity);
    }
    s.base = u.benchmark;
    if (std::isnan(s.base) && !s.tokens.empty()) {
      s.base =
          nearest_items(v, s.tokens, s.unit, s.item, p.day, std::isnan(s.log_quantity) ? 0 : s.log_quantity).benchmark;
    }
  }
  describe_project(v, lines, p);
  feature_rows out;
  out.log_total = p.log_total;
  const std::size_t width = feature_total();
  out.values.resize(lines.size() * width);
  const auto past = std::make_unique<past_lines>();
  weighing w;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const subject& s = lines[i];
    read_past(v, s, p, *past);
    fill(v, s, p, *past, {out.values.data() + i * width});
    weigh(*past, {300, 0.8F, 0, 1}, w);
    float bids = 0;
    for (std::size_t k = 0; k < past->n; ++k) {
      bids += past->bids[k];
    }
    out.base.push_back(s.base);
    out.effective_n.push_back(w.effective());
    out.bids.push_back(static_cast<std::uint32_t>(bids));
    out.newest_day.push_back(past->n == 0 ? 0 : p.day - static_cast<std::int32_t>(past->age[0]));
    out.log_quantity.push_back(s.log_quantity);
    out.unit.push_back(s.unit);
    out.item.push_back(s.item);
  }
  return out;
}

} // namespace

std::size_t feature_total() {
  return the_layout().groups.size();
}
std::span<const std::uint8_t> feature_groups() {
  return the_layout().groups;
}
std::span<const char* const> feature_names() {
  return the_layout().names;
}

feature_rows make_features(const view_data& v, const query_event& event, std::span<const query_line> lines) {
  project_state p;
  p.day = static_cast<std::int32_t>(event.on.time_since_epoch().count());
  p.place_name = event.place;
  if (const auto found = v.places.find(event.place); !event.place.empty() && found != v.places.end()) {
    p.place = found->second;
  }
  std::vector<subject> subjects(lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const query_line& l = lines[i];
    subject& s = subjects[i];
    s.name = l.normalized_description;
    s.unit_name = l.unit;
    s.log_quantity = l.quantity > 0 ? static_cast<float>(std::log(l.quantity)) : unknown;
    std::uint32_t item = l.item ? v.history->index_of(l.item) : no_index;
    if (item != no_index && !l.unit.empty() && v.history->items()[item].unit != l.unit) {
      s.name = s.name.empty() ? std::string_view(v.history->items()[item].normalized_name) : s.name;
      item = no_index; // a price per ton says nothing about a price per foot
    }
    s.item = item;
    if (item != no_index) {
      s.name = v.history->items()[item].normalized_name;
      s.unit_name = v.history->items()[item].unit;
      s.unit = v.unit_of[item];
      s.tokens = v.tokens_of[item];
      if (const auto known = v.history->lines_of(item);
          std::isnan(s.log_quantity) && !known.empty() && known.front().day < p.day) {
        const auto end = std::lower_bound(known.begin(), known.end(), p.day,
                                          [](const price_line& k, std::int32_t d) { return k.day < d; });
        s.log_quantity = known[static_cast<std::size_t>(end - known.begin()) / 2].log_quantity;
      }
    } else {
      if (const auto unit = v.units.find(l.unit); unit != v.units.end()) {
        s.unit = unit->second;
      }
      for (const auto t : words(s.name)) {
        if (const auto found = v.tokens.find(std::string(t)); found != v.tokens.end()) {
          s.own_tokens.push_back(found->second);
        }
      }
      std::sort(s.own_tokens.begin(), s.own_tokens.end());
      s.own_tokens.erase(std::unique(s.own_tokens.begin(), s.own_tokens.end()), s.own_tokens.end());
      s.tokens = s.own_tokens;
    }
  }
  return rows_of(v, subjects, p);
}

feature_rows make_features(const view_data& v, std::span<const std::uint32_t> lines) {
  const auto all = v.history->lines();
  project_state p;
  p.day = all[lines.front()].day;
  if (const std::uint32_t e = all[lines.front()].event; e != no_index) {
    p.place = v.events[e].place;
    p.place_name = v.history->events()[e].place;
  }
  std::vector<subject> subjects(lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    subject& s = subjects[i];
    s.item = all[lines[i]].item;
    s.name = v.history->items()[s.item].normalized_name;
    s.unit_name = v.history->items()[s.item].unit;
    s.unit = v.unit_of[s.item];
    s.tokens = v.tokens_of[s.item];
    s.log_quantity = all[lines[i]].log_quantity;
  }
  return rows_of(v, subjects, p);
}

} // namespace pricing::learn::detail
