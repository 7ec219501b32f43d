#pragma once
// One import: a file under a mapping into price_observations. Used by pricing-ctl, the upload API's worker and tests
// alike.
//
// The calling thread parses, converts and resolves; `loaders` threads, each with its own connection, write batches.
// Batches are written side by side but committed in order, each in one transaction with its counts and checkpoint, so
// that after a kill at any moment the stored counts are exact and the next run goes on after the last committed row.
// Duplicates are found by row_key: within the file in memory, against the database by its unique index.
#include "ingest/ingest_store.hpp"
#include "wire/table.hpp"

#include <functional>
#include <memory>

namespace pricing::ingest {

struct import_options {
  std::size_t batch_rows = 20'000;
  unsigned loaders = 2;
  match::thresholds thresholds{};
  int lock_wait_s = 30; // for the import of a process that has just died
};

struct import_progress {
  batch_counts counts; // committed
  double share = 0;    // of the file, 0..1
};

using progress_callback = std::function<void(const import_progress&)>;
using session_factory = std::function<std::unique_ptr<postgres::session>()>;

struct import_job {
  organization_id organization;
  std::int64_t upload_id = 0;
  wire::file_bytes file;
  wire::table_info info;
  bound_mapping mapping;
  std::int64_t checkpoint_row = 0;    // rows up to here are committed already
  std::int64_t duplicates_before = 0; // counted by earlier runs of this upload
  date today{};
};

struct import_outcome {
  batch_counts counts; // of this run only
  quality_report quality;
};

// The upload must be in state processing and imports of the organization locked by the caller. Fails when the rest of
// the file cannot be read; what was committed stays. Throws when the database breaks.
result<import_outcome> run_import(const import_job& job, const session_factory& connect, const import_options& options,
                                  const progress_callback& progress);

// One row again, after a person has corrected its cells: loaded, found to be a duplicate, or held, as the counts say;
// an error with the reason when it is still wrong. `in_transaction` runs before the commit.
result<batch_counts> import_row(const import_job& job, const session_factory& connect, const wire::row_view& row,
                                const std::function<void(ingest_store&, const batch_counts&)>& in_transaction);

} // namespace pricing::ingest
