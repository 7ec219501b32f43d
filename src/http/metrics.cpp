#include "http/metrics.hpp"

#include "http/process_metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace pricing::http {

struct metrics::state {
  explicit state(prometheus::Registry& r)
      : registry(r),
        requests(prometheus::BuildCounter()
                     .Name("pricing_http_requests_total")
                     .Help("Requests answered, by route, method and status class")
                     .Register(r)),
        duration(prometheus::BuildHistogram()
                     .Name("pricing_http_request_duration_seconds")
                     .Help("From the first byte of a request to the last byte of its answer")
                     .Register(r)),
        in_flight(prometheus::BuildGauge()
                      .Name("pricing_http_requests_in_flight")
                      .Help("Requests being answered")
                      .Register(r)
                      .Add({})),
        connections(
            prometheus::BuildGauge().Name("pricing_http_connections").Help("Open connections").Register(r).Add({})),
        refused(prometheus::BuildCounter()
                    .Name("pricing_http_connections_refused_total")
                    .Help("Connections closed because http.connections_max was reached")
                    .Register(r)
                    .Add({})),
        failed_handshakes(prometheus::BuildCounter()
                              .Name("pricing_http_tls_handshakes_failed_total")
                              .Help("Connections closed because no TLS could be agreed on")
                              .Register(r)
                              .Add({})) {}

  prometheus::Registry& registry;
  prometheus::Family<prometheus::Counter>& requests;
  prometheus::Family<prometheus::Histogram>& duration;
  prometheus::Gauge& in_flight;
  prometheus::Gauge& connections;
  prometheus::Counter& refused;
  prometheus::Counter& failed_handshakes;
};

metrics::metrics(prometheus::Registry& registry, const std::string& version, std::size_t connections_max)
    : state_(std::make_unique<state>(registry)) {
  prometheus::BuildGauge()
      .Name("pricing_build_info")
      .Help("1; the version is a label")
      .Register(registry)
      .Add({{"version", version}})
      .Set(1);
  prometheus::BuildGauge()
      .Name("pricing_http_connections_max")
      .Help("Connections above this are refused (http.connections_max)")
      .Register(registry)
      .Add({})
      .Set(static_cast<double>(connections_max));
}
metrics::~metrics() = default;

void metrics::count(series& s, int status, std::chrono::nanoseconds took) {
  static const prometheus::Histogram::BucketBoundaries bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                              0.25,  0.5,    1,     2.5,  5,     10};
  static constexpr const char* classes[] = {"0xx", "1xx", "2xx", "3xx", "4xx", "5xx"};
  const auto of_class = static_cast<std::size_t>(status >= 100 && status < 600 ? status / 100 : 0);
  auto& counter = s.requests[of_class];
  if (!counter)
    counter = &state_->requests.Add({{"method", s.method}, {"route", s.route}, {"status", classes[of_class]}});
  if (!s.duration)
    s.duration = &state_->duration.Add({{"method", s.method}, {"route", s.route}}, bounds);
  counter->Increment();
  s.duration->Observe(std::chrono::duration<double>(took).count());
}

prometheus::Gauge& metrics::in_flight() {
  return state_->in_flight;
}
prometheus::Gauge& metrics::connections() {
  return state_->connections;
}
prometheus::Counter& metrics::refused_connections() {
  return state_->refused;
}

prometheus::Counter& metrics::failed_handshakes() {
  return state_->failed_handshakes;
}

void metrics::set_certificate_end(std::chrono::system_clock::time_point at) {
  prometheus::BuildGauge()
      .Name("pricing_http_tls_certificate_expires_timestamp_seconds")
      .Help("When the certificate that this server shows ends")
      .Register(state_->registry)
      .Add({})
      .Set(std::chrono::duration<double>(at.time_since_epoch()).count());
}

std::string metrics::scrape() const {
  auto families = state_->registry.Collect();
  for (auto& one : process_families())
    families.push_back(std::move(one));
  return prometheus::TextSerializer().Serialize(families);
}

} // namespace pricing::http
