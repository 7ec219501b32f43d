#pragma once
// SHA-256: the identity of uploads and objects.
#include "core/error.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace pricing::storage {

// 32 bytes. Fails with not_found when the file cannot be read.
result<std::string> sha256_of_file(const std::filesystem::path& file);
// Lower case, two digits a byte.
std::string hex(std::string_view bytes);

} // namespace pricing::storage
