#pragma once
// Background work of ingestion: what a worker does with a job of kind "import".
#include "ingest/ingest_service.hpp"

#include <boost/json/value.hpp>

namespace pricing::ingest {

inline constexpr const char* import_job_kind = "import";

// payload: {"upload_id": 12}. Safe to run again after a crash: it goes on where the last one stopped; an upload that
// has ended in the meantime is left alone. `progress` also serves as the job's heartbeat.
result<void> run_import_job(ingest_service& service, organization_id organization, const boost::json::value& payload,
                            const progress_callback& progress);

} // namespace pricing::ingest
