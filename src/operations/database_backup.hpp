#pragma once
// The database's part of a backup, by PostgreSQL's own tools: pg_basebackup for the files, pg_receivewal for the log
// written meanwhile, and a named restore point at which the sums of all tables are known.
#include "operations/backup_store.hpp"
#include "operations/config.hpp"

namespace pricing::operations {

// Adds the streams "database" and "wal" and m.database. The server needs wal_level replica and two free WAL senders;
// the user of the URL may replicate, create restore points, switch WAL, and read and lock all tables.
//
// The tables are summed as they were at the restore point: it is set while nobody holds an open write, under locks that
// are held for that instant only.
result<void> back_up_database(backup_store& store, backup_manifest& m, const backup_config& c);

// The rows and checksum of every permanent table that no extension owns, as `session` sees them. The same rows give the
// same sums on any server of that version.
namespace detail {
inline constexpr const char* tables_query =
    "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace "
    "where c.relkind = 'r' and c.relpersistence = 'p' and n.nspname <> 'information_schema' "
    "and n.nspname not like 'pg\\_%' and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass "
    "and d.objid = c.oid and d.deptype = 'e') order by 1";
} // namespace detail
std::vector<table_sum> sum_tables(const std::string& url);

// The tools of this major version: a folder, or empty for those on the PATH.
std::string postgres_tool(int server_version, const std::string& name);

} // namespace pricing::operations
