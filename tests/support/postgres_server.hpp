#pragma once
// A private PostgreSQL for one test binary: its own cluster in a temporary folder, on a Unix socket, migrated, stopped
// and removed at exit. Throws with the server's log when it cannot start: a test never passes without it.
#include "core/ids.hpp"

#include <filesystem>
#include <string>

namespace pricing::test {

class postgres_server {
 public:
  // Started on first use, once per process, with the roles and the whole schema of migrations/.
  static postgres_server& instance();

  std::string app_url() const;   // pricing_app: what the services use
  std::string owner_url() const; // pricing_owner
  std::string superuser_url(const std::string& database = "pricing") const;
  // A new organization with a unique slug.
  organization_id new_organization(const std::string& name = "Test") const;
  // A new database without any table; returns its owner's URL.
  std::string empty_database() const;
  const std::filesystem::path& socket_folder() const { return socket_folder_; }

  ~postgres_server();
  postgres_server(const postgres_server&) = delete;

 private:
  postgres_server();
  std::filesystem::path folder_, socket_folder_;
  int pid_ = 0;
};

// Where an installed program of PostgreSQL lies: "initdb".
std::string postgres_binary(const char* name);

// The repository's root, for migrations and data of tests.
std::filesystem::path repository_root();

} // namespace pricing::test
