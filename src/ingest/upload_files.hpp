#pragma once
// Uploaded files in the object store, streamed: memory stays bounded whatever their size.
#include "ingest/ingest_service.hpp"
#include "storage/object_store.hpp"

namespace pricing::ingest {

// Keys are "uploads/<sha256>"; a file appears whole or not. `objects` must outlive what is returned.
upload_files files_in(storage::object_store& objects);

} // namespace pricing::ingest
