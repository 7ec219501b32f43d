#pragma once
// What a worker does for backup_task.hpp.
#include "operations/backup_manager.hpp"
#include "operations/backup_task.hpp"
#include "postgres/session.hpp"

namespace pricing::operations {

// Of the whole installation, so not for every tenant: with several organizations only for backup.organization.
// Once: a backup of these parts that began after the job was made is the answer of a job that runs again; two never
// run at once. forbidden, or invalid_input naming the tool or setting that this machine lacks, end the job.
result<backup_out> run_backup_job(postgres::session& database, const backup_in& in, const backup_config& c,
                                  const backup_sources& sources, std::string_view task_id,
                                  const backup_manager::progress_function& progress);

// Notes a backup in the table `backups`, for the alert when none comes any more.
void record_backup(postgres::session& database, const backup_manifest& m, const std::string& location);

} // namespace pricing::operations
