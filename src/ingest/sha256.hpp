#pragma once
// SHA-256 of files: the identity of an upload.
#include "core/error.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace pricing::ingest {

// 32 bytes. Fails with not_found when the file cannot be read.
result<std::string> sha256_of_file(const std::filesystem::path& file);
std::string hex(std::string_view bytes);

} // namespace pricing::ingest
