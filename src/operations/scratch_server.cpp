#include "operations/scratch_server.hpp"

#include "operations/database_backup.hpp"
#include "postgres/session.hpp"

#include <fmt/format.h>

#include <csignal>
#include <fstream>
#include <thread>

namespace pricing::operations {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

const backup_stream* stream_of(const backup_manifest& m, std::string_view name) {
  for (const auto& s : m.streams)
    if (s.name == name)
      return &s;
  return nullptr;
}

void make_folder(const std::filesystem::path& path) {
  std::filesystem::create_directories(path);
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  give_to_database_user(path);
}

// In a shell command between double quotes.
result<std::string> shell_quoted(const std::filesystem::path& path) {
  const auto text = path.string();
  if (text.find_first_of("\"\\$`%\n'") != std::string::npos)
    return invalid_input("the folder '" + text + "' has a character that a shell command cannot have");
  return '"' + text + '"';
}

// Sealed WAL is opened by us, so that neither the key nor a way to the archive is the recovering server's: it leaves
// NAME.ask in a folder and waits, for two minutes at most, for NAME.ok or NAME.no. What is answered with 126 ends the
// recovery: a shell that cannot wait would otherwise say that the log ends here.
constexpr const char* ask_for_wal =
    R"(n=0; : > {0}/%f.ask; while [ ! -e {0}/%f.ok ] && [ ! -e {0}/%f.no ] && [ $n -lt 2400 ]; do )"
    R"(n=$((n+1)); sleep 0.05 || exit 126; done; rm -f {0}/%f.no || exit 126; )"
    R"([ -e {0}/%f.ok ] && rm {0}/%f.ok && mv {0}/%f "%p")";

// First what the backup brought, then the archive.
result<std::string> restore_command(const std::filesystem::path& wal, const std::filesystem::path& asked,
                                    const backup_config& c, bool archive) {
  auto own = shell_quoted(wal);
  if (!own)
    return own;
  auto out = fmt::format("cp {}/%f \"%p\" 2>/dev/null", *own);
  if (!archive)
    return out;
  if (!c.restore_command.empty())
    return out + " || " + c.restore_command;
  if (!c.wal_location.empty()) {
    auto place = shell_quoted(asked);
    if (!place)
      return place;
    return out + " || { " + fmt::format(fmt::runtime(ask_for_wal), *place) + "; }";
  }
  auto archived = shell_quoted(c.wal_archive);
  if (!archived)
    return archived;
  return out + fmt::format(" || gunzip -c {}/%f.gz > \"%p\" 2>/dev/null", *archived);
}

} // namespace

result<void> unpack(const backup_store& store, const backup_manifest& m, const backup_stream& s,
                    const std::filesystem::path& folder, bool as_database_user) {
  child_process tar(
      {.words = {"tar", "-x", "--no-same-owner", "-C", folder.string()}, .as_database_user = as_database_user});
  auto read = store.read_stream(m, s, [&](std::string_view plain) { return tar.write(plain); });
  if (!read)
    return read;
  return tar.finish();
}

