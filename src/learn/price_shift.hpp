#pragma once
// Whether the prices of one category have moved against what was expected of them, by how much and how surely. Pure.
// Called by whoever watches a model for drift: the residual's test of drift.hpp is this one.
//
// Model of one line: residual = category's level + event's level + category's own level within the event + noise. A far
// place, a rushed date or dear bidders move every line of a letting alike, which is noise to a watch on one category;
// the event's other categories tell that level (event_levels). What remains is compared by events, not by lines, as
// lines of one event are not independent (level_reference).
#include "core/error.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace pricing::learn {

struct judged_line {
  std::uint32_t event = 0; // what varies together; lines outside of events have a number of their own
  std::uint32_t category = 0;
  float residual = 0; // log price less log expected price; lines with NaN are left out
  float scale = 1;    // its expected size, as the model says: lines that are hard to predict count less
  float doubt = 0;    // variance of the event's level that was taken off, set by event_levels
};

// Levels of events from their lines of other categories: the best linear unbiased prediction of a mixed model, with
// variance components by moments.
class event_levels {
 public:
  // Learns the categories' levels and the components from whole events of the reference.
  explicit event_levels(std::span<const judged_line> reference);

  // Takes the category's level and the event's off each residual. Lines of one event must come together.
  void take_off(std::span<judged_line> lines) const;

 private:
  struct cell { // lines of one category in one event
    std::uint32_t category;
    double mean, precision; // of noise alone, relative to noise_
  };
  std::vector<cell> cells_of(std::span<const judged_line> event) const;
  void learn_components(std::span<const judged_line> reference);
  double level_of(std::uint32_t category) const;

  std::unordered_map<std::uint32_t, double> category_level_;
  double between_events_ = 0, within_event_ = 0, noise_ = 1;
};

struct price_shift {
  double shift = 0;                  // of log prices, window less reference
  double error = 0;                  // its standard deviation by chance
  double p = 1;                      // two-sided
  std::size_t lines = 0, events = 0; // of the window
};

// Lines of one category before, with the events' levels taken off. Immutable.
class level_reference {
 public:
  static constexpr std::size_t events_min = 8;

  // Lines of one event must come together. invalid_input: fewer than events_min events.
  static result<level_reference> build(std::span<const judged_line> lines);

  // Each event's mean counts by the inverse of its variance, 1/(between + noise/lines), with outlying lines and events
  // pulled in (Huber); the error allows for what events of the reference vary. An empty window has p 1.
  price_shift compare(std::span<const judged_line> window) const;

 private:
  struct event_mean {
    double mean, precision, doubt;
  };
  std::vector<event_mean> means_of(std::span<const judged_line> lines, double centre) const;
  double weight_of(const event_mean& e) const;
  struct estimate {
    double level = 0, information = 0;
  };
  estimate level_of(std::span<const event_mean> events) const;

  double level_ = 0, information_ = 0;
  double between_ = 0, noise_ = 1, excess_ = 1; // excess: variance of events against what the components say
};

} // namespace pricing::learn
