#pragma once
// What a price looks like beside what was known when it came: against the item's own benchmark and spread, the other
// bids, the usual quantity, the event and the supplier. The rows that the search for anomalies and the check for drift
// look at. Pure; the view must outlive it. Half a second for millions of prices.
#include "learn/anomaly.hpp"
#include "learn/market_view.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace pricing::insight {

enum class price_feature : std::uint8_t {
  price_z,           // log price over expected, in robust spreads of the item
  price_ratio,       // log price over expected
  other_bids,        // log price over the middle bid of its line; missing below three bids
  quantity,          // log quantity over the item's usual one
  event_share,       // log share of the line in its event's expected money
  supplier_position, // mean log of the supplier's prices over expected
  bidders,           // log of the most bids on one of the event's lines
  age                // log days since the item's price before, plus one
};
inline constexpr std::size_t price_features = 8;
inline constexpr std::array<const char*, price_features> price_feature_names{
    "price_z", "price_ratio", "other_bids", "quantity", "event_share", "supplier_position", "bidders", "age"};

// "3.1 times the expected price", "quantity is 1/12 of the usual". value and typical as the feature has them.
std::string in_words(price_feature feature, double value, double typical);

class price_context {
 public:
  explicit price_context(const learn::market_view& view);

  const learn::market_view& view() const { return *view_; }
  // Log expected price of a line, NaN where nothing earlier compares.
  float expected(std::uint32_t line) const { return expected_[line]; }
  float quantity_ratio(std::uint32_t line) const { return quantity_ratio_[line]; }
  float age(std::uint32_t line) const { return age_[line]; }
  float event_share(std::uint32_t line) const;
  float event_money(std::uint32_t line) const; // log, NaN outside of an event
  float bidders(std::uint32_t line) const;

  // Features of one price on a line; supplier: index into history().suppliers(), or no_index.
  void features(std::uint32_t line, float log_price, std::uint32_t supplier, std::span<float> out) const;

 private:
  void learn_events();
  void learn_items();
  void learn_suppliers();

  const learn::market_view* view_;
  std::span<const float> expected_;
  std::vector<float> quantity_ratio_, age_; // per line
  std::vector<float> event_money_, event_bidders_;
  std::vector<float> supplier_position_;
  std::vector<learn::robust_reference> items_;
};

// Bids, quotes and what was paid; not the buyer's estimates and not list prices.
bool is_offer(learn::price_kind kind);

} // namespace pricing::insight
