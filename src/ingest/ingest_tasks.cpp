#include "ingest/ingest_tasks.hpp"

#include "core/log.hpp"

#include <boost/json/string.hpp>

namespace pricing::ingest {

result<import_out> run_import(ingest_service& service, const import_in& in, const progress_callback& progress) {
  const auto before = service.upload(in.organization_id, in.upload_id);
  if (!before)
    return before.error();
  auto done = *before;
  if (before->state == "processing") {
    auto processed = service.process(in.organization_id, in.upload_id, progress);
    if (!processed)
      return processed.error();
    done = std::move(*processed);
  }
  import_out out{done.state, done.rows_in, done.loaded, done.quarantined, done.duplicates, done.awaiting};
  log::info("upload imported", {{"organization", in.organization_id.value},
                                {"upload", in.upload_id},
                                {"state", boost::json::string(out.state)},
                                {"rows", out.rows},
                                {"loaded", out.loaded},
                                {"quarantined", out.quarantined},
                                {"duplicates", out.duplicates},
                                {"awaiting", out.awaiting}});
  return out;
}

} // namespace pricing::ingest
