#pragma once
// Whether the prices of one category have moved against what was expected of them, by how much and how surely. Pure.
// Called by whoever watches a model for drift: the residual's test of drift.hpp is this one.
//
// Model of one line, all in its expected size (scale), as hard lines miss together by more:
//   residual = category's level + scale · (loading · event + category's own in the event + family's own in it + noise)
// A far place, a rushed date or dear bidders move every line of a letting: noise to a watch on one category, told by
// the event's other categories through the category's loading, which is learned with its sign and may be 0
// (event_levels). Items of one family are often one subcontractor's quote to every bidder, so that ten of them say
// hardly more than one. What remains is weighted as generalized least squares do, the inverse of the nested covariance
// (Searle, Casella and McCulloch, Variance Components, 1992, chapter 3; BLUP: Henderson 1975), components by mean
// products of pairs; outlying lines and events are pulled in (Huber 1964), the error by the sandwich of M-estimation
// (Huber 1967) over events, as lines of one event are not independent (level_reference).
#include "core/error.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pricing::learn {

struct judged_line {
  std::uint32_t event = 0; // what varies together; lines outside of events have a number of their own
  std::uint32_t category = 0;
  float residual = 0;       // log price less log expected price; lines with NaN are left out
  float scale = 1;          // its expected size, as the model says: lines that are hard to predict count less
  float doubt = 0;          // variance of the event's level that was taken off, in scales², set by event_levels
  std::uint32_t family = 0; // of the item, item_family; lines of one family in one event miss alike
};

// Of the first three words of a normalized description. Two families with one number do little harm.
std::uint32_t item_family(std::string_view normalized_name);

// Variances of one category's lines in scales².
struct line_components {
  double noise = 1, family = 0, own = 0; // own: of the category within the event
  double loading = 0;                    // standard deviation and sign of the event's common level in it
};

// Levels of events from their lines of other categories: the best linear unbiased prediction of the model above.
class event_levels {
 public:
  // Learns the categories' levels and components from whole events of the reference; small categories are drawn towards
  // what all have.
  explicit event_levels(std::span<const judged_line> reference);

  // Takes the category's level and the event's off each residual. Lines of one event must come together.
  void take_off(std::span<judged_line> lines) const;

 private:
  struct category_model {
    double level = 0;
    line_components components;
  };
  const category_model& model_of(std::uint32_t category) const;
  void learn_components(std::span<const judged_line> reference);

  std::unordered_map<std::uint32_t, category_model> categories_;
  category_model unknown_; // what all have
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

  // The error allows for what events of the reference vary. An empty window has p 1.
  price_shift compare(std::span<const judged_line> window) const;

 private:
  struct weighted_line {
    double residual, scale, weight; // of the residual in scales
    std::uint32_t event;            // 0, 1, ...
  };
  struct weighted_lines {
    std::vector<weighted_line> lines;
    std::vector<double> information; // of each event, if none were pulled in
    double all = 0;                  // their sum
  };
  struct estimate {
    double level = 0;
    double response = 0, variance = 0; // per information: of the score's slope and of the score
  };
  weighted_lines weigh(std::span<const judged_line> lines) const;
  static estimate level_of(const weighted_lines& lines, double start);
  double error_of(double information) const;

  line_components components_; // of lines with outlying ones pulled in
  double doubt_share_ = 1;     // of a doubt's variance that such lines show
  double level_ = 0, information_ = 0;
  double response_ = 1, variance_ = 1;
};

} // namespace pricing::learn
