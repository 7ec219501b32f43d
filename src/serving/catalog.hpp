#pragma once
// What pricing-ml serves: for each organization its models by name, with the versions that may be asked for, in memory
// and immutable. A background thread listens for changes (NOTIFY served_models), builds what changed aside and swaps a
// pointer; while it builds, and when that fails, the one before goes on serving. A request takes one version_ptr and
// keeps it, so an answer is wholly of one version. Thread-safe.
#include "core/ids.hpp"
#include "postgres/session.hpp"
#include "serving/config.hpp"
#include "serving/shadow.hpp"
#include "storage/object_store.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

namespace pricing::serving {

// One name: which version answers what. Versions are null when there is none.
struct served_model {
  std::string name;
  std::int64_t revision = 0; // of its row when this was built, or when building it failed
  bool loaded = false;       // false: unloaded by an operator, answers nothing
  version_ptr current, challenger, shadow;
  double challenger_share = 0;
  std::map<int, version_ptr> versions;  // all in memory: those above, the pinned ones, and the one to roll back to
  std::shared_ptr<comparison> compared; // with a shadow
  std::string failure;                  // why the newest revision is not served; empty when it is

  // Deterministic: the same key gets the same version as long as the share stays.
  const version_ptr& pick(std::string_view key) const;
};
using model_ptr = std::shared_ptr<const served_model>;
using models_by_name = std::map<std::string, model_ptr, std::less<>>;

class catalog {
 public:
  using session_factory = std::function<std::unique_ptr<postgres::session>()>;

  // What is passed must outlive the catalog.
  catalog(session_factory connect, const storage::object_store& objects, const manifest_signer& signer, const config& c,
          metrics& counted, std::chrono::milliseconds retry_after = std::chrono::seconds(5));
  ~catalog();
  catalog(const catalog&) = delete;

  // Null when there is no such model.
  model_ptr find(organization_id organization, std::string_view name) const;
  std::shared_ptr<const models_by_name> models_of(organization_id organization) const; // never null
  // True once every organization's models have been read and while changes are heard of.
  bool ready() const { return listening_; }

 private:
  struct model_row;
  void listen();
  void hear();
  void renew(postgres::session& database, organization_id organization);
  model_ptr build(postgres::session& database, organization_id organization, const model_row& row,
                  const model_ptr& before);
  version_ptr load(postgres::session& database, organization_id organization, const std::string& name, int version);
  bool pause(std::chrono::milliseconds time); // false when it is time to end

  const session_factory connect_;
  const storage::object_store& objects_;
  const manifest_signer& signer_;
  const config& config_;
  metrics& counted_;
  const std::chrono::milliseconds retry_after_;
  const forest::gpu::library* const gpu_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<organization_id, std::shared_ptr<const models_by_name>> models_;
  std::map<organization_id, std::chrono::steady_clock::time_point> due_; // of the thread: what to renew, and when
  bool stopping_ = false;
  std::atomic<bool> listening_ = false;
  std::jthread thread_;
};

} // namespace pricing::serving
