#include "operations/database_backup.hpp"

#include "core/log.hpp"
#include "operations/child_process.hpp"
#include "postgres/session.hpp"

#include <boost/json/string.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <thread>

#include <libpq-fe.h>
#include <unistd.h>

namespace pricing::operations {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

// The settings that a server must have at least as high as the one it recovers, and the libraries it cannot run
// without. Those a role that is no superuser does not see; the extension tells then.
constexpr const char* settings_query =
    "with seen as (select name, setting from pg_settings where name in ('max_connections', 'max_worker_processes', "
    "'max_wal_senders', 'max_prepared_transactions', 'max_locks_per_transaction', 'shared_preload_libraries')) "
    "select name, setting from seen union all select 'shared_preload_libraries', extname::text from pg_extension "
    "where extname = 'timescaledb' and not exists (select from seen where name = 'shared_preload_libraries') order by "
    "1";

// Whatever a row's text depends on.
constexpr const char* fixed_text = "set timezone = 'UTC'; set datestyle = 'ISO, MDY'; set intervalstyle = 'postgres'; "
                                   "set extra_float_digits = 1; set bytea_output = 'hex'; set row_security = off; "
                                   "set statement_timeout = 0; set search_path = pg_catalog";

// One byte on: at the very end of a segment the next is meant.
constexpr const char* current_segment = "select pg_walfile_name(pg_current_wal_insert_lsn() + 1)";

// As long as this session lives, the server keeps what a slow receiver has not fetched; nothing is left behind by a
// backup that is killed.
constexpr const char* reserve_wal =
    "select slot_name::text from pg_create_physical_replication_slot('pricing_backup_' || "
    "pg_backend_pid(), true, true)";

class wal_folder {
 public:
  wal_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "pricing-backup-XXXXXX").string();
    if (!mkdtemp(name.data()))
      throw std::system_error(errno, std::generic_category(), "mkdtemp");
    path_ = name;
  }
  ~wal_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  wal_folder(const wal_folder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// libpq's URL as PG* variables: the tools take no password on their command line.
std::map<std::string, std::string> environment_of(const std::string& url) {
  char* why = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(PQconninfoParse(url.c_str(), &why),
                                                                               PQconninfoFree);
  if (!options) {
    const std::string message = why ? why : "";
    PQfreemem(why);
    throw std::runtime_error("backup.database_url cannot be read: " + message);
  }
  std::map<std::string, std::string> out;
  for (const auto* o = options.get(); o->keyword; ++o)
    if (o->val && o->envvar)
      out[o->envvar] = o->val;
  return out;
}

std::vector<table_sum> sum_tables(postgres::session& s) {
  std::vector<table_sum> out;
  for (const auto& name : s.query<std::string>(detail::tables_query)) {
    auto rows = s.query<table_sum>(fmt::format(
        "select '' as name, count(*), coalesce(sum(hashtextextended(pricing_row::text, 0)::numeric), 0)::text "
        "from only {} pricing_row",
        name));
    rows.at(0).table = name;
    out.push_back(std::move(rows[0]));
  }
  return out;
}

// Receives all WAL from now on into a folder.
class wal_receiver {
 public:
  wal_receiver(const std::string& tool, const std::string& url, std::filesystem::path folder)
      : folder_(std::move(folder)),
        child_({.words = {tool, "-D", folder_.string(), "--no-loop", "--no-password"},
                .environment = environment_of(url)}) {
    wait_for([this] { return !files().empty(); }, 30s, "pg_receivewal received nothing");
  }

  // Whole segments up to this one are there; it ends.
  void finish(const std::string& last) {
    wait_for([&] { return std::filesystem::exists(folder_ / last); }, 120s, "the last WAL segment did not come");
    child_.signal(SIGINT);
    child_.finish().value();
    for (const auto& name : files())
      if (name.ends_with(".partial"))
        std::filesystem::remove(folder_ / name);
  }

  std::vector<std::string> files() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder_))
      out.push_back(entry.path().filename().string());
    std::sort(out.begin(), out.end());
    return out;
  }

 private:
  template <class Ready>
  void wait_for(const Ready& ready, std::chrono::seconds patience, const char* otherwise) {
    for (const auto until = steady::now() + patience; !ready(); std::this_thread::sleep_for(20ms)) {
      if (!child_.is_running())
        child_.finish().value(); // throws with its complaint
      if (steady::now() > until)
        throw std::runtime_error(otherwise);
    }
  }
  const std::filesystem::path folder_;
  child_process child_;
};

struct lsn_and_wal {
  std::string lsn, wal, moment;
};
BOOST_DESCRIBE_STRUCT(lsn_and_wal, (), (lsn, wal, moment))

