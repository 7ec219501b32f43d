#pragma once
// Percent-coding, queries and header texts.
#include "http/types.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::http {

// Appends the decoded text to `out`; false on a broken escape and on %00.
bool percent_decode(std::string_view text, std::string& out, bool plus_is_space);
// Everything but letters, digits and -._~ as %XX.
std::string percent_encode(std::string_view text);
// "a=1&b=x%20y"; empty on a broken escape or more than 100 parameters.
std::optional<std::vector<name_value>> parse_query(std::string_view text);
// Header names and tokens compare so.
bool equal_without_case(std::string_view a, std::string_view b);
std::string_view trim(std::string_view text);
// Does a comma-separated header value name this token with a weight above zero? "gzip;q=0" does not accept gzip.
bool accepts(std::string_view header, std::string_view token);
// Does If-None-Match name this entity tag? Weak comparison.
bool etag_matches(std::string_view if_none_match, std::string_view etag);
// "Mon, 23 Nov 2026 10:20:30 GMT"
std::string http_date(std::chrono::sys_seconds at);
// 32 random hex digits.
std::string random_id();
// Printable, at most 64 of [A-Za-z0-9._-].
bool is_sane_id(std::string_view id);
// Strong tag from the content, with quotes.
std::string content_etag(std::string_view content);

} // namespace pricing::http
