#pragma once
// Stored benchmarks for whoever judges prices.
#include "market/item_benchmark.hpp"
#include "postgres/pool.hpp"

#include <vector>

namespace pricing::market {

namespace asio = boost::asio;

// The benchmarks of these items, in no order; items without one are absent.
asio::awaitable<result<std::vector<item_benchmark_row>>> benchmarks_of(postgres::pool& database, postgres::scope s,
                                                                       std::vector<std::int64_t> item_ids);

} // namespace pricing::market
