#pragma once
// Files over HTTP: ask for one, follow it, download it, delete it.
#include "http/route.hpp"
#include "postgres/pool.hpp"
#include "storage/object_store.hpp"

namespace pricing::reports {

// `database` and `objects` outlive the routes.
std::vector<http::route> export_routes(postgres::pool& database, storage::folder_store& objects);

} // namespace pricing::reports
