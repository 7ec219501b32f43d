#pragma once
// Uploaded files in the object store's folder, streamed: memory stays bounded whatever their size.
#include "ingest/ingest_service.hpp"

namespace pricing::ingest {

// Keys are "uploads/<sha256>" below `root`, the folder that storage::folder_store serves; a file appears whole or not.
upload_files files_under(std::filesystem::path root);

} // namespace pricing::ingest
