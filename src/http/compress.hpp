#pragma once
// gzip for responses; zlib's state is kept per thread, so a small body costs no set-up.
#include <string>
#include <string_view>

namespace pricing::http {

// level 1 (fast, answers) to 9 (static files, once).
std::string gzip(std::string_view content, int level);
// JSON, text, scripts, SVG, XML; not images, fonts or archives.
bool is_compressible(std::string_view content_type);

} // namespace pricing::http
