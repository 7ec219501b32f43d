#pragma once
// Inside of market_view; used by the view, the features and the training, nobody else.
#include "learn/market_view.hpp"

#include <array>
#include <string_view>
#include <unordered_map>

namespace pricing::learn::detail {

inline constexpr std::size_t mix_size = 16; // hashed shares of categories in a project's money

// Decayed mean of residuals (line minus its benchmark as it stood), kept as steps in time so that any earlier day can
// be asked. Values of a day become visible the day after.
class level_track {
 public:
  struct level {
    float median = 0, low = 0, weight = 0;
  };
  void add(std::int32_t day, float median, float low, float weight, float decay_days);
  // Shrunk towards zero by `prior` weights.
  level before(std::int32_t day, float prior) const;

 private:
  struct step {
    std::int32_t day;
    float median, low, weight; // sums
  };
  std::vector<step> steps_;
};

struct event_state {
  std::int32_t day = 0;
  std::uint32_t place = no_index;
  float lines = 0;
  float log_total = 0; // of quantity times benchmark, as known before the letting
  float residual_median = 0, residual_low = 0, residual_weight = 0;
  float bidders = 0;
  std::array<float, mix_size> mix{};
};

struct view_data {
  const price_history* history = nullptr;
  std::vector<std::int32_t> days; // with any line, ascending
  std::vector<float> index_after; // log index once the day is known
  std::vector<float> benchmark;   // per line, NaN where nothing was known
  std::vector<float> index_of_line;
  std::vector<event_state> events;
  std::vector<std::uint32_t> events_by_day; // indices into events

  std::unordered_map<std::string, std::uint32_t> places, units, categories, tokens;
  std::vector<std::uint32_t> unit_of, category_of;
  std::vector<std::vector<std::uint32_t>> tokens_of;
  std::vector<std::vector<std::uint32_t>> items_with; // token -> items in order of first day
  std::vector<std::int32_t> first_day;                // of an item
  std::vector<std::int32_t> first_days;               // sorted

  level_track overall;
  std::vector<level_track> by_category, by_place, by_token, by_item, by_unit, by_size;

  float index_before(std::int32_t day) const;
};

// The same on every machine and in every history, unlike a position in a table.
std::uint32_t stable_hash(std::string_view text);
std::vector<std::string_view> words(std::string_view text);

struct usual {
  float benchmark; // log price at the quantity, now
  float weight;
};
// Kernel median (300 days, 0.8 in log quantity) of an item's lines before a day; NaN when there are none.
usual kernel_median(const view_data& v, std::uint32_t item, std::int32_t day, float log_quantity);

// What the nearest other items by words cost; NaN when nothing is near.
struct nearest {
  float benchmark = 0;
  float similarity = 0;
};
nearest nearest_items(const view_data& v, std::span<const std::uint32_t> tokens, std::uint32_t unit,
                      std::uint32_t itself, std::int32_t day, float log_quantity);

struct feature_rows {
  std::vector<float> values; // lines × feature_total
  std::vector<float> base;   // log benchmark per line, NaN: nothing to compare
  std::vector<float> effective_n;
  std::vector<std::uint32_t> bids;
  std::vector<std::int32_t> newest_day;
  std::vector<float> log_quantity;
  std::vector<std::uint32_t> unit, item;
  float log_total = 0;
};
feature_rows make_features(const view_data& v, const query_event& event, std::span<const query_line> lines);
// As if the event were about to be let; line numbers index history.lines() and share one day and event.
feature_rows make_features(const view_data& v, std::span<const std::uint32_t> lines);

std::size_t feature_total();
// Reason group of every feature.
std::span<const std::uint8_t> feature_groups();
std::span<const char* const> feature_names();

} // namespace pricing::learn::detail
