#pragma once
// All SQL about items, suppliers and events. Reads only; imports write through ingest. Every call is confined to one
// organization by row-level security.
#include "catalog/item.hpp"
#include "core/ids.hpp"
#include "postgres/pool.hpp"

#include <string>
#include <vector>

namespace pricing::catalog {

namespace asio = boost::asio;

enum class item_order { name, spend, bids, recent };
BOOST_DESCRIBE_ENUM(item_order, name, spend, bids, recent)
enum class supplier_order { name, bids, position, recent };
BOOST_DESCRIBE_ENUM(supplier_order, name, bids, position, recent)

// Where the previous page ended: the value it is sorted by (`name` when by name), then the id.
struct list_end {
  double key = 0;
  std::string name;
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(list_end, (), (key, name, id))

struct item_filter {
  std::vector<std::string> patterns; // LIKE patterns that the normalized name must all match
  std::optional<std::string> category;
  std::optional<std::string> unit;
  std::optional<bool> priced;
  item_order order = item_order::spend;
  std::optional<list_end> after;
  int limit = 50;
};

struct supplier_filter {
  std::vector<std::string> patterns;
  supplier_order order = supplier_order::bids;
  std::optional<list_end> after;
  int limit = 50;
};

// A row with what it was sorted by, for the next page.
struct item_row : item_summary {
  double key = 0;
  std::string normalized_name;
};
BOOST_DESCRIBE_STRUCT(item_row, (item_summary), (key, normalized_name))
struct supplier_row : supplier_summary {
  double key = 0;
  std::string normalized_name;
};
BOOST_DESCRIBE_STRUCT(supplier_row, (supplier_summary), (key, normalized_name))
struct stored_price : price_row {
  std::int64_t row_key = 0;
};
BOOST_DESCRIBE_STRUCT(stored_price, (price_row), (row_key))

struct price_end {
  date observed_on{};
  std::int64_t row_key = 0;
};
BOOST_DESCRIBE_STRUCT(price_end, (), (observed_on, row_key))

struct event_end {
  date occurred_on{};
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(event_end, (), (occurred_on, id))

class catalog_store {
 public:
  explicit catalog_store(postgres::pool& database) : database_(database) {}

  // Lists return up to `limit` rows in their order.
  asio::awaitable<result<std::vector<item_row>>> items(postgres::scope s, item_filter f);
  asio::awaitable<result<item_facets>> item_facets_of(postgres::scope s);
  asio::awaitable<result<item_detail>> item(postgres::scope s, std::int64_t id);
  asio::awaitable<result<std::vector<stored_price>>>
  prices(postgres::scope s, std::int64_t item, std::optional<short> kind, std::optional<price_end> after, int limit);
  asio::awaitable<result<std::vector<supplier_row>>> suppliers(postgres::scope s, supplier_filter f);
  asio::awaitable<result<supplier_detail>> supplier(postgres::scope s, std::int64_t id);
  asio::awaitable<result<std::vector<event_summary>>> events(postgres::scope s, std::string search,
                                                             std::optional<event_end> after, int limit);
  asio::awaitable<result<event_detail>> event(postgres::scope s, std::int64_t id);

 private:
  postgres::pool& database_;
};

} // namespace pricing::catalog
