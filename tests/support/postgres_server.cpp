#include "support/postgres_server.hpp"

#include "postgres/migrations.hpp"
#include "support/process.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <thread>

#include <unistd.h>

namespace pricing::test {

std::string postgres_binary(const char* name) {
  for (const char* version : {"17", "16", "15"})
    if (const auto path = std::string("/usr/lib/postgresql/") + version + "/bin/" + name;
        access(path.c_str(), X_OK) == 0)
      return path;
  throw std::runtime_error("PostgreSQL is not installed; run scripts/dev/install-packages.sh run");
}

namespace {

// TimescaleDB where it is installed, unless PRICING_TIMESCALEDB=off.
std::string preloaded() {
  const char* wish = std::getenv("PRICING_TIMESCALEDB");
  const auto library =
      std::filesystem::path(postgres_binary("postgres")).parent_path().parent_path() / "lib" / "timescaledb.so";
  return std::filesystem::exists(library) && !(wish && std::string_view(wish) == "off") ? "timescaledb" : "";
}

void create_database(postgres::session& superuser, const std::string& name) {
  superuser.script("create database " + name + " owner pricing_owner");
}

} // namespace

std::filesystem::path repository_root() {
  return PRICING_SOURCE_DIR;
}

postgres_server& postgres_server::instance() {
  static postgres_server server;
  return server;
}

postgres_server::postgres_server() : folder_(make_temporary_folder(true)), socket_folder_(folder_) {
  const auto log = std::filesystem::path(folder_.string() + ".log");
  const auto cluster = (folder_ / "cluster").string();
  if (wait_process(start_process({postgres_binary("initdb"), "-D", cluster, "-U", "postgres", "-A", "trust", "-E",
                                  "UTF8", "--locale=C.UTF-8", "--no-sync"},
                                 log, true)) != 0)
    throw std::runtime_error("initdb failed: " + read_text(log));
  pid_ = start_process({postgres_binary("postgres"),
                        "-D",
                        cluster,
                        "-k",
                        folder_.string(),
                        "-c",
                        "listen_addresses=",
                        "-c",
                        "fsync=off",
                        "-c",
                        "synchronous_commit=off",
                        "-c",
                        "full_page_writes=off",
                        "-c",
                        "shared_buffers=128MB",
                        "-c",
                        "max_wal_size=2GB",
                        "-c",
                        "timezone=UTC",
                        "-c",
                        "jit=off",
                        "-c",
                        "shared_preload_libraries=" + preloaded(),
                        "-c",
                        "timescaledb.telemetry_level=off"},
                       log, true);
  for (int tries = 0;; ++tries) {
    try {
      postgres::session superuser(superuser_url("postgres"));
      superuser.script("create role pricing_owner login; create role pricing_app login nosuperuser nobypassrls");
      create_database(superuser, "pricing");
      break;
    } catch (const postgres::database_error& e) {
      if (!e.is_connection_lost() || tries > 300)
        throw std::runtime_error(std::string(e.what()) + "\n" + read_text(log));
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  postgres::session owner(owner_url());
  postgres::migrate(owner, repository_root() / "migrations").value();
}

postgres_server::~postgres_server() {
  stop_process(pid_, SIGINT);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
  std::filesystem::remove(folder_.string() + ".log", ignored);
}

std::string postgres_server::app_url() const {
  return "host=" + folder_.string() + " user=pricing_app dbname=pricing";
}
std::string postgres_server::owner_url() const {
  return "host=" + folder_.string() + " user=pricing_owner dbname=pricing";
}
std::string postgres_server::superuser_url(const std::string& database) const {
  return "host=" + folder_.string() + " user=postgres dbname=" + database;
}

organization_id postgres_server::new_organization(const std::string& name) const {
  static std::atomic<int> number = 0;
  postgres::session app(app_url());
  return app
      .query<organization_id>("select create_organization($1, $2, 'USD')", name, "test-" + std::to_string(++number))
      .at(0);
}

std::string postgres_server::empty_database() const {
  static std::atomic<int> number = 0;
  const auto name = "empty_" + std::to_string(++number);
  postgres::session superuser(superuser_url());
  create_database(superuser, name);
  return "host=" + folder_.string() + " user=pricing_owner dbname=" + name;
}

} // namespace pricing::test
