#include "core/log.hpp"

#include "core/clock.hpp"

#include <atomic>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <string>
#include <unistd.h>

namespace pricing::log {
namespace {

level level_from_environment() {
  const char* text = std::getenv("PRICING_LOG_LEVEL");
  const std::string_view name = text ? text : "info";
  if (name == "debug")
    return level::debug;
  if (name == "warning")
    return level::warning;
  if (name == "error")
    return level::error;
  return level::info;
}

std::atomic<level> minimum_level{level_from_environment()};
std::string service_name = "pricing";

constexpr const char* names[] = {"debug", "info", "warning", "error"};

} // namespace

void set_level(level minimum) {
  minimum_level = minimum;
}
bool writes(level l) {
  return l >= minimum_level;
}
void set_service(std::string_view name) {
  service_name = name;
}

void write(level l, std::string_view message, std::initializer_list<field> fields) {
  if (!writes(l))
    return;
  boost::json::object line;
  line["time"] = to_string(system_clock{}.now());
  line["level"] = names[static_cast<int>(l)];
  line["service"] = service_name;
  line["message"] = message;
  for (const auto& [name, value] : fields)
    line[name] = value;
  std::string text = boost::json::serialize(line);
  text += '\n';
  // Nothing can be done about a log that cannot be written.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

} // namespace pricing::log
