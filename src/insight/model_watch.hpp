#pragma once
// Shows on /metrics of pricing-ml how well the models do that it holds in memory (model_quality.hpp), looked up once a
// minute by a thread of its own. Labels: the organization, of which only so many are in memory, and the columns of
// drift reports; an organization that leaves memory takes its series along.
#include "insight/model_quality.hpp"
#include "models/snapshot_cache.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

namespace prometheus {
class Gauge;
class Counter;
class Registry;
template <class T>
class Family;
} // namespace prometheus

namespace pricing::insight {

// The series, without the thread. One user at a time.
class model_series {
 public:
  explicit model_series(prometheus::Registry& registry);
  model_series(const model_series&) = delete;

  // Replaces what was shown of the organization. Without outcomes there are no series of live quality.
  void show(organization_id organization, const models::snapshot& in_use, const model_quality& known,
            const live_quality& live);
  // Removes the series of all others.
  void keep_only(const std::set<organization_id>& organizations);

 private:
  using family = prometheus::Family<prometheus::Gauge>;
  using shown = std::map<prometheus::Gauge*, family*>;
  static void forget(const shown& series);

  family &trained_until_, &newest_price_, &promoted_, &tested_coverage_, &tested_error_, &calibration_error_,
      &drift_checked_, &drifted_, &live_prices_, &live_coverage_, &live_error_;
  std::map<organization_id, shown> shown_;
};

class model_watch {
 public:
  // Looks every so often; prices that came in are counted at the next look, verdicts that grew old within the hour.
  model_watch(models::snapshot_cache::session_factory connect, const models::snapshot_cache& snapshots,
              std::chrono::milliseconds every, prometheus::Registry& registry);
  ~model_watch();
  model_watch(const model_watch&) = delete;

 private:
  struct measured_live {
    std::string snapshot; // of the prices
    std::chrono::steady_clock::time_point at;
    live_quality found;
  };

  void run();
  void look();
  const live_quality& live_of(postgres::session& database, organization_id organization, const std::string& snapshot);
  bool pause(std::chrono::milliseconds time); // false when it is time to end

  const models::snapshot_cache::session_factory connect_;
  const models::snapshot_cache& snapshots_;
  const std::chrono::milliseconds every_;
  model_series series_;
  prometheus::Counter& failed_;
  std::map<organization_id, measured_live> live_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::jthread thread_; // last: it uses the others
};

} // namespace pricing::insight
