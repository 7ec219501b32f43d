#pragma once
// Compressed bodies: the content types that kombu registers and this build can read.
#include "core/error.hpp"

#include <string>
#include <string_view>

namespace pricing::celery {

// Unpacks to at most bytes_max. Fails with unsupported_media (unknown type), invalid_input (damaged), too_large.
result<std::string> decompress(std::string_view content_type, std::string_view packed, std::size_t bytes_max);

} // namespace pricing::celery
