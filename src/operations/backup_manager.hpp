#pragma once
// Backups of the whole product: made, verified by restoring them, restored, listed, cleaned up.
#include "operations/backup_store.hpp"
#include "operations/config.hpp"
#include "operations/scratch_server.hpp"

namespace pricing::operations {

inline constexpr const char* backup_parts[] = {"database", "models", "config", "manifests", "terraform"};

// What is backed up besides the database.
struct backup_sources {
  std::string objects;               // the object store: a folder with models, uploads, exports, or s3://…
  std::string effective_config;      // with secrets hidden
  std::filesystem::path config_file; // none when empty
};

struct restored {
  std::string id, folder;
  std::vector<std::string> parts;
  std::string url;             // of the recovered server; it goes on running
  std::string recovered_until; // the last commit in it
  int pid = 0;
  double duration_s = 0;
};
BOOST_DESCRIBE_STRUCT(restored, (), (id, folder, parts, url, recovered_until, pid, duration_s))

struct verified {
  std::string id;
  std::vector<std::string> parts;
  std::int64_t tables = 0, rows = 0, files = 0;
  double duration_s = 0;
};
BOOST_DESCRIBE_STRUCT(verified, (), (id, parts, tables, rows, files, duration_s))

class backup_manager {
 public:
  backup_manager(backup_store& store, const backup_config& c);

  // Called with the part at work and the bytes stored so far, between pieces. What it throws ends the backup, as a
  // failure does, and leaves back_up().
  using progress_function = std::function<void(const std::string& part, std::uint64_t bytes)>;
  // Parts, or "all". Any part failing fails the whole; what was written is deleted again.
  result<backup_manifest> back_up(const std::string& type, const backup_sources& sources,
                                  const progress_function& progress = {});
  // Restores into a scratch folder, compares with the manifest, deletes the folder. `id` empty: the newest.
  result<verified> verify(const std::string& id, const std::string& type);
  // Into `folder`, which must be empty or absent. Without an id: the newest backup that can reach the target.
  result<restored> restore(const std::string& id, const std::string& type, const std::filesystem::path& folder,
                           const recovery_target& target);
  // The ids of the backups it deleted.
  result<std::vector<std::string>> clean_up(int retention_days);

 private:
  result<void> back_up_files(backup_manifest& m, const std::string& part, const std::filesystem::path& root,
                             const std::vector<std::string>& files);
  result<void> back_up_objects(backup_manifest& m, const std::string& part, const std::string& root);
  result<backup_manifest> choose(const std::string& id, const recovery_target& target) const;
  void forget_unneeded_wal();

  backup_store& store_;
  backup_config config_;
};

// Where backups lie: a folder or s3://bucket/prefix, and the id of one backup when the location ends with it.
struct backup_location {
  std::string root, environment, id; // environment and id may be empty
};
backup_location parse_location(std::string_view text);
bool location_exists(const std::string& root);
// Throws std::runtime_error when it is not there and is not to be made.
std::unique_ptr<storage::object_store> open_location(const std::string& root, bool create);

} // namespace pricing::operations
