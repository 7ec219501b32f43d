#pragma once
// The registry of served models over HTTP: upload a version, see it, promote, roll back, shadow, split, pin.
// Permissions model.read and model.manage.
#include "http/route.hpp"
#include "net/cpu_pool.hpp"
#include "postgres/pool.hpp"
#include "serving/catalog.hpp"

#include <vector>

namespace pricing::serving {

namespace asio = boost::asio;

// All must outlive the routes. The catalog may be null where nothing is served; with one, a change is answered when it
// serves, or with the reason why it does not.
struct registry_parts {
  postgres::pool& database;
  storage::object_store& objects;
  net::cpu_pool& cpu;
  const manifest_signer& signer;
  const config& settings;
  const clock& now;
  const catalog* served = nullptr;
};
std::vector<http::route> registry_routes(registry_parts parts);

// Waits until the catalog has taken this revision up; unavailable when it does not in time, conflict with the reason
// when it cannot.
asio::awaitable<result<void>> wait_until_served(const catalog& served, organization_id organization, std::string name,
                                                std::int64_t revision, net::deadline until);

} // namespace pricing::serving
