#pragma once
// Predictions of served models over HTTP: the Open Inference Protocol v2 (/v2/…, errors as {"error": "…"}), and our own
// POST /api/v1/predict/{model}. Permission prediction.read; loading and unloading model.manage.
#include "http/route.hpp"
#include "net/cpu_pool.hpp"
#include "serving/answer_store.hpp"
#include "serving/callers.hpp"
#include "serving/catalog.hpp"
#include "serving/registry_routes.hpp"

#include <functional>
#include <vector>

namespace pricing::serving {

// Of one thread; all must outlive the routes.
struct inference_parts {
  const catalog& models;
  net::cpu_pool& cpu;
  shadow_queue& shadows;
  metrics& counted;
  const config& settings;
  postgres::pool& database;        // for loading and unloading
  std::function<bool()> ready{};   // whether the whole process is
  answer_store* answers = nullptr; // null: every answer is computed
  std::string version = "0.1.0";
};
std::vector<http::route> inference_routes(inference_parts parts, std::shared_ptr<callers> known);

} // namespace pricing::serving
