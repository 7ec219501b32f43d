#include "learn/price_shift.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

namespace pricing::learn {
namespace {

constexpr double line_bound = 2;    // scales: further out counts as this
constexpr double event_bound = 2.5; // standard deviations of events
constexpr double scale_min = 0.03;
constexpr double between_guess = 0.01; // variance of levels, only to weight what the components are estimated from
constexpr int steps = 4;               // of a location by reweighting

double scale_of(const judged_line& l) {
  return std::max<double>(l.scale, scale_min);
}

double weight_of(const judged_line& l) {
  return 1 / (scale_of(l) * scale_of(l));
}

double pulled_in(const judged_line& l, double centre) {
  const double bound = line_bound * scale_of(l);
  return std::clamp(l.residual - centre, -bound, bound);
}

bool is_known(const judged_line& l) {
  return !std::isnan(l.residual) && l.scale > 0;
}

// Calls `take` with the lines of each event.
template <class Take>
void each_event(std::span<const judged_line> lines, Take take) {
  for (std::size_t i = 0; i < lines.size();) {
    std::size_t end = i + 1;
    while (end < lines.size() && lines[end].event == lines[i].event) {
      ++end;
    }
    take(lines.subspan(i, end - i));
    i = end;
  }
}

// Weighted location of lines, outlying ones pulled in.
double location(std::span<const judged_line> lines) {
  double centre = 0;
  for (int step = 0; step < steps; ++step) {
    double sum = 0;
    double weights = 0;
    for (const auto& l : lines) {
      if (is_known(l)) {
        sum += weight_of(l) * pulled_in(l, centre);
        weights += weight_of(l);
      }
    }
    centre += weights > 0 ? sum / weights : 0;
  }
  return centre;
}

} // namespace

event_levels::event_levels(std::span<const judged_line> reference) {
  std::unordered_map<std::uint32_t, std::vector<judged_line>> categories;
  for (const auto& l : reference) {
    if (is_known(l)) {
      categories[l.category].push_back(l);
    }
  }
  for (const auto& [category, lines] : categories) {
    category_level_[category] = location(lines);
  }
  learn_components(reference);
}

double event_levels::level_of(std::uint32_t category) const {
  const auto found = category_level_.find(category);
  return found == category_level_.end() ? 0 : found->second;
}

std::vector<event_levels::cell> event_levels::cells_of(std::span<const judged_line> event) const {
  std::map<std::uint32_t, cell> cells;
  for (const auto& l : event) {
    if (is_known(l)) {
      auto& c = cells.try_emplace(l.category, cell{l.category, 0, 0}).first->second;
      c.mean += weight_of(l) * pulled_in(l, level_of(l.category));
      c.precision += weight_of(l);
    }
  }
  std::vector<cell> out;
  for (auto& [category, c] : cells) {
    c.mean /= c.precision;
    out.push_back(c);
  }
  return out;
}

// Noise from lines about their cell, the variance between events from pairs of an event's cells, and what cells vary
// within an event from the rest.
void event_levels::learn_components(std::span<const judged_line> reference) {
  double noise = 0;
  double freedom = 0;
  each_event(reference, [&](std::span<const judged_line> event) {
    const auto cells = cells_of(event);
    freedom -= static_cast<double>(cells.size());
    for (const auto& l : event) {
      if (is_known(l)) {
        const auto own = std::lower_bound(cells.begin(), cells.end(), l.category,
                                          [](const cell& c, std::uint32_t category) { return c.category < category; });
        const double off = pulled_in(l, level_of(l.category)) - own->mean;
        noise += weight_of(l) * off * off;
        freedom += 1;
      }
    }
  });
  noise_ = freedom > 0 && noise > 0 ? noise / freedom : 1;
  double pairs = 0;
  double pair_weights = 0;
  double squares = 0;
  double square_weights = 0;
  each_event(reference, [&](std::span<const judged_line> event) {
    double sum = 0;
    double weights = 0;
    double own_sum = 0;
    double own_weights = 0;
    for (const auto& c : cells_of(event)) {
      const double w = 1 / (between_guess + noise_ / c.precision);
      sum += w * c.mean;
      weights += w;
      own_sum += w * w * c.mean * c.mean;
      own_weights += w * w;
      squares += w * w * (c.mean * c.mean - noise_ / c.precision);
      square_weights += w * w;
    }
    pairs += sum * sum - own_sum;
    pair_weights += weights * weights - own_weights;
  });
  between_events_ = pair_weights > 0 ? std::max(0.0, pairs / pair_weights) : 0;
  within_event_ = square_weights > 0 ? std::max(0.0, squares / square_weights - between_events_) : 0;
}

void event_levels::take_off(std::span<judged_line> lines) const {
  for (std::size_t i = 0; i < lines.size();) {
    std::size_t end = i + 1;
    while (end < lines.size() && lines[end].event == lines[i].event) {
      ++end;
    }
    const auto event = lines.subspan(i, end - i);
    const auto cells = cells_of(event);
    double sum = 0;
    double information = 0;
    const auto information_of = [&](const cell& c) { return 1 / (within_event_ + noise_ / c.precision); };
    for (const auto& c : cells) {
      sum += information_of(c) * c.mean;
      information += information_of(c);
    }
    for (auto& l : event) {
      if (!is_known(l)) {
        continue;
      }
      const auto own = std::lower_bound(cells.begin(), cells.end(), l.category,
                                        [](const cell& c, std::uint32_t category) { return c.category < category; });
      const double others = information - information_of(*own);
      const double prior = between_events_ > 0 ? 1 / between_events_ : 0;
      const double level = between_events_ > 0 ? (sum - information_of(*own) * own->mean) / (others + prior) : 0;
      l.residual -= static_cast<float>(level_of(l.category) + level);
      l.doubt = between_events_ > 0 ? static_cast<float>(1 / (others + prior)) : 0;
    }
    i = end;
  }
}

std::vector<level_reference::event_mean> level_reference::means_of(std::span<const judged_line> lines,
                                                                   double centre) const {
  std::vector<event_mean> out;
  each_event(lines, [&](std::span<const judged_line> event) {
    event_mean e{0, 0, 0};
    for (const auto& l : event) {
      if (is_known(l)) {
        e.mean += learn::weight_of(l) * pulled_in(l, centre);
        e.precision += learn::weight_of(l);
        e.doubt = l.doubt;
      }
    }
    if (e.precision > 0) {
      e.mean = centre + e.mean / e.precision;
      out.push_back(e);
    }
  });
  return out;
}

double level_reference::weight_of(const event_mean& e) const {
  return 1 / (between_ + e.doubt + noise_ / e.precision);
}

level_reference::estimate level_reference::level_of(std::span<const event_mean> events) const {
  estimate out{level_, 0};
  for (const auto& e : events) {
    out.information += weight_of(e);
  }
  for (int step = 0; step < steps && out.information > 0; ++step) {
    double sum = 0;
    for (const auto& e : events) {
      const double bound = event_bound * std::sqrt(excess_ / weight_of(e));
      sum += weight_of(e) * std::clamp(e.mean - out.level, -bound, bound);
    }
    out.level += sum / out.information;
  }
  return out;
}

result<level_reference> level_reference::build(std::span<const judged_line> lines) {
  level_reference out;
  const double centre = location(lines);
  out.level_ = centre;
  const auto events = out.means_of(lines, centre);
  if (events.size() < events_min) {
    return invalid_input("price shift: a reference needs at least " + std::to_string(events_min) +
                         " events, there are " + std::to_string(events.size()));
  }
  double noise = 0;
  double freedom = -static_cast<double>(events.size());
  std::size_t at = 0;
  each_event(lines, [&](std::span<const judged_line> event) {
    bool any = false;
    for (const auto& l : event) {
      if (is_known(l)) {
        const double off = centre + pulled_in(l, centre) - events[at].mean;
        noise += learn::weight_of(l) * off * off;
        freedom += 1;
        any = true;
      }
    }
    at += any ? 1 : 0;
  });
  out.noise_ = freedom > 0 && noise > 0 ? noise / freedom : 1;
  double squares = 0;
  double weights = 0;
  for (const auto& e : events) {
    const double w = 1 / (between_guess + out.noise_ / e.precision);
    squares += w * w * ((e.mean - centre) * (e.mean - centre) - out.noise_ / e.precision - e.doubt);
    weights += w * w;
  }
  out.between_ = std::max(0.0, squares / weights);
  const auto found = out.level_of(events);
  double excess = 0;
  for (const auto& e : events) {
    excess += out.weight_of(e) * (e.mean - found.level) * (e.mean - found.level);
  }
  out.excess_ = std::max(excess / static_cast<double>(events.size() - 1), 1e-12);
  const auto again = out.level_of(events);
  out.level_ = again.level;
  out.information_ = again.information;
  return out;
}

price_shift level_reference::compare(std::span<const judged_line> window) const {
  price_shift out;
  // Outlying lines are pulled in towards the window's own level: towards the reference's, a shift would look smaller.
  const auto events = means_of(window, location(window));
  out.events = events.size();
  out.lines = static_cast<std::size_t>(std::count_if(window.begin(), window.end(), is_known));
  const auto now = level_of(events);
  if (!(now.information > 0)) {
    return out;
  }
  out.shift = now.level - level_;
  out.error = std::sqrt(excess_ * (1 / now.information + 1 / information_));
  out.p = std::erfc(std::abs(out.shift) / out.error / std::numbers::sqrt2);
  return out;
}

} // namespace pricing::learn
