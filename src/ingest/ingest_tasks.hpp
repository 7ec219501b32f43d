#pragma once
// Background work of ingestion.
#include "celery/task.hpp"
#include "core/ids.hpp"
#include "ingest/ingest_service.hpp"

namespace pricing::ingest {

inline constexpr const char* import_job_kind = "import";

struct import_in {
  pricing::organization_id organization_id;
  std::int64_t upload_id = 0;
};
BOOST_DESCRIBE_STRUCT(import_in, (), (organization_id, upload_id))

struct import_out {
  std::string state; // of the upload
  std::int64_t rows = 0, loaded = 0, quarantined = 0, duplicates = 0, awaiting = 0;
};
BOOST_DESCRIBE_STRUCT(import_out, (), (state, rows, loaded, quarantined, duplicates, awaiting))

// Somebody looks at its progress bar.
inline constexpr celery::task<import_in, import_out> import_task{"pricing.import",
                                                                 {.queue = "priority", .max_retries = 100}};

// Safe to run again after a crash: it goes on where the last one stopped; an upload that has ended in the meantime is
// left alone. `progress` also serves as the job's heartbeat.
result<import_out> run_import(ingest_service& service, const import_in& in, const progress_callback& progress);

} // namespace pricing::ingest
