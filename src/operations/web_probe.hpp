#pragma once
// One GET to a server that nobody vouches for: it may be away, slow, not speak HTTP or show a wrong certificate. Never
// throws for what the server does; waits and reads within limits.
#include <cstddef>
#include <optional>
#include <string>

#include <chrono>

namespace pricing::operations {

struct probe_request {
  std::string url; // http or https
  std::chrono::milliseconds timeout{10'000};
  std::size_t body_max = 256 * 1024; // bytes; above it the probe fails
  std::string ca_file;               // PEM; the system's authorities when empty
};

struct probe_answer {
  std::string failure; // why there was no HTTP answer; empty when there was one
  bool is_timeout = false;
  int status = 0;
  std::string body;
  double duration_ms = 0;
  std::string final_url;                                         // after redirects
  std::optional<std::chrono::sys_seconds> certificate_expires{}; // the earliest of the chain, over TLS
};

probe_answer probe(const probe_request& r);

} // namespace pricing::operations
