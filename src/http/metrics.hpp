#pragma once
// Prometheus series of the server. Label sets are made on first use and then found by route index, status class.
#include "http/route.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace prometheus {
class Registry;
class Counter;
class Gauge;
class Histogram;
} // namespace prometheus

namespace pricing::http {

class metrics {
 public:
  metrics(prometheus::Registry& registry, const std::string& version, std::size_t connections_max);
  ~metrics();

  struct series {
    std::string method, route;
    std::array<prometheus::Counter*, 6> requests{}; // by status class
    prometheus::Histogram* duration = nullptr;
  };
  // Thread-safe; series of the same labels share their counters.
  void count(series& s, int status, std::chrono::nanoseconds took);
  prometheus::Gauge& in_flight();
  prometheus::Gauge& connections();
  prometheus::Counter& refused_connections();
  prometheus::Counter& failed_handshakes();
  // Of the server's own certificate; the series exists with TLS only.
  void set_certificate_end(std::chrono::system_clock::time_point at);
  // Text exposition format of the whole registry and of the process itself.
  std::string scrape() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace pricing::http
