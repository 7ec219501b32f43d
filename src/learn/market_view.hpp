#pragma once
// What was known about prices on each day: a causal market index, levels of categories and places, an index of words,
// and the benchmark of every past line as it stood before its letting. Built once per history (seconds for millions of
// observations), then immutable; adding later observations changes nothing that is asked for an earlier day.
// The history must outlive the view.
#include "learn/history.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace pricing::learn {

struct query_event {
  std::chrono::sys_days on; // only strictly earlier observations are used
  std::string place;        // as in event_row; may be empty
};

struct query_line {
  item_id item;                       // none: judged by its description
  std::string normalized_description; // used when the item is unknown
  std::string unit;                   // normalized; of a known item it must be the item's, else the item is not used
  double quantity = 0;                // not above zero: unknown, the item's usual is taken
};

namespace detail {
struct view_data;
}

class market_view {
 public:
  explicit market_view(const price_history& history);
  market_view(market_view&&) noexcept;
  ~market_view();

  const price_history& history() const;
  // Causal log index before a day: only prices of earlier days; starts at 0.
  double log_index(std::int32_t day) const;
  // Feature rows of an event's lines, feature_count() values each, NaN for unknown. For training and tests.
  std::vector<float> features(const query_event& event, std::span<const query_line> lines) const;
  static std::size_t feature_count();
  // Category of an item by its index in the history; without one, the leading word of its description groups items.
  std::uint32_t category_of(std::uint32_t item) const;
  std::string category_name(std::uint32_t category) const;
  // Log benchmark of every line of history().lines() as it stood before its day, at its quantity; NaN where nothing was
  // known.
  std::span<const float> line_benchmarks() const;

  const detail::view_data& data() const { return *data_; }

 private:
  std::unique_ptr<detail::view_data> data_;
};

} // namespace pricing::learn
