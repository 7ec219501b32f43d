#pragma once
// What `pricing-ctl health` and `pricing-ctl backup` do. Results go to standard output and nothing else does; the
// return value is the exit status.
#include "operations/backup_manager.hpp"
#include "operations/health_monitor.hpp"

namespace pricing::operations {

struct health_request {
  health_options options;
  std::string format = "text"; // text, json, junit
  std::string file;            // default: standard output
  bool fail_on_unhealthy = false;
};

// 0: it has reported; 1: the report could not be written to its file (then it is on standard output), or a check fails
// and that was asked for.
int run_health(const health_request& r);

struct backup_request {
  std::string environment;
  std::string operation; // backup, verify, restore, list, cleanup
  std::string type = "all";
  std::string location;      // default: the configured one
  std::string target_time;   // "", "latest" or a moment
  std::string target_folder; // default: a new one in /var/tmp
  std::optional<int> retention_days;
  bool json = false;
};

// Throws std::runtime_error when it fails. A backup that was made is noted in the table `backups` of record_url.
int run_backup(const backup_request& r, const backup_config& c, const backup_sources& sources,
               const std::string& record_url);

struct wal_request {
  std::string operation; // archive, fetch, ship
  std::string path;      // the file; ship: the folder
  std::string name;      // as PostgreSQL names it; not for ship
  int every_s = 5;       // ship: between looks
  bool once = false;     // ship: one look
};

// PostgreSQL's archive_command and restore_command, and what ships a folder of segments until it is ended.
int run_wal(const wal_request& r, const backup_config& c);

} // namespace pricing::operations