// Sets the restore point at an instant when no write transaction is open, and leaves `reader` with a snapshot of it.
result<lsn_and_wal> set_restore_point(const backup_config& c, const std::string& name, postgres::session& reader) {
  postgres::session locker(c.database_url);
  // Longer than deadlock_timeout (1 s): then an autovacuum that is in the way gives up.
  locker.script("set statement_timeout = 0; set lock_timeout = '1500ms'; set search_path = pg_catalog");
  for (const auto until = steady::now() + std::chrono::seconds(c.quiet_wait_s);;) {
    try {
      std::string tables;
      for (const auto& t : locker.query<std::string>(detail::tables_query))
        tables += (tables.empty() ? "" : ", ") + ("only " + t);
      locker.script("begin");
      if (!tables.empty())
        locker.script("lock table " + tables + " in share mode");
      reader.script("begin isolation level repeatable read read only");
      reader.query<int>("select 1"); // the snapshot is taken now
      auto point = locker.query<lsn_and_wal>(
          "select p.lsn::text, pg_walfile_name(p.lsn), to_char(clock_timestamp() at time zone 'UTC', "
          "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') from pg_create_restore_point($1) p(lsn)",
          name);
      locker.script("commit");
      return point.at(0);
    } catch (const postgres::database_error& e) {
      if (e.sqlstate() != "55P03") // a lock was not to be had in time
        throw;
      locker.script("rollback");
    }
    if (steady::now() > until)
      return error{errc::unavailable,
                   fmt::format("for {} s there was no moment without an open write transaction; try again when imports "
                               "have ended",
                               c.quiet_wait_s)};
    std::this_thread::sleep_for(2s); // others write meanwhile
  }
}

// A marker in the archive: from here on WAL is kept.
void keep_archived_wal(const backup_config& c, const std::string& segment) {
  if (c.wal_archive.empty())
    return;
  if (!std::filesystem::is_directory(c.wal_archive))
    throw std::runtime_error("backup.wal_archive: there is no folder " + c.wal_archive);
  const auto marker = std::filesystem::path(c.wal_archive) / "keep-from";
  if (!std::filesystem::exists(marker)) {
    std::ofstream(marker) << segment << '\n';
    give_to_database_user(marker);
  }
}

result<void> pour(child_process& from, seal_writer& to) {
  for (auto bytes = from.read(); !bytes.empty(); bytes = from.read())
    if (auto done = to.write(bytes); !done)
      return done;
  return from.finish();
}

struct version_and_identity {
  int version = 0;
  std::string identity, database, superuser, segment;
  bool replica = false;
};
BOOST_DESCRIBE_STRUCT(version_and_identity, (), (version, identity, database, superuser, segment, replica))

} // namespace

std::vector<table_sum> sum_tables(const std::string& url) {
  postgres::session s(url);
  s.script(fixed_text);
  return sum_tables(s);
}

std::string postgres_tool(int server_version, const std::string& name) {
  const auto path = fmt::format("/usr/lib/postgresql/{}/bin/{}", server_version / 10'000, name);
  return access(path.c_str(), X_OK) == 0 ? path : name;
}

result<void> back_up_database(backup_store& store, backup_manifest& m, const backup_config& c) {
  postgres::session reader(c.database_url);
  reader.script(fixed_text);
  const auto server = reader
                          .query<version_and_identity>(
                              "select current_setting('server_version_num')::int, (select system_identifier::text from "
                              "pg_control_system()), current_database()::text, (select rolname::text from pg_roles "
                              "where oid = 10), pg_walfile_name(pg_current_wal_insert_lsn() + 1), "
                              "current_setting('wal_level') <> 'minimal'")
                          .at(0);
  if (!server.replica)
    return error{errc::conflict, "the server runs with wal_level = minimal; set it to replica and start it again"};
  database_state state{.server_version = server.version,
                       .system_identifier = server.identity,
                       .database = server.database,
                       .superuser = server.superuser,
                       .restore_point = "pricing_backup_" + m.id};
  state.settings = reader.query<server_setting>(settings_query);

  keep_archived_wal(c, server.segment);
  reader.query<std::string>(reserve_wal);
  const wal_folder wal;
  wal_receiver receiver(postgres_tool(server.version, "pg_receivewal"), c.database_url, wal.path());
  const auto begin = reader.query<std::string>(current_segment).at(0); // the base backup starts here or later
  auto based = store.add_stream(m, {.part = "database", .name = "database"}, [&](seal_writer& out) {
    child_process base({.words = {postgres_tool(server.version, "pg_basebackup"), "-D", "-", "-F", "tar", "-X", "none",
                                  "-c", "fast", "--no-password", "-l", "pricing " + m.id},
                        .environment = environment_of(c.database_url)});
    return pour(base, out);
  });
  if (!based)
    return based;

  const auto point = set_restore_point(c, state.restore_point, reader);
  if (!point)
    return point.error();
  postgres::session(c.database_url).query<std::string>("select pg_switch_wal()::text");
  receiver.finish(point->wal);
  const auto segments = receiver.files();
  if (segments.empty() || segments.front() > begin)
    return error{errc::unavailable, "the WAL from the start of the base backup is not whole"};
  auto logged = store.add_stream(m, {.part = "database", .name = "wal"}, [&](seal_writer& out) {
    child_process tar({.words = {"tar", "-c", "-C", wal.path().string(), "."}});
    return pour(tar, out);
  });
  if (!logged)
    return logged;

  state.first_wal = segments.front();
  state.last_wal = point->wal;
  state.restore_point_lsn = point->lsn;
  state.consistent_at = point->moment;
  state.tables = sum_tables(reader);
  m.database = std::move(state);
  return {};
}

} // namespace pricing::operations
