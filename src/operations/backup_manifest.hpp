#pragma once
// What a backup consists of. The manifest is written last: a backup without one is not a backup. Pure.
//
// Keys: <environment>/<id>/<stream>.<number>, <environment>/<id>/manifest.json and manifest.sig, which signs it.
#include "core/clock.hpp"

#include <boost/describe.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::operations {

struct backup_piece {
  std::uint64_t bytes = 0;
  std::string sha256;
};
BOOST_DESCRIBE_STRUCT(backup_piece, (), (bytes, sha256))

// One sealed stream of a part: a tar.
struct backup_stream {
  std::string part; // database, models, config, manifests, terraform
  std::string name; // unique in the backup: "database", "wal", "models", …
  std::uint64_t plain_bytes = 0;
  std::string plain_sha256;
  std::int64_t files = 0; // 0 for the database
  std::uint64_t file_bytes = 0;
  std::vector<backup_piece> pieces;
};
BOOST_DESCRIBE_STRUCT(backup_stream, (), (part, name, plain_bytes, plain_sha256, files, file_bytes, pieces))

// A table as it was at the restore point: rows, and the sum of a 64-bit hash of each row's text.
struct table_sum {
  std::string table;
  std::int64_t rows = 0;
  std::string checksum;
  bool operator==(const table_sum&) const = default;
};
BOOST_DESCRIBE_STRUCT(table_sum, (), (table, rows, checksum))

struct server_setting {
  std::string name, value;
};
BOOST_DESCRIBE_STRUCT(server_setting, (), (name, value))

struct database_state {
  int server_version = 0; // 150008
  std::string system_identifier;
  std::string database, superuser;
  std::string first_wal, last_wal; // segments from the base backup's start to the restore point
  std::string restore_point;       // its name
  std::string restore_point_lsn;
  std::string consistent_at;            // the moment of the restore point, ISO 8601
  std::vector<server_setting> settings; // that recovery needs
  std::vector<table_sum> tables;
};
BOOST_DESCRIBE_STRUCT(database_state, (),
                      (server_version, system_identifier, database, superuser, first_wal, last_wal, restore_point,
                       restore_point_lsn, consistent_at, settings, tables))

struct backup_manifest {
  int format = 1;
  std::string id, environment;
  std::string started_at, finished_at; // ISO 8601
  std::string product_version;
  std::string key_id;
  std::vector<backup_stream> streams;
  std::optional<database_state> database;
};
BOOST_DESCRIBE_STRUCT(backup_manifest, (),
                      (format, id, environment, started_at, finished_at, product_version, key_id, streams, database))

// "20261125T175338Z-3fa9c1": the moment it began, and chance.
std::string make_backup_id(timestamp now);
bool is_backup_id(std::string_view text);
// When the backup of this id began.
timestamp begin_of(std::string_view id);
// Small letters, digits and dashes, at most 40.
bool is_environment(std::string_view text);

std::string folder_key(std::string_view environment, std::string_view id);
std::string piece_key(const backup_manifest& m, const backup_stream& s, std::size_t number);
// Is this a name that a backup gives to an object in its folder?
bool is_own_name(std::string_view name);

std::uint64_t stored_bytes(const backup_manifest& m);
bool has_part(const backup_manifest& m, std::string_view part);

// "2026-11-25T17:53:38Z", also with a fraction, an offset or a space for the T. invalid_input otherwise.
result<timestamp> parse_timestamp(std::string_view text);

// Which of the backups (oldest first) to delete: begun before `keep_from`, except the newest good one. `is_good` reads
// a backup through, so it is asked from the newest on and only until one is good.
struct backup_choice {
  std::string id;
  bool complete = false;
};
std::vector<std::string> expired(const std::vector<backup_choice>& all, timestamp keep_from, timestamp now,
                                 const std::function<bool(const std::string& id)>& is_good);

// The archived WAL that no backup needs: older than the first segment of every one. No backup needs any: all.
std::vector<std::string> unneeded_wal(const std::vector<std::string>& archived, const std::vector<std::string>& first);

} // namespace pricing::operations
