#pragma once
// Prometheus series of serving. Thread-safe.
#include "core/ids.hpp"
#include "serving/version.hpp"

#include <string_view>

namespace prometheus {
class Registry;
class Gauge;
template <class T>
class Family;
} // namespace prometheus

namespace pricing::serving {

// One pass through the trees, of one or several requests.
void count(const version_series& s, std::size_t requests, std::size_t rows, double seconds);

class metrics {
 public:
  explicit metrics(prometheus::Registry& registry);

  // Of one version, made when it is loaded.
  version_series series_of(organization_id organization, const manifest& m);
  // A request that got no answer: unavailable, timeout, invalid_input, not_found, …
  void failed(std::string_view reason);
  void waited(double seconds);
  void loaded();
  void load_failed();
  // Of the requests that a shadow answered: how many rows differed from what was returned.
  void compared(std::size_t rows, std::size_t differing);
  void not_compared();

 private:
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Counter>& failures_;
  prometheus::Family<prometheus::Histogram>& compute_s_;
  prometheus::Family<prometheus::Histogram>& rows_;
  prometheus::Family<prometheus::Gauge>& created_;
  prometheus::Histogram& queue_s_;
  prometheus::Counter& loaded_;
  prometheus::Counter& load_failures_;
  prometheus::Counter& shadow_rows_;
  prometheus::Counter& shadow_differing_;
  prometheus::Counter& shadow_dropped_;
};

} // namespace pricing::serving
