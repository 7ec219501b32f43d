#include "learn/price_shift.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

namespace pricing::learn {
namespace {

constexpr double line_bound = 0.5;     // scales: further out counts as this
constexpr double event_line_bound = 2; // the same of a line that tells of its event's level, which may be large
constexpr double event_bound = 2.5;    // standard deviations of events
constexpr double scale_min = 0.03;
constexpr double noise_min = 0.02; // scales²
constexpr double response_min = 0.2;
constexpr int steps = 25;              // of a location by reweighting
constexpr double step_enough = 1e-5;   // of log prices
constexpr double own_lines = 100;      // as many lines of all categories temper what one category shows,
constexpr double own_pairs = 300;      // pairs of its lines within events,
constexpr double common_pairs = 3'000; // and pairs with other categories' lines

double scale_of(const judged_line& l) {
  return std::max<double>(l.scale, scale_min);
}

bool is_known(const judged_line& l) {
  return !std::isnan(l.residual) && l.scale > 0;
}

// In scales, outlying ones pulled in.
double pulled_in(double residual, double scale, double bound = line_bound) {
  return std::clamp(residual / scale, -bound, bound);
}

// Calls `take` with the lines of each event.
template <class Line, class Take>
void each_event(std::span<Line> lines, Take take) {
  for (std::size_t i = 0; i < lines.size();) {
    std::size_t end = i + 1;
    while (end < lines.size() && lines[end].event == lines[i].event) {
      ++end;
    }
    take(lines.subspan(i, end - i));
    i = end;
  }
}

double median_of(std::span<const judged_line> lines) {
  std::vector<float> known;
  for (const auto& l : lines) {
    if (is_known(l)) {
      known.push_back(l.residual);
    }
  }
  if (known.empty()) {
    return 0;
  }
  const auto middle = known.begin() + static_cast<std::ptrdiff_t>(known.size() / 2);
  std::nth_element(known.begin(), middle, known.end());
  return *middle;
}

// Weighted location of lines, outlying ones pulled in.
double location(std::span<const judged_line> lines) {
  double centre = median_of(lines);
  for (int step = 0; step < steps; ++step) {
    double score = 0;
    double slope = 0;
    double all = 0;
    for (const auto& l : lines) {
      if (is_known(l)) {
        const double scale = scale_of(l);
        const double off = l.residual - centre;
        score += pulled_in(off, scale) / scale;
        slope += std::abs(off) < line_bound * scale ? 1 / (scale * scale) : 0;
        all += 1 / (scale * scale);
      }
    }
    const double change = all > 0 ? score / std::max(slope, response_min * all) : 0;
    centre += change;
    if (std::abs(change) < step_enough) {
      break;
    }
  }
  return centre;
}

struct sum_of_lines {
  double sum = 0, squares = 0, lines = 0;

  void add(double value) {
    sum += value;
    squares += value * value;
    lines += 1;
  }
};

// Mean product of the values of two lines.
struct mean_product {
  double sum = 0, pairs = 0;

  void add_within(const sum_of_lines& group) {
    sum += group.sum * group.sum - group.squares;
    pairs += group.lines * group.lines - group.lines;
  }
  void take_away(const mean_product& other) {
    sum -= other.sum;
    pairs -= other.pairs;
  }
  double tempered(double towards, double weight) const {
    return pairs + weight > 0 ? (sum + weight * towards) / (pairs + weight) : 0;
  }
};

// What the lines of one category, or of all, say of each other.
struct products {
  sum_of_lines lines;
  mean_product family, own, common; // own: of one category, but not of one family; common: of two categories
};

// Products within one event, added to each category's.
template <class Value>
void add_products(std::span<const judged_line> event, Value value, std::unordered_map<std::uint32_t, products>& out) {
  std::map<std::uint32_t, std::map<std::uint32_t, sum_of_lines>> categories;
  sum_of_lines all;
  for (const auto& l : event) {
    if (is_known(l)) {
      categories[l.category][l.family].add(value(l));
      all.add(value(l));
    }
  }
  for (const auto& [category, families] : categories) {
    products& p = out[category];
    sum_of_lines whole;
    mean_product family;
    for (const auto& [number, f] : families) {
      family.add_within(f);
      whole.sum += f.sum;
      whole.squares += f.squares;
      whole.lines += f.lines;
    }
    mean_product own;
    own.add_within(whole);
    own.take_away(family);
    p.family.sum += family.sum;
    p.family.pairs += family.pairs;
    p.own.sum += own.sum;
    p.own.pairs += own.pairs;
    p.common.sum += whole.sum * (all.sum - whole.sum);
    p.common.pairs += whole.lines * (all.lines - whole.lines);
    p.lines.sum += whole.sum;
    p.lines.squares += whole.squares;
    p.lines.lines += whole.lines;
  }
}

// Of mean products: a line with itself, within a family, and within a category.
line_components components_of(double square, double family, double category, double loading) {
  line_components out;
  out.loading = loading;
  category = std::max(category, loading * loading);
  family = std::max(family, category);
  out.own = category - loading * loading;
  out.family = family - category;
  out.noise = std::max(square - family, noise_min);
  return out;
}

// Sums over the families of one category in one event that its inverse covariance is made of (Woodbury).
struct inverse_sums {
  double information = 0, score = 0; // of a level common to all lines, before the category's own is allowed for