result<std::unique_ptr<scratch_server>> scratch_server::start(const backup_store& store, const backup_manifest& m,
                                                              const backup_config& c,
                                                              const std::filesystem::path& folder,
                                                              const recovery_target& target, bool kept) {
  const auto *base = stream_of(m, "database"), *wal = stream_of(m, "wal");
  if (!base || !wal || !m.database)
    return not_found(fmt::format("backup {} has no database in it", m.id));
  const auto& database = *m.database;
  const bool from_archive = target.latest || target.moment;
  if (from_archive && c.wal_archive.empty() && c.wal_location.empty() && c.restore_command.empty())
    return invalid_input("a moment other than the backup's own needs archived WAL: set PRICING_BACKUP_WAL_LOCATION, "
                         "PRICING_BACKUP_WAL_ARCHIVE or PRICING_BACKUP_RESTORE_COMMAND");
  // A socket's path may have 107 bytes.
  if (folder.string().size() > 80)
    return invalid_input("the folder's path is too long for a socket: " + folder.string());
  make_folder(folder);
  make_folder(folder / "data");
  make_folder(folder / "wal");
  make_folder(folder / "asked");
  const auto command = restore_command(folder / "wal", folder / "asked", c, from_archive);
  if (!command)
    return command.error();
  if (const auto done = unpack(store, m, *base, folder / "data", true); !done)
    return done.error();
  if (const auto done = unpack(store, m, *wal, folder / "wal", true); !done)
    return done.error();

  const auto written = [&](const char* name, const char* text) {
    std::ofstream(folder / name) << text;
    give_to_database_user(folder / name);
  };
  written("hba.conf", "local all all trust\n");
  written("server.conf", "");
  written("server.log", "");
  std::filesystem::remove(folder / "data" / "standby.signal");
  std::ofstream signal(folder / "data" / "recovery.signal");
  signal.close();
  give_to_database_user(folder / "data" / "recovery.signal");

  // On the command line, so that nothing the old server was told (postgresql.auto.conf) is stronger; most of all not
  // where it archived to.
  std::vector<std::string> words{postgres_tool(database.server_version, "postgres"), "-D", (folder / "data").string()};
  const auto set = [&](const std::string& name, const std::string& value) {
    words.insert(words.end(), {"-c", name + "=" + value});
  };
  set("config_file", (folder / "server.conf").string());
  set("hba_file", (folder / "hba.conf").string());
  for (const auto& [name, value] : {std::pair{"listen_addresses", ""},
                                    {"archive_mode", "off"},
                                    {"ssl", "off"},
                                    {"primary_conninfo", ""},
                                    {"hot_standby", "on"},
                                    {"logging_collector", "off"},
                                    {"unix_socket_permissions", "0700"},
                                    {"max_wal_size", "4GB"},
                                    {"jit", "off"},
                                    {"timezone", "UTC"},
                                    {"log_timezone", "UTC"},
                                    // A copy tells nobody of itself, and no job drops or packs its chunks.
                                    {"timescaledb.telemetry_level", "off"},
                                    {"timescaledb.max_background_workers", "0"},
                                    {"recovery_target_action", "promote"}})
    set(name, value);
  set("unix_socket_directories", folder.string());
  for (const auto& s : database.settings)
    set(s.name, s.value);
  set("restore_command", *command);
  set("fsync", kept ? "on" : "off");
  if (target.moment) {
    // With a numeric offset: abbreviations such as Z are not known yet when the setting is read.
    auto moment = to_string(*target.moment);
    moment.pop_back();
    set("recovery_target_time", moment + "+00");
    set("recovery_target_timeline", "latest");
  } else if (target.latest) {
    set("recovery_target_timeline", "latest");
  } else {
    set("recovery_target_name", database.restore_point);
    set("recovery_target_timeline", "current");
  }

  std::unique_ptr<scratch_server> out(new scratch_server);
  out->folder_ = folder;
  out->database_ = database.database;
  out->user_ = database.superuser;
  out->kept_ = kept;
  if (from_archive && c.restore_command.empty() && !c.wal_location.empty())
    out->sealed_ = std::make_unique<wal_archive>(c, store.environment());
  out->process_ = std::make_unique<child_process>(
      child_command{.words = words, .as_database_user = true, .detached = kept, .output = folder / "server.log"});
  if (const auto done = out->await(c); !done) {
    out->stop();
    return done.error();
  }
  return out;
}

scratch_server::~scratch_server() {
  if (!kept_)
    stop();
}

void scratch_server::stop() {
  if (!process_ || !process_->is_running())
    return;
  process_->signal(SIGINT);
  for (const auto until = steady::now() + 30s; process_->is_running() && steady::now() < until;)
    std::this_thread::sleep_for(20ms);
  process_->signal(SIGKILL);
}

std::string scratch_server::url() const {
  return fmt::format("host={} user={} dbname={}", folder_.string(), user_, database_);
}

result<void> scratch_server::await(const backup_config& c) {
  for (const auto until = steady::now() + std::chrono::seconds(c.restore_wait_s); steady::now() < until;
       std::this_thread::sleep_for(50ms)) {
    if (!process_->is_running())
      return error{errc::unavailable, "the recovered server ended: " + last_words()};
    if (const auto done = answer_requests(); !done)
      return done.error();
    try {
      postgres::session s(url());
      if (!s.query<bool>("select pg_is_in_recovery()").at(0))
        return {};
    } catch (const postgres::database_error& e) {
      if (!e.is_connection_lost())
        return error{errc::unavailable, std::string("the recovered server refuses: ") + e.what()};
    }
  }
  return error{errc::timeout, fmt::format("recovery took longer than {} s: {}", c.restore_wait_s, last_words())};
}

result<void> scratch_server::answer_requests() {
  if (!sealed_)
    return {};
  const auto place = folder_ / "asked";
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(place))
    if (entry.path().extension() == ".ask")
      names.push_back(entry.path().stem().string());
  for (const auto& name : names) {
    const auto fetched = sealed_->fetch(name, place / name);
    if (!fetched && fetched.error().code != errc::not_found)
      return error{fetched.error().code, "archived WAL " + name + ": " + fetched.error().message};
    if (fetched)
      give_to_database_user(place / name);
    std::filesystem::remove(place / (name + ".ask"));
    const auto answer = place / (name + (fetched ? ".ok" : ".no"));
    std::ofstream(answer).close();
    give_to_database_user(answer);
  }
  return {};
}

std::string scratch_server::recovered_until() const {
  postgres::session s(url());
  return s
      .query<std::string>("select coalesce(to_char(pg_last_xact_replay_timestamp() at time zone 'UTC', "
                          "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), '')")
      .at(0);
}

// What it said that was grave.
std::string scratch_server::last_words() const {
  std::ifstream log(folder_ / "server.log");
  std::string line, out;
  while (std::getline(log, line))
    if (const auto at = line.find("FATAL:");
        at != std::string::npos && line.find("the database system is") == std::string::npos)
      out = line.substr(at);
  return out.empty() ? "see " + (folder_ / "server.log").string() : out;
}

} // namespace pricing::operations
