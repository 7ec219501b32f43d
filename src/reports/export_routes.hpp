#pragma once
// Files over HTTP: ask for one, follow it, download it, delete it.
#include "http/route.hpp"
#include "net/cpu_pool.hpp"
#include "postgres/pool.hpp"
#include "storage/object_store.hpp"

namespace pricing::reports {

// What is given outlives the routes; the files come and go on the CPU pool, for a store may be far away.
std::vector<http::route> export_routes(postgres::pool& database, storage::object_store& objects, net::cpu_pool& cpu);

} // namespace pricing::reports
