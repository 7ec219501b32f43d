#pragma once
// Two versions of one model side by side, over HTTP in pricing-web: of the price model, the part-cost model, and of
// models that were uploaded.
#include "http/route.hpp"
#include "models/prediction_client.hpp"
#include "net/cpu_pool.hpp"
#include "postgres/pool.hpp"
#include "serving/config.hpp"
#include "serving/manifest.hpp"
#include "storage/object_store.hpp"

namespace pricing::models {

// All must outlive the route. Model files are read in the pool. Without a client nothing is said of how a shadow's
// answers differ, nor while pricing-ml, which counts that, does not answer.
struct comparison_parts {
  postgres::pool& database;
  const storage::object_store& objects;
  net::cpu_pool& cpu;
  const serving::manifest_signer& signer;
  const serving::config& settings;
  prediction_client* ml = nullptr;
};
http::route compare_route(comparison_parts parts);

} // namespace pricing::models
