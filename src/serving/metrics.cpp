#include "serving/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace pricing::serving {
namespace {

using bounds = prometheus::Histogram::BucketBoundaries;
const bounds compute_bounds{2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 5e-3, 2e-2, 0.1, 1};
const bounds row_bounds{1, 2, 8, 32, 128, 512, 2'048, 8'192, 32'768};

prometheus::Counter& counter(prometheus::Registry& r, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(r).Add({});
}
prometheus::Family<prometheus::Counter>& counters(prometheus::Registry& r, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(r);
}
prometheus::Family<prometheus::Histogram>& histograms(prometheus::Registry& r, const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(r);
}

} // namespace

void count(const version_series& s, std::size_t requests, std::size_t rows, double seconds) {
  if (!s.requests)
    return;
  s.requests->Increment(static_cast<double>(requests));
  s.rows->Observe(static_cast<double>(rows));
  s.compute_s->Observe(seconds);
}

metrics::metrics(prometheus::Registry& r)
    : requests_(
          counters(r, "pricing_ml_inference_requests_total", "Inference requests answered, by model and version")),
      failures_(counters(r, "pricing_ml_inference_failures_total", "Inference requests without an answer, by reason")),
      compute_s_(histograms(r, "pricing_ml_inference_compute_seconds", "Time of one pass through the trees")),
      rows_(histograms(r, "pricing_ml_inference_batch_rows", "Rows of one pass through the trees")),
      created_(prometheus::BuildGauge()
                   .Name("pricing_ml_model_created_timestamp_seconds")
                   .Help("When a version in memory was registered; its age is the time since")
                   .Register(r)),
      queue_s_(
          histograms(r, "pricing_ml_inference_queue_seconds", "Wait for a thread of the pool; direct calls have none")
              .Add({}, compute_bounds)),
      loaded_(counter(r, "pricing_ml_versions_loaded_total", "Versions of models taken into memory")),
      load_failures_(counter(r, "pricing_ml_version_load_failures_total", "Models that could not be renewed")),
      shadow_rows_(counter(r, "pricing_ml_shadow_rows_total", "Rows that a shadow predicted too")),
      shadow_differing_(counter(r, "pricing_ml_shadow_rows_differing_total", "Those where it said something else")),
      shadow_dropped_(
          counter(r, "pricing_ml_shadow_requests_dropped_total", "Requests not compared: the queue was full")) {}

version_series metrics::series_of(organization_id organization, const manifest& m) {
  const prometheus::Labels labels{
      {"organization", std::to_string(organization.value)}, {"model", m.name}, {"version", std::to_string(m.version)}};
  const auto created = std::chrono::duration<double>(m.created_at.time_since_epoch()).count();
  created_.Add(labels).Set(created);
  return {&requests_.Add(labels), &compute_s_.Add(labels, compute_bounds), &rows_.Add(labels, row_bounds)};
}

void metrics::failed(std::string_view reason) {
  failures_.Add({{"reason", std::string(reason)}}).Increment();
}
void metrics::waited(double seconds) {
  queue_s_.Observe(seconds);
}
void metrics::loaded() {
  loaded_.Increment();
}
void metrics::load_failed() {
  load_failures_.Increment();
}
void metrics::compared(std::size_t rows, std::size_t differing) {
  shadow_rows_.Increment(static_cast<double>(rows));
  shadow_differing_.Increment(static_cast<double>(differing));
}
void metrics::not_compared() {
  shadow_dropped_.Increment();
}

} // namespace pricing::serving
