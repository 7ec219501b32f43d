#pragma once
// A PostgreSQL of its own, made from a backup: in its folder, on a Unix socket that only its user reaches, archiving
// nothing.
#include "operations/backup_store.hpp"
#include "operations/child_process.hpp"
#include "operations/config.hpp"
#include "operations/wal_archive.hpp"

#include <memory>

namespace pricing::operations {

struct recovery_target {
  bool latest = false;               // all WAL that there is
  std::optional<timestamp> moment{}; // the last commit not after it; neither: the backup's own restore point
};

class scratch_server {
 public:
  // Unpacks the database of the backup into folder/data and recovers it. `kept`: it is written safely and goes on after
  // this process; else it ends and its folder is of no use. unavailable, with the server's own words, when the target
  // cannot be reached.
  static result<std::unique_ptr<scratch_server>> start(const backup_store& store, const backup_manifest& m,
                                                       const backup_config& c, const std::filesystem::path& folder,
                                                       const recovery_target& target, bool kept);
  ~scratch_server();

  std::string url() const; // of its superuser in the product's database
  int pid() const { return process_->pid(); }
  // The last commit that was recovered.
  std::string recovered_until() const;
  void stop();

 private:
  scratch_server() = default;
  result<void> await(const backup_config& c);
  // Fetches the sealed WAL that the recovering server has asked for.
  result<void> answer_requests();
  std::string last_words() const;

  std::filesystem::path folder_;
  std::string database_, user_;
  std::unique_ptr<child_process> process_;
  std::unique_ptr<wal_archive> sealed_; // with wal_location, when archived WAL is wanted
  bool kept_ = false;
};

// Unpacks a stream that is a tar into a folder, as the database's user when wanted.
result<void> unpack(const backup_store& store, const backup_manifest& m, const backup_stream& s,
                    const std::filesystem::path& folder, bool as_database_user);

} // namespace pricing::operations
