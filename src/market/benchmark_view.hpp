#pragma once
// An item's benchmark as the API shows it: the fair price at a quantity on a day, with its band (domain.md, formula 1).
#include "core/decimal.hpp"
#include "market/item_benchmark.hpp"
#include "postgres/pool.hpp"

#include <boost/describe.hpp>

#include <optional>
#include <string>

namespace pricing::market {

namespace asio = boost::asio;

// What the routes of an item need to know of it.
struct item_facts {
  std::string unit;
  std::string currency;
  bool is_priced = true;
  std::int64_t prices = 0; // comparable ones
};
BOOST_DESCRIBE_STRUCT(item_facts, (), (unit, currency, is_priced, prices))

struct benchmark_view {
  date as_of{};
  decimal quantity;
  std::string unit;
  std::string currency;
  decimal q05, q25, median, q75, q95; // unit prices
  double effective_n = 0;
  std::int64_t bids = 0;
  date newest_on{};
  double slope = 0;
  std::optional<std::string> note;
};
BOOST_DESCRIBE_STRUCT(benchmark_view, (),
                      (as_of, quantity, unit, currency, q05, q25, median, q75, q95, effective_n, bids, newest_on, slope,
                       note))

// not_found when the organization has no such item.
asio::awaitable<result<item_facts>> facts_of(postgres::pool& database, postgres::scope s, std::int64_t id);

// quantity: in the item's unit, by default its usual one; on: by default the day of the benchmark. not_found says why
// there is none.
asio::awaitable<result<benchmark_view>> benchmark_of(postgres::pool& database, postgres::scope s, std::int64_t id,
                                                     std::optional<decimal> quantity, std::optional<date> on);

} // namespace pricing::market
