#pragma once
// Items, suppliers and events (lettings, proposals, RFQs) as the API shows them. Money and quantities are decimals;
// shares, ratios and sparklines are numbers.
#include "core/clock.hpp"
#include "core/decimal.hpp"

#include <boost/describe.hpp>

#include <optional>
#include <string>
#include <vector>

namespace pricing::catalog {

struct item_summary {
  std::int64_t id = 0;
  std::string name;
  std::string unit;
  std::optional<std::string> category;
  std::int64_t observations = 0;
  std::int64_t suppliers = 0;
  std::optional<date> last_on;
  std::optional<decimal> median_price;
  std::optional<decimal> last_price;
  decimal spend;
  std::vector<double> sparkline; // median price of up to the last twelve quarters with bids, oldest first
};
BOOST_DESCRIBE_STRUCT(item_summary, (),
                      (id, name, unit, category, observations, suppliers, last_on, median_price, last_price, spend,
                       sparkline))

struct item_statistics {
  std::int64_t observations = 0;
  std::int64_t bids = 0;
  std::int64_t suppliers = 0;
  std::optional<date> first_on;
  std::optional<date> last_on;
  std::optional<decimal> median_price;
  std::optional<decimal> last_price;
  decimal spend; // quantity × price of the lowest bid of every event
};
BOOST_DESCRIBE_STRUCT(item_statistics, (),
                      (observations, bids, suppliers, first_on, last_on, median_price, last_price, spend))

struct item_detail {
  std::int64_t id = 0;
  std::string name;
  std::string unit;
  std::optional<std::string> category;
  std::optional<std::string> code;
  bool is_priced = true; // false for lump sums and dollar allowances: kept, but no unit price to compare
  std::vector<std::string> aliases;
  item_statistics statistics;
};
BOOST_DESCRIBE_STRUCT(item_detail, (), (id, name, unit, category, code, is_priced, aliases, statistics))

struct facet {
  std::string value;
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(facet, (), (value, count))

struct item_facets {
  std::vector<facet> units;
  std::vector<facet> categories;
};
BOOST_DESCRIBE_STRUCT(item_facets, (), (units, categories))

// One observed price. kind: bid, estimate, quote, purchase_order, invoice, contract, list.
struct price_row {
  date observed_on;
  decimal price;
  decimal quantity;
  std::optional<decimal> amount;
  std::string currency;
  std::string kind;
  std::optional<int> rank; // 1 is the lowest total of the event
  std::optional<std::int64_t> supplier_id;
  std::optional<std::string> supplier;
  std::optional<std::int64_t> event_id;
  std::optional<std::string> event;
  std::int64_t upload_id = 0;
  int source_row = 0;
};
BOOST_DESCRIBE_STRUCT(price_row, (),
                      (observed_on, price, quantity, amount, currency, kind, rank, supplier_id, supplier, event_id,
                       event, upload_id, source_row))

struct supplier_summary {
  std::int64_t id = 0;
  std::string name;
  std::int64_t bids = 0;
  std::int64_t events = 0;
  std::int64_t wins = 0;
  double win_rate = 0;            // wins / events
  std::optional<double> position; // mean price against the item's fair price: 0.08 is 8 % above
  std::optional<double> spread;   // standard deviation of the same, as a log ratio
  std::optional<date> last_on;
};
BOOST_DESCRIBE_STRUCT(supplier_summary, (), (id, name, bids, events, wins, win_rate, position, spread, last_on))

struct supplier_item {
  std::int64_t item_id = 0;
  std::string name;
  std::string unit;
  double position = 0;
  std::int64_t bids = 0;
};
BOOST_DESCRIBE_STRUCT(supplier_item, (), (item_id, name, unit, position, bids))

struct supplier_year {
  int year = 0;
  std::int64_t bids = 0;
  std::int64_t wins = 0;
};
BOOST_DESCRIBE_STRUCT(supplier_year, (), (year, bids, wins))

struct supplier_detail : supplier_summary {
  std::vector<supplier_item> cheap_items;
  std::vector<supplier_item> dear_items;
  std::vector<supplier_year> by_year;
};
BOOST_DESCRIBE_STRUCT(supplier_detail, (supplier_summary), (cheap_items, dear_items, by_year))

struct event_summary {
  std::int64_t id = 0;
  std::string reference;
  date occurred_on;
  std::int64_t bidders = 0;
  std::int64_t lines = 0;
  std::optional<decimal> low_total;
};
BOOST_DESCRIBE_STRUCT(event_summary, (), (id, reference, occurred_on, bidders, lines, low_total))

struct event_bidder {
  std::optional<std::int64_t> supplier_id; // none for the buyer's own estimate
  std::string name;
  int rank = 0; // 1 is the lowest total
  std::int64_t lines = 0;
  decimal total;
};
BOOST_DESCRIBE_STRUCT(event_bidder, (), (supplier_id, name, rank, lines, total))

struct event_detail : event_summary {
  std::optional<std::string> place;
  std::vector<event_bidder> by_bidder; // lowest total first
};
BOOST_DESCRIBE_STRUCT(event_detail, (event_summary), (place, by_bidder))

} // namespace pricing::catalog
