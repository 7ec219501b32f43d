#include "ingest/ingest_tasks.hpp"

#include "core/log.hpp"

#include <boost/json.hpp>

namespace pricing::ingest {

result<void> run_import_job(ingest_service& service, organization_id organization, const boost::json::value& payload,
                            const progress_callback& progress) {
  const auto* object = payload.if_object();
  const auto* id = object ? object->if_contains("upload_id") : nullptr;
  if (id == nullptr || !id->is_int64())
    return invalid_input("an import job needs an upload_id");
  const auto upload_id = id->as_int64();
  const auto before = service.upload(organization, upload_id);
  if (!before)
    return before.error();
  if (before->state != "processing") {
    log::info("import job finds nothing to do", {{"upload", upload_id}, {"state", boost::json::string(before->state)}});
    return {};
  }
  const auto done = service.process(organization, upload_id, progress);
  if (!done)
    return done.error();
  log::info("upload imported", {{"organization", organization.value},
                                {"upload", upload_id},
                                {"state", boost::json::string(done->state)},
                                {"rows", done->rows_in},
                                {"loaded", done->loaded},
                                {"quarantined", done->quarantined},
                                {"duplicates", done->duplicates},
                                {"awaiting", done->awaiting}});
  return {};
}

} // namespace pricing::ingest
