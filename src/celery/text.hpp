#pragma once
// Texts of the Celery wire: base64, uuid4, JSON and repr as Python writes them, times. Pure.
#include "core/clock.hpp"
#include "core/error.hpp"

#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace pricing::celery {

namespace json = boost::json;

void append_base64(std::string& out, std::string_view bytes);
// Standard alphabet with padding; nullopt for anything else.
std::optional<std::string> from_base64(std::string_view text);

// A random UUID, version 4, in lower case.
std::string new_uuid();

// JSON with ", " and ": " between its parts and everything outside ASCII as \uXXXX: what json.dumps writes.
void append_json(std::string& out, const json::value& v);
void append_json_string(std::string& out, std::string_view utf8);
std::string to_python_json(const json::value& v);

// repr() of what the JSON value becomes in Python, cut at bytes_max; `tuple` writes an array with round brackets.
enum class brackets { list, tuple };
std::string repr(const json::value& v, std::size_t bytes_max = 1024, brackets outer = brackets::list);

// "2026-11-23T14:53:19.228523+00:00", micros absent when they are 0; suffix "" for the naive form.
std::string to_iso(timestamp at, std::string_view suffix = "+00:00");
// Accepts an offset, Z, or nothing, which means UTC.
result<timestamp> from_iso(std::string_view text);
// Seconds since 1970 as a Python float.
double to_unix(timestamp at);
timestamp from_unix(double seconds);

} // namespace pricing::celery
