#include "postgres/migrations.hpp"

#include "core/log.hpp"

#include <sodium/crypto_hash_sha256.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace pricing::postgres {
namespace {

struct file {
  int version = 0;
  std::string name;
  std::string sql;
  std::string sha256; // hexadecimal
};

struct applied_row {
  int version = 0;
  std::string name;
  std::string sha256;
};
BOOST_DESCRIBE_STRUCT(applied_row, (), (version, name, sha256))

std::string sha256_of(const std::string& text) {
  unsigned char hash[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(hash, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  std::string out;
  for (const auto byte : hash) {
    constexpr const char* digits = "0123456789abcdef";
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

result<file> read_file(const std::filesystem::path& path) {
  file out{0, path.filename().string(), {}, {}};
  const auto& n = out.name;
  const bool named =
      n.size() > 8 && n[3] == '_' && std::all_of(n.begin(), n.begin() + 3, [](char c) { return c >= '0' && c <= '9'; });
  if (!named)
    return invalid_input("migration '" + n + "' must be named NNN_name.sql");
  out.version = std::stoi(n.substr(0, 3));
  std::ifstream in(path, std::ios::binary);
  out.sql.assign(std::istreambuf_iterator<char>(in), {});
  if (!in || out.sql.empty())
    return invalid_input("migration '" + n + "' cannot be read or is empty");
  out.sha256 = sha256_of(out.sql);
  return out;
}

result<std::vector<file>> read_folder(const std::filesystem::path& folder) {
  std::vector<file> out;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ec)) {
    if (entry.path().extension() != ".sql")
      continue;
    auto one = read_file(entry.path());
    if (!one)
      return one.error();
    out.push_back(std::move(*one));
  }
  if (ec)
    return invalid_input("the migrations folder " + folder.string() + " cannot be read: " + ec.message());
  std::sort(out.begin(), out.end(), [](const file& a, const file& b) { return a.version < b.version; });
  for (std::size_t i = 0; i < out.size(); ++i)
    if (out[i].version != static_cast<int>(i) + 1)
      return invalid_input("migration " + std::to_string(i + 1) + " is missing or double; found '" + out[i].name + "'");
  return out;
}

result<void> check_applied(const std::vector<file>& files, const std::vector<applied_row>& applied) {
  for (std::size_t i = 0; i < applied.size(); ++i) {
    if (applied[i].version != static_cast<int>(i) + 1)
      return invalid_input("schema_migrations has a gap before " + std::to_string(applied[i].version));
    if (i >= files.size())
      return invalid_input("migration '" + applied[i].name +
                           "' was applied but its file is gone: this release is older " + "than its database");
    if (files[i].sha256 != applied[i].sha256)
      return invalid_input("migration '" + files[i].name +
                           "' was changed after it had been applied; restore it and put " +
                           "the change into a new file");
  }
  return {};
}

constexpr const char* create_roles = R"(
do $$ begin
  if (select rolsuper from pg_roles where rolname = current_user) then
    if not exists (select from pg_roles where rolname = 'pricing_owner') then create role pricing_owner login; end if;
    if not exists (select from pg_roles where rolname = 'pricing_app') then
      create role pricing_app login nosuperuser nocreatedb nocreaterole nobypassrls;
    end if;
    execute format('grant create on database %I to pricing_owner', current_database());
    grant usage, create on schema public to pricing_owner;
    set session role pricing_owner;
  end if;
end $$)";

constexpr const char* create_table =
    "create table if not exists schema_migrations (version int primary key, name text not null, sha256 text not null, "
    "applied_at timestamptz not null default now())";

void apply(session& owner, const file& f) {
  try {
    owner.script("begin");
    owner.script(f.sql);
    owner.execute("insert into schema_migrations (version, name, sha256) values ($1, $2, $3)", f.version, f.name,
                  f.sha256);
    owner.commit();
  } catch (const database_error& e) {
    if (!e.is_connection_lost())
      owner.rollback();
    throw database_error(e.sqlstate(), f.name + ": " + e.what());
  }
  log::info("migration applied", {{"name", f.name.c_str()}});
}

struct advisory_lock {
  explicit advisory_lock(session& s) : held(s) { held.script("select pg_advisory_lock(720617)"); }
  ~advisory_lock() {
    try {
      held.script("select pg_advisory_unlock(720617)");
    } catch (const database_error&) { // the lock ends with the lost session
    }
  }
  advisory_lock(const advisory_lock&) = delete;
  session& held;
};

} // namespace

result<migration_report> migrate(session& owner, const std::filesystem::path& folder) {
  const auto files = read_folder(folder);
  if (!files)
    return files.error();
  const advisory_lock lock(owner);
  owner.script(create_roles);
  owner.script("set client_min_messages = warning");
  owner.script(create_table);
  const auto applied = owner.query<applied_row>("select version, name, sha256 from schema_migrations order by version");
  if (const auto same = check_applied(*files, applied); !same)
    return same.error();
  migration_report out{0, static_cast<int>(files->size())};
  for (auto i = applied.size(); i < files->size(); ++i, ++out.applied)
    apply(owner, (*files)[i]);
  return out;
}

} // namespace pricing::postgres
