#pragma once
// Small things about files that both stores need; internal to this folder.
#include "storage/object_store.hpp"

namespace pricing::storage {

// A place for a file that is not there yet, in a new private folder that goes with the last copy.
local_file temporary_file();
// Its first bytes, up to `most`.
std::string text_of_file(const std::filesystem::path& path, std::size_t most);

} // namespace pricing::storage
