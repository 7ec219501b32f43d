#pragma once
// Writes one export in the background. Safe to run again: an export that is ready stays as it is, and a file replaces
// the one that a former run left.
#include "celery/task.hpp"
#include "postgres/session.hpp"
#include "reports/table_writer.hpp"
#include "storage/object_store.hpp"

#include <functional>

namespace pricing::reports {

inline constexpr const char* export_job_kind = "export";

// Either the export that a person asked for, or what to write: then a row of its own is made, as schedules need it.
struct export_in {
  pricing::organization_id organization_id;
  std::optional<std::int64_t> export_id;
  std::optional<std::string> dataset; // without export_id; "report" when absent
  std::optional<file_format> format;  // xlsx when absent
  std::optional<export_filter> filter;
};
BOOST_DESCRIBE_STRUCT(export_in, (), (organization_id, export_id, dataset, format, filter))

struct export_out {
  std::int64_t export_id = 0;
  std::int64_t rows = 0;
  std::int64_t bytes = 0;
};
BOOST_DESCRIBE_STRUCT(export_out, (), (export_id, rows, bytes))

inline constexpr celery::task<export_in, export_out> export_task{"pricing.export",
                                                                 {.queue = "default", .max_retries = 100}};

// The sheet being written and the rows written so far. May throw to stop.
using export_progress = std::function<void(std::string_view sheet, std::int64_t rows)>;

// Blocking. not_found, invalid_input (no such dataset), too_large (more rows than the format holds).
result<export_out> run_export(postgres::session& database, storage::object_store& objects, const export_in& in,
                              const export_progress& progress = {});

inline constexpr int days_kept = 30;
// Removes exports older than `days` and their files; how many.
std::int64_t remove_old_exports(postgres::session& database, storage::object_store& objects,
                                organization_id organization, int days);

} // namespace pricing::reports
