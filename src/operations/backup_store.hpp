#pragma once
// The backups of one environment at one location. Only this touches their objects, and only objects with its own names.
#include "operations/backup_manifest.hpp"
#include "operations/sealed_stream.hpp"
#include "storage/object_store.hpp"

namespace pricing::operations {

struct listed_backup {
  std::string id;
  // The manifest; or why there is none that can be believed. One that has none yet is being written or was left behind.
  result<backup_manifest> manifest;
};

class backup_store {
 public:
  backup_store(storage::object_store& objects, std::string environment, seal_key key);

  const seal_key& key() const { return key_; }
  const std::string& environment() const { return environment_; }

  // Oldest first.
  std::vector<listed_backup> list() const;
  // not_found, or invalid_input when its manifest is damaged or signed with another key.
  result<backup_manifest> find(const std::string& id) const;
  // The newest that is complete; not_found when there is none.
  result<backup_manifest> newest() const;

  // Seals what `fill` writes into pieces of this backup and adds the stream to the manifest.
  using fill_function = std::function<result<void>(seal_writer&)>;
  result<void> add_stream(backup_manifest& m, backup_stream stream, const fill_function& fill);
  // Called after each stored piece with the bytes of it.
  void on_stored(std::function<void(std::uint64_t bytes)> listener) { stored_ = std::move(listener); }
  // Makes it a backup.
  result<void> complete(const backup_manifest& m);
  // Opens a stream, checking each piece and the whole.
  result<void> read_stream(const backup_manifest& m, const backup_stream& s,
                           const seal_reader::take_function& take) const;
  // Are all pieces there and unchanged? Reads every byte.
  result<void> check(const backup_manifest& m) const;
  // Deletes the objects of one backup, manifest first. What else lies in its folder stays.
  result<void> remove(const std::string& id);

 private:
  storage::object_store& objects_;
  std::string environment_;
  seal_key key_;
  std::function<void(std::uint64_t)> stored_;
};

} // namespace pricing::operations
