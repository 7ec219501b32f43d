#pragma once
// What the health monitor found, and how it is told: text for people, JSON for programs, JUnit for pipelines. Pure.
#include "core/error.hpp"

#include <boost/describe.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::operations {

struct health_check {
  std::string name;   // live, ready, database, cache, queue, ml, certificates, latency, version
  std::string status; // pass, warn, fail, skip
  std::string message;
  std::optional<double> value; // what was measured
  std::string unit;            // of value: ms, days
};
BOOST_DESCRIBE_STRUCT(health_check, (), (name, status, message, value, unit))

struct health_report {
  std::string environment, url;
  std::string checked_at; // ISO 8601, UTC
  std::string verdict;    // healthy; degraded: something warns; unhealthy: something fails
  double duration_ms = 0;
  std::vector<health_check> checks;
};
BOOST_DESCRIBE_STRUCT(health_report, (), (environment, url, checked_at, verdict, duration_ms, checks))

std::string verdict_of(const std::vector<health_check>& checks);

enum class report_format { text, json, junit };
result<report_format> parse_report_format(std::string_view name);
// Valid UTF-8, XML and JSON whatever bytes the messages have. Ends with a line break.
std::string render(const health_report& report, report_format format);

// At most 300 characters of valid UTF-8 without control characters; what is neither is shown as '?'.
std::string printable(std::string_view text);

} // namespace pricing::operations
