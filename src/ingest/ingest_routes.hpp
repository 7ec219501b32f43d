#pragma once
// REST of imports: uploads with preview, mapping, quarantine and quality; match review; mapping templates. The use
// cases block, so they run on the CPU pool.
#include "http/route.hpp"
#include "ingest/ingest_service.hpp"
#include "net/cpu_pool.hpp"

#include <vector>

namespace pricing::ingest {

struct route_limits {
  std::uint64_t upload_bytes_max = 2ull << 30;
  int upload_timeout_s = 600;
};

std::vector<http::route> ingest_routes(ingest_service& service, net::cpu_pool& pool, const route_limits& limits = {});

} // namespace pricing::ingest
