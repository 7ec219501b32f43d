#pragma once
// Settings of serving (section "serving").
#include <boost/describe.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace pricing::serving {

struct config {
  std::uint64_t model_bytes_max = 256 << 20; // of an uploaded model file
  std::uint64_t body_max = 16 << 20;         // of one inference request
  std::size_t values_max = 4'000'000;        // features of one inference request, over all rows
  int models_max = 100;                      // of one organization
  int direct_us_max = 200;                   // estimated work up to this runs on the event loop, above it on the pool
  int timeout_ms = 10'000;                   // of one inference request; its own may only be shorter
  std::size_t shadow_queue_max = 256;        // requests that wait for a shadow's answer; above it they are not compared
  // The Open Inference Protocol without tokens, for an ingress or mesh that keeps strangers out: the models of this
  // organization, inference only. 0: tokens are needed.
  std::int64_t anonymous_organization = 0;
  // Answers calls of so many rows that a GPU is faster, where this library, a driver and a device are; "": never.
  std::string gpu_library = "libpricing_forest_gpu.so";
  std::size_t gpu_rows_min = 0; // 0: as measured when a version is loaded
  // A version is promoted only if its metadata has this metric, better than that of each baseline it names. Empty: any
  // version may be promoted.
  std::string gate_metric;
  bool gate_higher_is_better = false;
};
BOOST_DESCRIBE_STRUCT(config, (),
                      (model_bytes_max, body_max, values_max, models_max, direct_us_max, timeout_ms, shadow_queue_max,
                       anonymous_organization, gpu_library, gpu_rows_min, gate_metric, gate_higher_is_better))

// Answers that took long, kept in Redis (answer_store.hpp): section "answers". They are looked for from where on a look
// pays if one in ten is found (bench/answer_cache.cpp).
struct answers_config {
  int ttl_s = 600; // how long an answer is kept; 0 switches all of this off
  int timeout_ms = 20;
  int retry_ms = 5'000;                     // between two probes while Redis is away
  std::size_t answer_bytes_max = 1 << 20;   // larger ones are not kept
  std::size_t request_bytes_max = 1 << 20;  // nor those to larger requests
  std::size_t keeping_bytes_max = 16 << 20; // on the way to Redis, of one thread; above it nothing is kept
  int served_us_min = 2'000;                // estimated work of a served model's contributions from which on
  std::size_t lines_bytes_min = 400;        // body of a price batch from which on: some four lines
};
BOOST_DESCRIBE_STRUCT(answers_config, (),
                      (ttl_s, timeout_ms, retry_ms, answer_bytes_max, request_bytes_max, keeping_bytes_max,
                       served_us_min, lines_bytes_min))

} // namespace pricing::serving
