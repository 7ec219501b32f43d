#pragma once
#include <boost/describe.hpp>

#include <string>

namespace pricing::operations {

// Section "backup".
struct backup_config {
  std::string location = "var/backups"; // a folder, or s3://bucket/prefix
  std::string key;                      // 64 hexadecimal digits (openssl rand -hex 32); without it nothing is done
  std::string database_url;             // with rights to replicate, to read and to lock; default: the owner's
  std::string wal_archive;              // folder of archived WAL, NAME.gz each, kept as long as a backup needs it
  std::string wal_location;    // where `pricing-ctl wal` keeps sealed WAL instead: a folder, or s3://bucket/prefix
  std::string restore_command; // how else archived WAL is fetched: PostgreSQL's restore_command
  std::string environment = "production"; // of backups that are a job, and of sealed WAL
  std::string organization; // short name of the only one that may make backups by a job; needed when there are several
  std::string manifests = "infrastructure/k8s";
  std::string terraform = "infrastructure/terraform";
  std::string terraform_state; // a file; none when empty
  int retention_days = 30;
  int quiet_wait_s = 300;     // longest wait for a moment without an open write transaction
  int restore_wait_s = 3'600; // longest time that PostgreSQL may take to recover
};
BOOST_DESCRIBE_STRUCT(backup_config, (),
                      (location, key, database_url, wal_archive, wal_location, restore_command, environment,
                       organization, manifests, terraform, terraform_state, retention_days, quiet_wait_s,
                       restore_wait_s))

} // namespace pricing::operations
