#pragma once
// The price history of one organization in columns, sorted by item, day, event and line. Built once from rows in any
// order, then immutable: any number of readers, no lock. 2.4 million observations take about 80 MB.
// Callers: insight (loads it from the database), the evaluation tools (from files).
#include "core/ids.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pricing::learn {

// Values as stored in price_observations.kind.
enum class price_kind : std::uint8_t {
  bid = 1,
  estimate = 2, // the buyer's own; never a feature of the line it was made for
  quote = 3,
  purchase_order = 4,
  invoice = 5,
  contract = 6,
  list = 7,
};

struct item_row {
  item_id id;
  std::string normalized_name;
  std::string unit;     // normalized; prices of different units are different items
  std::string category; // may be empty
  bool priced = true;   // false for lump sums and money units: kept, never benchmarked
};

struct event_row {
  event_id id;
  std::string place; // coarse region such as a county or a plant; may be empty
};

struct observation_row {
  item_id item;
  supplier_id supplier; // none for an estimate
  event_id event;       // none for a purchase outside an event
  std::chrono::sys_days observed_on;
  int line = 0; // 0 when unknown
  price_kind kind = price_kind::bid;
  int rank = 0; // 1 is the event's lowest bidder; 0 when unknown
  double price = 0;
  double quantity = 0;
};

inline constexpr std::uint32_t no_index = std::numeric_limits<std::uint32_t>::max();

// Everything one event's line got: the bids for one item at one quantity. Logs are natural; NaN when absent.
struct price_line {
  std::uint32_t item;  // index into items()
  std::uint32_t event; // index into events(), or no_index
  std::int32_t day;    // days since 1970-01-01
  std::uint32_t first; // observations [first, first + count)
  std::uint16_t count;
  std::uint16_t bids; // prices other than estimates and lists
  float log_quantity;
  float median; // of log prices of bids
  float low;
  float winner; // price of the bidder ranked 1 over the whole event; the low price where no rank is known
  float estimate;
};

class price_history {
 public:
  std::size_t size() const { return log_price_.size(); }
  std::size_t memory_bytes() const;

  std::span<const item_row> items() const { return items_; }
  std::span<const event_row> events() const { return events_; }
  // Dense index of an item, or no_index.
  std::uint32_t index_of(item_id id) const;

  std::span<const price_line> lines() const { return lines_; }
  // Lines of one item in order of day.
  std::span<const price_line> lines_of(std::uint32_t item) const;

  // Columns, one value per observation, in the order of lines().
  std::span<const float> log_price() const { return log_price_; }
  std::span<const std::uint32_t> supplier() const { return supplier_; } // index into suppliers(), or no_index
  std::span<const price_kind> kind() const { return kind_; }
  std::span<const std::uint8_t> rank() const { return rank_; }
  std::span<const supplier_id> suppliers() const { return suppliers_; }

  // Rows left out while building: price or quantity not above zero, unknown item, unpriced item.
  std::size_t left_out() const { return left_out_; }

 private:
  friend class history_builder;

  std::vector<item_row> items_;
  std::vector<event_row> events_;
  std::vector<supplier_id> suppliers_;
  std::unordered_map<std::int64_t, std::uint32_t> item_index_;
  std::vector<price_line> lines_;
  std::vector<std::uint32_t> first_line_; // per item, one more at the end
  std::vector<float> log_price_;
  std::vector<std::uint32_t> supplier_;
  std::vector<price_kind> kind_;
  std::vector<std::uint8_t> rank_;
  std::size_t left_out_ = 0;
};

// One currency per history: the caller selects it and passes only rows in it.
class history_builder {
 public:
  void reserve(std::size_t observations);
  // Items and events before the observations that name them; the first row of an id wins.
  void add(item_row item);
  void add(event_row event);
  // A row with a price or quantity that is not above zero, or of an unknown or unpriced item, is counted and left out.
  void add(const observation_row& row);
  // Leaves the builder empty.
  price_history build();

 private:
  struct row {
    std::uint32_t item, event, supplier, line;
    std::int32_t day;
    float log_price, log_quantity;
    price_kind kind;
    std::uint8_t rank;
  };
  price_history history_;
  std::unordered_map<std::int64_t, std::uint32_t> event_index_;
  std::unordered_map<std::int64_t, std::uint32_t> supplier_index_;
  std::vector<row> rows_;
};

} // namespace pricing::learn
