#pragma once
// gzip for responses; zlib's state is kept per thread, so a small body costs no set-up.
#include "http/types.hpp"

#include <string>
#include <string_view>

namespace pricing::http {

// level 1 (fast, answers) to 9 (static files, once).
std::string gzip(std::string_view content, int level);
// What gzip() packed, of the size it had.
std::string gunzip(std::string_view packed, std::size_t bytes);
// JSON, text, scripts, SVG, XML; not images, fonts or archives.
bool is_compressible(std::string_view content_type);
// Of a kind and a size that shrink, and not packed already.
bool is_worth_gzip(const response& r);

} // namespace pricing::http
