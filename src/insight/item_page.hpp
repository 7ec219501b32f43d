#pragma once
// GET /api/v1/items/{id}: an item with its statistics and its benchmark, or why it has none.
#include "catalog/catalog_store.hpp"
#include "http/route.hpp"
#include "market/benchmark_view.hpp"

namespace pricing::insight {

struct item_page : catalog::item_detail {
  std::optional<market::benchmark_view> benchmark;
  std::optional<std::string> why_no_benchmark;
};
BOOST_DESCRIBE_STRUCT(item_page, (catalog::item_detail), (benchmark, why_no_benchmark))

// Store and database must outlive the route.
http::route item_page_route(catalog::catalog_store& store, postgres::pool& database);

} // namespace pricing::insight
