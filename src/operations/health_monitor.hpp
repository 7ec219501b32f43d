#pragma once
// Looks at a running system from outside, through the health pages of its web process.
#include "operations/health_report.hpp"
#include "operations/web_probe.hpp"

#include <functional>

namespace pricing::operations {

struct health_options {
  std::string url; // of pricing-web, or what stands before it
  std::string environment = "production";
  int timeout_s = 10; // for one answer
  std::string ca_file;
};

// Never throws for what the server does: every check is in the report, whatever happens.
//   live, ready         its probes answer 200 as ours do
//   database, cache,
//   queue, ml           each dependency as /health/components tells
//   certificates        days to the first expiry of the chain: fails below 7, warns below 30; warns without TLS beyond
//                       this machine
//   latency             median of five answers: fails above 1,000 ms, warns above 200 ms
//   version             that it names one
using probe_function = std::function<probe_answer(const probe_request&)>;
health_report check_health(const health_options& options, const probe_function& ask = probe);

} // namespace pricing::operations
