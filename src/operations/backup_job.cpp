#include "operations/backup_job.hpp"

#include "operations/child_process.hpp"
#include "operations/database_backup.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pricing::operations {
namespace {

struct asking_row {
  std::string slug;
  bool is_only = false;
};
BOOST_DESCRIBE_STRUCT(asking_row, (), (slug, is_only))

struct made_row {
  std::string id, part;
  std::int64_t bytes = 0;
};
BOOST_DESCRIBE_STRUCT(made_row, (), (id, part, bytes))

constexpr const char* find_asking =
    "select slug, (select count(*) from organization_ids()) = 1 as is_only from organizations where id = $1";
constexpr const char* find_made_since = "select id, part, bytes from backups where started_at >= (select created_at "
                                        "from jobs where organization_id = $1 and "
                                        "task_id = $2) and environment = $3 order by finished_at desc, part";
constexpr const char* take_turn = "select pg_try_advisory_lock(hashtextextended('pricing-backup', 0))";
constexpr const char* note_part =
    "insert into backups (id, environment, part, location, bytes, started_at, finished_at) values ($1, $2, $3, $4, $5, "
    "$6::text::timestamptz, $7::text::timestamptz)";

bool wants_database(const std::string& type) {
  return type == "all" || type == "database";
}

// Before anything is written: a job that cannot succeed says what is missing, once.
result<void> is_equipped(const std::string& type, const backup_config& c) {
  const auto key = seal_key::parse(c.key);
  if (!key)
    return invalid_input("backups need a key: set PRICING_BACKUP_KEY_FILE for this worker (" + key.error().message +
                         ")");
  if (!is_environment(c.environment))
    return invalid_input("backup.environment has small letters, digits and dashes");
  if (!wants_database(type))
    return {};
  if (c.database_url.empty())
    return invalid_input("set PRICING_BACKUP_DATABASE_URL for this worker: a role that may replicate and read all");
  postgres::session server(c.database_url);
  const int version = server.query<int>("select current_setting('server_version_num')::int").at(0);
  for (const char* tool : {"pg_basebackup", "pg_receivewal"}) {
    child_process asked({.words = {postgres_tool(version, tool), "--version"}});
    if (!asked.finish())
      return invalid_input(
          fmt::format("{} of PostgreSQL {} is not on this worker's machine; run backups where it is, or "
                      "by pricing-ctl backup",
                      tool, version / 10'000));
  }
  return {};
}

result<void> may_ask(postgres::session& database, const backup_in& in, const backup_config& c) {
  database.begin(in.organization_id);
  const auto asking = database.query<asking_row>(find_asking, in.organization_id);
  database.commit();
  if (asking.empty())
    return not_found("there is no such organization");
  if (c.organization.empty() ? asking[0].is_only : c.organization == asking[0].slug)
    return {};
  return error{errc::forbidden,
               "a backup holds the data of all organizations: only the one that PRICING_BACKUP_ORGANIZATION names may "
               "make it"};
}

std::optional<backup_out> made_before(postgres::session& database, const backup_in& in, const std::string& type,
                                      const backup_config& c, std::string_view task_id) {
  database.begin(in.organization_id);
  const auto rows = database.query<made_row>(find_made_since, in.organization_id, std::string(task_id), c.environment);
  database.commit();
  std::optional<backup_out> out;
  for (const auto& row : rows) {
    if (out && out->id != row.id)
      break;
    if (!out)
      out = backup_out{row.id, {}, row.bytes};
    out->parts.push_back(row.part);
  }
  const auto has = [&](const std::string& part) {
    return std::find(out->parts.begin(), out->parts.end(), part) != out->parts.end();
  };
  if (out && (type == "all" ? out->parts.size() == std::size(backup_parts) : has(type)))
    return out;
  return std::nullopt;
}

} // namespace

void record_backup(postgres::session& database, const backup_manifest& m, const std::string& location) {
  for (const std::string part : backup_parts)
    if (has_part(m, part))
      database.execute(note_part, m.id, m.environment, part, location, static_cast<std::int64_t>(stored_bytes(m)),
                       m.started_at, m.finished_at);
}

result<backup_out> run_backup_job(postgres::session& database, const backup_in& in, const backup_config& c,
                                  const backup_sources& sources, std::string_view task_id,
                                  const backup_manager::progress_function& progress) {
  const auto type = in.type.value_or("all");
  if (const auto allowed = may_ask(database, in, c); !allowed)
    return allowed.error();
  if (const auto equipped = is_equipped(type, c); !equipped)
    return equipped.error();
  // Held by the session, so it goes with a worker that dies.
  if (!database.query<bool>(take_turn).at(0))
    return error{errc::unavailable, "another backup is being made", {}, 60};
  if (auto known = made_before(database, in, type, c, task_id))
    return std::move(*known);
  const auto objects = open_location(c.location, true);
  backup_store store(*objects, c.environment, seal_key::parse(c.key).value());
  backup_manager manager(store, c);
  const auto made = manager.back_up(type, sources, progress);
  if (!made)
    return made.error();
  record_backup(database, *made, c.location);
  backup_out out{made->id, {}, static_cast<std::int64_t>(stored_bytes(*made))};
  for (const std::string part : backup_parts)
    if (has_part(*made, part))
      out.parts.push_back(part);
  return out;
}

} // namespace pricing::operations
