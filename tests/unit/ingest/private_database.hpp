#pragma once
// A PostgreSQL of its own under a temporary folder, on a Unix socket, with the product's schema; gone with the object.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <unistd.h>
#include <vector>

namespace pricing::ingest {

class private_database {
 public:
  private_database() {
    char name[] = "/tmp/pricing_ingest_XXXXXX";
    folder_ = mkdtemp(name);
    for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql"))
      bin_ = std::max(bin_, (version.path() / "bin").string());
    if (geteuid() == 0) {
      as_ = "runuser -u postgres -- ";
      run("chown postgres " + folder_);
    }
    const auto data = folder_ + "/data";
    run(as_ + bin_ + "/initdb -D " + data + " -A trust -U postgres --no-sync");
    run(as_ + bin_ + "/pg_ctl -D " + data + " -w -l " + folder_ + "/log -o \"-c listen_addresses='' -c fsync=off -k " +
        folder_ + "\" start");
    psql("postgres", "postgres",
         "-c 'create role pricing_owner login' -c 'create role pricing_app login' "
         "-c 'create database pricing owner pricing_owner'");
    std::vector<std::filesystem::path> migrations;
    const auto source = std::filesystem::path(__FILE__).parent_path() / "../../../migrations";
    for (const auto& entry : std::filesystem::directory_iterator(source))
      if (entry.path().extension() == ".sql")
        migrations.push_back(entry.path());
    std::sort(migrations.begin(), migrations.end());
    for (const auto& m : migrations)
      psql("pricing", "pricing_owner", "-1 -f " + m.string());
    psql("pricing", "pricing_owner", "-c \"select create_organization('Test', 'test', 'USD')\"");
    psql("pricing", "pricing_owner", "-c \"select create_organization('Other', 'other', 'USD')\"");
  }
  ~private_database() {
    [[maybe_unused]] const int stopped =
        std::system((as_ + bin_ + "/pg_ctl -D " + folder_ + "/data -m immediate stop >/dev/null 2>&1").c_str());
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  private_database(const private_database&) = delete;
  private_database& operator=(const private_database&) = delete;

  std::string url() const { return "host=" + folder_ + " user=pricing_app dbname=pricing"; }
  const std::string& folder() const { return folder_; }

 private:
  void run(const std::string& command) const {
    if (std::system((command + " >" + folder_ + ".out 2>&1").c_str()) != 0)
      throw std::runtime_error("the test database: '" + command + "' failed, see " + folder_ + ".out");
    std::filesystem::remove(folder_ + ".out");
  }
  void psql(const std::string& database, const std::string& user, const std::string& rest) const {
    run(bin_ + "/psql -q -v ON_ERROR_STOP=1 -h " + folder_ + " -U " + user + " -d " + database + " " + rest);
  }

  std::string folder_, bin_, as_;
};

} // namespace pricing::ingest
