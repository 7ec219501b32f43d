#pragma once
// `pricing-ctl import FILE... [--mapping NAME] [--yes]`: the same use cases as the upload page, one file after the
// other.
#include "ingest/ingest_service.hpp"

#include <filesystem>
#include <functional>

namespace pricing::ingest {

struct import_request {
  std::vector<std::filesystem::path> files;
  std::optional<std::string>
      mapping_name;        // a kept mapping; else the one known for these columns, else the proposed one
  std::string date_format; // answers an ambiguous notation; empty: as proposed
  bool yes = false;        // take the proposed mapping when nothing is left open
};

struct import_file_report {
  std::filesystem::path file;
  std::optional<upload_view> upload; // what became of it
  std::optional<error> failure;      // why not
  bool known_before = false;         // the same bytes were imported earlier
};

// Called with the file that is being imported and how far it is.
using import_listener = std::function<void(const std::filesystem::path& file, const import_progress& progress)>;

// Goes on with the next file after a failed one. Interrupted imports of the same files are taken up again. Statistics
// are refreshed once at the end when any row was loaded.
std::vector<import_file_report> import_files(ingest_service& service, organization_id organization,
                                             const import_request& request, const import_listener& listener);

} // namespace pricing::ingest
