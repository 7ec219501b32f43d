#pragma once
// Small things about files and hashes that both stores need; internal to this folder.
#include "storage/object_store.hpp"

namespace pricing::storage {

// A new empty file in the system's temporary folder, deleted with its last copy.
local_file temporary_file();
// Of the file's bytes, 64 hexadecimal digits. Throws std::system_error when it cannot be read.
std::string sha256_hex_of_file(const std::filesystem::path& path);
// Its first bytes, up to `most`.
std::string text_of_file(const std::filesystem::path& path, std::size_t most);

} // namespace pricing::storage
