#include "market/benchmark_store.hpp"

namespace pricing::market {
namespace {

constexpr const char* find_benchmarks =
    "select item_id, as_of, reference_quantity, slope, q05, q25, q50, q75, q95, effective_n, newest_on, bids "
    "from item_benchmarks where organization_id = $1 and item_id = any($2)";

} // namespace

asio::awaitable<result<std::vector<item_benchmark_row>>> benchmarks_of(postgres::pool& database, postgres::scope s,
                                                                       std::vector<std::int64_t> item_ids) {
  co_return co_await database.query<item_benchmark_row>(s, find_benchmarks, s.organization, item_ids);
}

} // namespace pricing::market
