#pragma once
// REST addresses of items, suppliers and events: lists with search, filters and cursors, details, observed prices.
// An item's own page, which also has its benchmark, is composed in insight.
#include "catalog/catalog_store.hpp"
#include "http/answer_cache.hpp"

namespace pricing::catalog {

// Both must outlive the routes. All of it is answered from the cache, which must be told of new
// prices and of what is derived from them.
std::vector<http::route> catalog_routes(catalog_store& store, http::answer_cache& answers);

// LIKE patterns that together find the words of `text` in normalized names: "hot mix  1.5\"" becomes %hot%, %mix%, …
// Empty when there are no words. At most eight words count.
std::vector<std::string> search_patterns(std::string_view normalized_text);

} // namespace pricing::catalog
