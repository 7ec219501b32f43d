#pragma once
// Should-cost over HTTP. pricing-web takes tables of quotes, asks for training and shows what is in use; pricing-ml
// answers what a part should cost, and pricing-web passes that on (ml_routes.hpp). Permissions prediction.read,
// model.read and model.manage.
#include "http/route.hpp"
#include "models/should_cost.hpp"
#include "net/cpu_pool.hpp"
#include "postgres/pool.hpp"
#include "storage/object_store.hpp"

#include <list>
#include <mutex>
#include <vector>

namespace pricing::models {

namespace asio = boost::asio;

// Models by the SHA-256 of their file, so that none is ever stale; the one used longest ago leaves. Thread-safe.
class part_cost_cache {
 public:
  explicit part_cost_cache(const storage::object_store& objects) : objects_(objects) {}
  // Reads and builds it where it is not in memory: blocking, tens of milliseconds.
  result<std::shared_ptr<const loaded_part_cost>> get(const std::string& object_key);

 private:
  static constexpr std::size_t models_max = 8;
  using entry = std::pair<std::string, std::shared_ptr<const loaded_part_cost>>;

  const storage::object_store& objects_;
  std::mutex mutex_;
  std::list<entry> models_; // the one used last in front
};

// Of pricing-ml: POST /api/v1/should-cost. All must outlive the route.
http::route should_cost_route(postgres::pool& database, part_cost_cache& models, net::cpu_pool& cpu, const clock& now);

// Of pricing-web: tables, training, the model in use. All must outlive the routes.
std::vector<http::route> part_table_routes(postgres::pool& database, storage::object_store& objects,
                                           net::cpu_pool& cpu);

} // namespace pricing::models
