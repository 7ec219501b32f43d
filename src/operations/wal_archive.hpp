#pragma once
// Write-ahead log outside the database's machine: each segment sealed as backups are, under its own name, in a folder
// or a bucket. PostgreSQL's archive_command is `pricing-ctl wal archive %p %f`; where the server has no pricing-ctl, it
// puts segments into a folder beside it and `pricing-ctl wal ship` takes them from there.
#include "operations/config.hpp"
#include "operations/sealed_stream.hpp"

#include <filesystem>
#include <functional>
#include <memory>

namespace pricing::operations {

// A segment, a timeline's history or a backup's label, as PostgreSQL names them.
bool is_wal_name(std::string_view name);

class wal_archive {
 public:
  // By wal_location and key. Throws std::exception when one of them is missing or wrong.
  wal_archive(const backup_config& c, const std::string& environment);

  // Whole or absent; once: the same content again is well, another is a conflict and replaces nothing. The file may be
  // packed with gzip. One segment is in memory.
  result<void> keep(const std::filesystem::path& file, const std::string& name);
  // Writes it whole or not at all. not_found when it was never archived, invalid_input when it is not what was sealed.
  result<void> fetch(const std::string& name, const std::filesystem::path& to) const;
  result<std::vector<std::string>> names() const;
  result<void> remove(const std::string& name);

  // Takes what archive-wal.sh has put into a folder, oldest first: kept, then deleted there. How many.
  result<int> ship(const std::filesystem::path& folder);

 private:
  std::string object_of(const std::string& name) const;
  result<std::string> open(const std::string& name) const;

  std::unique_ptr<storage::object_store> objects_;
  seal_key key_;
  std::string environment_;
};

} // namespace pricing::operations
