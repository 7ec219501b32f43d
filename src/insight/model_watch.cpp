#include "insight/model_watch.hpp"

#include "core/log.hpp"

#include <boost/json/string.hpp>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <algorithm>

namespace pricing::insight {
namespace {

using steady = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto live_again_after = 1h;
constexpr auto patience = 250ms; // between looks for the first models

prometheus::Family<prometheus::Gauge>& gauges(prometheus::Registry& r, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(r);
}

double seconds_of(timestamp at) {
  return std::chrono::duration<double>(at.time_since_epoch()).count();
}

} // namespace

model_series::model_series(prometheus::Registry& r)
    : trained_until_(gauges(r, "pricing_model_trained_until_timestamp_seconds",
                            "Day of the newest price that the price model in use has learned from")),
      newest_price_(gauges(r, "pricing_model_newest_price_timestamp_seconds",
                           "Day of the newest price that predictions are made from")),
      promoted_(gauges(r, "pricing_model_promoted_timestamp_seconds",
                       "When the version in use was promoted; its age is the time since")),
      tested_coverage_(gauges(r, "pricing_model_tested_coverage_ratio",
                              "Share of bids of the test year inside their 90 % interval; 0.9 is promised")),
      tested_error_(gauges(r, "pricing_model_tested_error_ratio",
                           "Median of |price/predicted - 1| over the bids of the test year")),
      calibration_error_(gauges(r, "pricing_model_calibration_error_ratio",
                                "Mean distance of the coverage of intervals from what they say, over ten widths")),
      drift_checked_(gauges(r, "pricing_model_drift_checked_timestamp_seconds",
                            "When new prices were last compared with those that the model was tested on")),
      drifted_(gauges(r, "pricing_model_drifted",
                      "Columns that drifted by the newest check: 1 or 0 of all prices together (scope all), the number "
                      "of categories (scope categories)")),
      live_prices_(gauges(r, "pricing_model_live_prices",
                          "Prices that came in within 90 days after a verdict of the last 180 on the same item")),
      live_coverage_(
          gauges(r, "pricing_model_live_coverage_ratio", "Share of those prices inside the verdict's 90 % interval")),
      live_error_(gauges(r, "pricing_model_live_error_ratio",
                         "Median of |price/expected - 1| of those prices against their verdicts")) {}

void model_series::show(organization_id organization, const models::snapshot& in_use, const model_quality& known,
                        const live_quality& live) {
  shown now;
  const std::string name = std::to_string(organization.value);
  const auto set = [&](family& f, double value, prometheus::Labels labels = {}) {
    labels.insert({"organization", name});
    auto& gauge = f.Add(labels);
    gauge.Set(value);
    now.emplace(&gauge, &f);
  };
  set(trained_until_, seconds_of(in_use.model.trained_until() - std::chrono::days(1))); // it learned from days before
  set(newest_price_, seconds_of(in_use.loaded.newest_on));
  if (known.promoted_at)
    set(promoted_, seconds_of(*known.promoted_at), {{"version", in_use.version}});
  if (known.tested) {
    set(tested_coverage_, known.tested->coverage_90);
    set(tested_error_, known.tested->typical_error);
    set(calibration_error_, known.tested->calibration_error);
  }
  if (known.drift) {
    set(drift_checked_, seconds_of(known.drift->checked_at));
    for (const auto& c : known.drift->columns) {
      set(drifted_, c.over_all ? 1 : 0, {{"column", c.name}, {"scope", "all"}});
      set(drifted_, c.categories, {{"column", c.name}, {"scope", "categories"}});
    }
  }
  set(live_prices_, static_cast<double>(live.prices));
  if (live.prices > 0) {
    set(live_coverage_, live.coverage_90);
    set(live_error_, live.typical_error);
  }
  shown& before = shown_[organization];
  std::erase_if(before, [&](const auto& series) { return now.contains(series.first); });
  forget(before);
  before = std::move(now);
}

void model_series::keep_only(const std::set<organization_id>& organizations) {
  std::erase_if(shown_, [&](const auto& one) {
    if (organizations.contains(one.first))
      return false;
    forget(one.second);
    return true;
  });
}

void model_series::forget(const shown& series) {
  for (const auto& [gauge, of] : series)
    of->Remove(gauge);
}

model_watch::model_watch(models::snapshot_cache::session_factory connect, const models::snapshot_cache& snapshots,
                         std::chrono::milliseconds every, prometheus::Registry& registry)
    : connect_(std::move(connect)),
      snapshots_(snapshots),
      every_(every),
      series_(registry),
      failed_(prometheus::BuildCounter()
                  .Name("pricing_model_quality_failures_total")
                  .Help("Looks at how well models do that failed; what was known before is shown on")
                  .Register(registry)
                  .Add({})),
      thread_([this] { run(); }) {}

model_watch::~model_watch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

bool model_watch::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, time, [this] { return stopping_; });
}

void model_watch::run() {
  while (!snapshots_.ready())
    if (!pause(patience))
      return;
  do
    look();
  while (pause(every_));
}

// A connection for each: one organization's trouble is its own, and a minute is long to hold one.
void model_watch::look() {
  std::set<organization_id> present;
  for (const auto& [organization, s] : snapshots_.in_memory()) {
    present.insert(organization);
    try {
      const auto database = connect_();
      const auto known = find_model_quality(*database, organization, s->version);
      series_.show(organization, *s, known, live_of(*database, organization, s->loaded.snapshot));
    } catch (const std::exception& e) {
      failed_.Increment();
      log::error("how well a model does cannot be looked up",
                 {{"organization", organization.value}, {"error", boost::json::string(e.what())}});
    }
  }
  series_.keep_only(present);
  std::erase_if(live_, [&](const auto& one) { return !present.contains(one.first); });
}

// Outcomes come with prices, whose snapshot then is another.
const live_quality& model_watch::live_of(postgres::session& database, organization_id organization,
                                         const std::string& snapshot) {
  const auto now = steady::now();
  const auto known = live_.find(organization);
  if (known != live_.end() && known->second.snapshot == snapshot && now - known->second.at < live_again_after)
    return known->second.found;
  return live_
      .insert_or_assign(organization, measured_live{snapshot, now, measure_live_quality(database, organization)})
      .first->second.found;
}

} // namespace pricing::insight
