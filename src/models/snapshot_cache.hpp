#pragma once
// What predictions are made from: for each organization the prices known to date and its promoted model, in memory and
// immutable. A background thread listens for new prices and models, builds the next snapshot aside and swaps the
// pointer; while it builds, and when that fails, the one before goes on serving. Thread-safe.
#include "core/ids.hpp"
#include "learn/price_model.hpp"
#include "market/history_loader.hpp"
#include "storage/object_store.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

namespace prometheus {
class Registry;
class Gauge;
class Counter;
} // namespace prometheus

namespace pricing::models {

struct snapshot {
  snapshot(market::loaded_history h, learn::price_model m, std::string v, std::string sha256 = {})
      : loaded(std::move(h)),
        view(loaded.prices),
        model(std::move(m)),
        version(std::move(v)),
        model_sha256(std::move(sha256)) {
    for (const auto& item : loaded.prices.items())
      by_name.emplace(item.normalized_name + '\x1f' + item.unit, item.id);
  }
  snapshot(const snapshot&) = delete;
  // The item of this normalized name and unit; none when there is no such item.
  item_id find_item(const std::string& name, const std::string& unit) const {
    const auto at = by_name.find(name + '\x1f' + unit);
    return at == by_name.end() ? item_id{} : at->second;
  }

  const market::loaded_history loaded;
  const learn::market_view view;
  const learn::price_model model;
  const std::string version;
  const std::string model_sha256;                   // of its file, hex
  std::unordered_map<std::string, item_id> by_name; // name, unit separator, unit
};
using snapshot_ptr = std::shared_ptr<const snapshot>;

// Blocking; all prices and the model in use. Null when no model is in use. Throws on a lost connection or object.
snapshot_ptr load_snapshot(postgres::session& database, const storage::object_store& objects,
                           organization_id organization);

struct cache_limits {
  std::size_t organizations_max = 8;            // in memory; above it the one used longest ago leaves
  std::chrono::milliseconds settle{2'000};      // after the last of several notices, before building anew
  std::chrono::milliseconds retry_after{5'000}; // after a failure, and after a lost connection
};

class snapshot_cache {
 public:
  using session_factory = std::function<std::unique_ptr<postgres::session>()>;

  snapshot_cache(session_factory connect, const storage::object_store& objects, cache_limits limits,
                 prometheus::Registry& registry);
  ~snapshot_cache();
  snapshot_cache(const snapshot_cache&) = delete;

  // Without waiting: nullopt when it is not known yet; null when the organization has no promoted model.
  std::optional<snapshot_ptr> find(organization_id organization);
  // Blocks until it is known, for seconds when it must be built. Throws database_error and what the store throws.
  snapshot_ptr load(organization_id organization);

  // Organizations in memory that have a model. Does not count as use.
  std::vector<std::pair<organization_id, snapshot_ptr>> in_memory() const;

  // True once the organizations with a model have been read and while new prices and models are heard of.
  bool ready() const { return listening_; }

 private:
  struct entry {
    std::optional<snapshot_ptr> current;                        // nullopt while it is built for the first time
    std::uint64_t used = 0;                                     // a counter: the smallest was used longest ago
    std::optional<std::chrono::steady_clock::time_point> due{}; // when to build anew
  };

  snapshot_ptr build(postgres::session& database, organization_id organization);
  void expect(organization_id organization); // from now on notices about it count
  void keep(organization_id organization, snapshot_ptr built);
  void listen();
  void hear();
  void load_known(postgres::session& database);
  void mark(const std::string& payload);
  void rebuild_due(postgres::session& database);
  bool pause(std::chrono::milliseconds time); // false when it is time to end

  const session_factory connect_;
  const storage::object_store& objects_;
  const cache_limits limits_;
  prometheus::Gauge& in_memory_;
  prometheus::Counter& built_;
  prometheus::Counter& failed_;

  mutable std::mutex mutex_;
  std::mutex building_; // one at a time: memory
  std::condition_variable wake_;
  std::map<organization_id, entry> entries_;
  std::uint64_t clock_ = 0;
  bool stopping_ = false;
  std::atomic<bool> listening_ = false;
  std::jthread thread_;
};

} // namespace pricing::models
