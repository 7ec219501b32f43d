#pragma once
// Two versions of a model side by side over HTTP, of the price model and of uploaded ones; in pricing-web and
// pricing-ml.
#include "http/route.hpp"
#include "net/cpu_pool.hpp"
#include "postgres/pool.hpp"
#include "storage/object_store.hpp"

namespace pricing::models {

// GET /api/v1/models/{name}/compare?left=…&right=…, the price model's name being "price". not_found: no such model or
// version; invalid_input: the same version twice. All must outlive the route; files are read in the pool.
http::route compare_route(postgres::pool& database, const storage::object_store& objects, net::cpu_pool& files);

} // namespace pricing::models
