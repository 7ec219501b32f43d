#pragma once
// Settings of serving (section "serving").
#include <boost/describe.hpp>

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
  // A version is promoted only if its metadata has this metric, better than that of each baseline it names. Empty: any
  // version may be promoted.
  std::string gate_metric;
  bool gate_higher_is_better = false;
};
BOOST_DESCRIBE_STRUCT(config, (),
                      (model_bytes_max, body_max, values_max, models_max, direct_us_max, timeout_ms, shadow_queue_max,
                       anonymous_organization, gate_metric, gate_higher_is_better))

} // namespace pricing::serving