  // Adds a family of n lines whose values sum to `sum`.
  void add(const line_components& c, double n, double sum) {
    const double w = 1 / (c.noise + n * c.family);
    information += n * w;
    score += w * sum;
  }
};

} // namespace

std::uint32_t item_family(std::string_view normalized_name) {
  std::uint32_t hash = 2166136261U; // FNV-1a
  int words = 0;
  for (const char c : normalized_name) {
    words += c == ' ' ? 1 : 0;
    if (words == 3) {
      break;
    }
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  }
  return hash;
}

event_levels::event_levels(std::span<const judged_line> reference) {
  std::unordered_map<std::uint32_t, std::vector<judged_line>> categories;
  for (const auto& l : reference) {
    if (is_known(l)) {
      categories[l.category].push_back(l);
    }
  }
  for (const auto& [category, lines] : categories) {
    categories_[category].level = location(lines);
  }
  learn_components(reference);
}

const event_levels::category_model& event_levels::model_of(std::uint32_t category) const {
  const auto found = categories_.find(category);
  return found == categories_.end() ? unknown_ : found->second;
}

void event_levels::learn_components(std::span<const judged_line> reference) {
  std::unordered_map<std::uint32_t, products> found;
  each_event(reference, [&](std::span<const judged_line> event) {
    add_products(
        event,
        [&](const judged_line& l) {
          return pulled_in(l.residual - model_of(l.category).level, scale_of(l), event_line_bound);
        },
        found);
  });
  products all;
  for (const auto& [category, p] : found) {
    all.lines.squares += p.lines.squares;
    all.lines.lines += p.lines.lines;
    for (const auto part : {&products::family, &products::own, &products::common}) {
      (all.*part).sum += (p.*part).sum;
      (all.*part).pairs += (p.*part).pairs;
    }
  }
  const double square = all.lines.lines > 0 ? all.lines.squares / all.lines.lines : 1;
  const double common = std::max(0.0, all.common.tempered(0, 0));
  const double own = all.own.tempered(common, 1);
  const double family = all.family.tempered(own, 1);
  const double loading = std::sqrt(common);
  unknown_.components = components_of(square, family, own, loading);
  for (auto& [category, model] : categories_) {
    const products& p = found[category];
    // The products with other categories' lines are its loading times theirs, which is the common one on average.
    const double its = loading > 0 ? p.common.tempered(common, common_pairs) / loading : 0;
    model.components = components_of((p.lines.squares + own_lines * square) / (p.lines.lines + own_lines),
                                     p.family.tempered(family, own_pairs), p.own.tempered(own, own_pairs), its);
  }
}

void event_levels::take_off(std::span<judged_line> lines) const {
  each_event(lines, [&](std::span<judged_line> event) {
    std::map<std::uint32_t, std::map<std::uint32_t, sum_of_lines>> categories;
    for (const auto& l : event) {
      if (is_known(l)) {
        categories[l.category][l.family].add(
            pulled_in(l.residual - model_of(l.category).level, scale_of(l), event_line_bound));
      }
    }
    std::map<std::uint32_t, inverse_sums> told; // by each category, of the event
    inverse_sums all;
    for (const auto& [category, families] : categories) {
      const auto& c = model_of(category).components;
      inverse_sums sums;
      for (const auto& [number, f] : families) {
        sums.add(c, f.lines, f.sum);
      }
      const double shared = 1 + c.own * sums.information;
      const inverse_sums t{c.loading * c.loading * sums.information / shared, c.loading * sums.score / shared};
      told.emplace(category, t);
      all.information += t.information;
      all.score += t.score;
    }
    for (auto& l : event) {
      if (!is_known(l)) {
        continue;
      }
      const auto& model = model_of(l.category);
      const auto& own = told.at(l.category);
      const double precision = 1 + all.information - own.information; // the event's common level has variance 1
      const double loading = model.components.loading;
      l.residual -= static_cast<float>(model.level + scale_of(l) * loading * (all.score - own.score) / precision);
      l.doubt = static_cast<float>(loading * loading / precision);
    }
  });
}

// Each line's share in the score of a level, the inverse covariance times one over the scales.
level_reference::weighted_lines level_reference::weigh(std::span<const judged_line> lines) const {
  weighted_lines out;
  each_event(lines, [&](std::span<const judged_line> event) {
    std::map<std::uint32_t, sum_of_lines> families; // of one over the scales
    double doubt = 0;
    for (const auto& l : event) {
      if (is_known(l)) {
        families[l.family].add(1 / scale_of(l));
        doubt = l.doubt;
      }
    }
    inverse_sums sums;
    for (const auto& [number, f] : families) {
      sums.add(components_, f.lines, f.sum);
    }
    const double own = components_.own + doubt_share_ * doubt;
    const double level = own * sums.score / (1 + own * sums.information);
    double information = 0;
    for (const auto& l : event) {
      if (!is_known(l)) {
        continue;
      }
      const auto& f = families.at(l.family);
      const double family_level = components_.family * f.sum / (components_.noise + f.lines * components_.family);
      const double shared = 1 / (components_.noise + f.lines * components_.family);
      // Below 0, a line of large scale would speak against its neighbours: better silent.
      const double weight = std::max(0.0, (1 / scale_of(l) - family_level) / components_.noise - shared * level);
      out.lines.push_back({l.residual, scale_of(l), weight, static_cast<std::uint32_t>(out.information.size())});
      information += weight / scale_of(l);
    }
    if (!families.empty()) {
      out.information.push_back(information);
      out.all += information;
    }
  });
  return out;
}

level_reference::estimate level_reference::level_of(const weighted_lines& lines, double start) {
  estimate out{start, 1, 1};
  std::vector<double> scores(lines.information.size());
  std::vector<double> slopes(lines.information.size());
  for (int step = 0; step < steps && lines.all > 0; ++step) {
    std::ranges::fill(scores, 0);
    std::ranges::fill(slopes, 0);
    for (const auto& l : lines.lines) {
      const double off = l.residual - out.level;
      scores[l.event] += l.weight * pulled_in(off, l.scale);
      slopes[l.event] += std::abs(off) < line_bound * l.scale ? l.weight / l.scale : 0;
    }
    double score = 0;
    double slope = 0;
    double squares = 0;
    for (std::size_t e = 0; e < scores.size(); ++e) {
      const double bound = event_bound * std::sqrt(lines.information[e]);
      score += std::clamp(scores[e], -bound, bound);
      slope += std::abs(scores[e]) < bound ? slopes[e] : 0;
      squares += std::pow(std::clamp(scores[e], -bound, bound), 2);
    }
    out.response = std::max(slope / lines.all, response_min);
    out.variance = squares / lines.all;
    const double change = score / (out.response * lines.all);
    out.level += change;
    if (std::abs(change) < step_enough) {
      break;
    }
  }
  return out;
}

double level_reference::error_of(double information) const {
  return std::sqrt(variance_ / information) / response_;
}

result<level_reference> level_reference::build(std::span<const judged_line> lines) {
  level_reference out;
  const double centre = location(lines);
  std::unordered_map<std::uint32_t, products> found;
  double doubt = 0;
  double known = 0;
  double inside = 0;
  std::size_t events = 0;
  each_event(lines, [&](std::span<const judged_line> event) {
    std::vector<judged_line> alike(event.begin(), event.end()); // whatever their categories
    for (auto& l : alike) {
      l.category = 0;
    }
    add_products<>(
        alike, [&](const judged_line& l) { return pulled_in(l.residual - centre, scale_of(l)); }, found);
    const auto in_event = std::ranges::count_if(event, is_known);
    events += in_event > 0 ? 1 : 0;
    known += static_cast<double>(in_event);
    for (const auto& l : event) {
      doubt += is_known(l) ? l.doubt : 0;
      inside += is_known(l) && std::abs(l.residual - centre) < line_bound * scale_of(l) ? 1 : 0;
    }
  });
  if (events < events_min) {
    return invalid_input("price shift: a reference needs at least " + std::to_string(events_min) +
                         " events, there are " + std::to_string(events));
  }
  const products& p = found[0];
  const double own = p.own.tempered(0, 1);
  out.components_ =
      components_of(p.lines.squares / p.lines.lines, p.family.tempered(std::max(own, 0.0), 1), std::max(own, 0.0), 0);
  // What lines that are pulled in show of a common level, and so of the doubt about it.
  out.doubt_share_ = std::pow(inside / known, 2);
  out.components_.own = std::max(0.0, out.components_.own - out.doubt_share_ * doubt / known);
  const auto weighted = out.weigh(lines);
  const auto level = level_of(weighted, centre);
  const auto n = static_cast<double>(events);
  out.level_ = level.level;
  out.information_ = weighted.all;
  out.response_ = level.response;
  out.variance_ = std::max(level.variance * n / (n - 1), 1e-12);
  return out;
}

price_shift level_reference::compare(std::span<const judged_line> window) const {
  price_shift out;
  // Outlying lines are pulled in towards the window's own level: towards the reference's, a shift would look smaller.
  const auto weighted = weigh(window);
  out.events = weighted.information.size();
  out.lines = weighted.lines.size();
  if (!(weighted.all > 0)) {
    return out;
  }
  out.shift = level_of(weighted, location(window)).level - level_;
  out.error = std::hypot(error_of(weighted.all), error_of(information_));
  out.p = std::erfc(std::abs(out.shift) / out.error / std::numbers::sqrt2);
  return out;
}

} // namespace pricing::learn
