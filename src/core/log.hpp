#pragma once
// Structured logs: one JSON object a line on stderr. Fields after the message are name/value pairs:
//   log::info("upload finished", {{"upload", 12}, {"rows", 2390000}});
// Level from PRICING_LOG_LEVEL (debug, info, warning, error). Thread-safe; a line is one write(2).
#include <boost/json/value.hpp>

#include <initializer_list>
#include <string_view>
#include <utility>

namespace pricing::log {

enum class level { debug, info, warning, error };
using field = std::pair<std::string_view, boost::json::value>;

void set_level(level minimum);
bool writes(level l); // at this level, now
// The process name stands in every line ("service").
void set_service(std::string_view name);

void write(level l, std::string_view message, std::initializer_list<field> fields = {});
inline void debug(std::string_view m, std::initializer_list<field> f = {}) {
  write(level::debug, m, f);
}
inline void info(std::string_view m, std::initializer_list<field> f = {}) {
  write(level::info, m, f);
}
inline void warning(std::string_view m, std::initializer_list<field> f = {}) {
  write(level::warning, m, f);
}
inline void error(std::string_view m, std::initializer_list<field> f = {}) {
  write(level::error, m, f);
}

} // namespace pricing::log
