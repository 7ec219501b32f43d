#include "ingest/ingest_cli.hpp"

namespace pricing::ingest {
namespace {

// The mapping to confirm for an upload that waits for one.
result<mapping> choose_mapping(ingest_service& service, organization_id organization, const import_request& request,
                               const upload_view& upload) {
  if (request.mapping_name)
    return service.named_mapping(organization, *request.mapping_name);
  auto preview = service.preview(organization, upload.id);
  if (!preview)
    return preview.error();
  if (!request.date_format.empty()) {
    preview->suggestion.date_format = request.date_format;
    std::erase_if(preview->questions, [](const auto& q) { return q.find("day/month") != std::string::npos; });
  }
  std::string open;
  for (const auto& question : preview->questions)
    open += "\n  " + question;
  if (!open.empty())
    return invalid_input("the mapping of '" + upload.file_name +
                         "' leaves questions open; answer them on the upload page, or "
                         "name a kept mapping with --mapping:" +
                         open);
  if (!request.yes)
    return invalid_input("'" + upload.file_name +
                         "' has columns not seen before; look at the proposed mapping on the upload "
                         "page, or take it with --yes");
  return std::move(preview->suggestion);
}

result<upload_view> import_file(ingest_service& service, organization_id organization, const import_request& request,
                                const std::filesystem::path& file, const progress_callback& progress,
                                bool& known_before) {
  auto upload = service.receive(organization, std::nullopt, file.filename().string(), file);
  if (!upload)
    return upload;
  if (upload->state == "failed")
    return invalid_input(upload->error.value_or("the file cannot be read"));
  known_before = upload->state == "completed" || upload->state == "partial";
  if (known_before)
    return upload;
  if (upload->state == "mapping") {
    const auto chosen = choose_mapping(service, organization, request, *upload);
    if (!chosen)
      return chosen.error();
    upload = service.set_mapping(organization, upload->id, *chosen);
    if (!upload)
      return upload;
  }
  if (upload->state == "ready")
    upload = service.start(organization, upload->id, false);
  if (!upload)
    return upload;
  return service.process(organization, upload->id, progress, false);
}

} // namespace

std::vector<import_file_report> import_files(ingest_service& service, organization_id organization,
                                             const import_request& request, const import_listener& listener) {
  std::vector<import_file_report> out;
  bool loaded = false;
  for (const auto& file : request.files) {
    import_file_report report{file, {}, {}, false};
    auto upload = import_file(
        service, organization, request, file,
        [&](const import_progress& p) {
          if (listener)
            listener(file, p);
        },
        report.known_before);
    if (upload) {
      loaded = loaded || (!report.known_before && upload->loaded > 0);
      report.upload = std::move(*upload);
    } else {
      report.failure = upload.error();
    }
    out.push_back(std::move(report));
  }
  if (loaded)
    service.refresh_statistics(organization);
  return out;
}

} // namespace pricing::ingest
