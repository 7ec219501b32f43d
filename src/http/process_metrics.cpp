#include "http/process_metrics.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace pricing::http {
namespace {

prometheus::MetricFamily family(const char* name, const char* help, prometheus::MetricType type, double value) {
  prometheus::ClientMetric metric;
  if (type == prometheus::MetricType::Counter)
    metric.counter.value = value;
  else
    metric.gauge.value = value;
  return {.name = name, .help = help, .type = type, .metric = {std::move(metric)}};
}

double boot_time_s() {
  std::ifstream in("/proc/stat");
  for (std::string word; in >> word;) {
    double value = 0;
    if (word == "btime" && in >> value)
      return value;
  }
  return 0;
}

double open_descriptors() {
  std::error_code missing;
  double count = 0;
  for (const auto& one : std::filesystem::directory_iterator("/proc/self/fd", missing)) {
    (void)one;
    count += 1;
  }
  return count > 0 ? count - 1 : 0; // the folder itself is open while it is read
}

} // namespace

std::vector<prometheus::MetricFamily> process_families() {
  using prometheus::MetricType;
  std::ifstream in("/proc/self/stat");
  std::string text{std::istreambuf_iterator<char>(in), {}};
  // proc(5): the second field is the name in brackets and may hold anything.
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos)
    return {};
  std::istringstream fields(text.substr(name_end + 1));
  std::vector<double> value(25, 0); // value[n]: field n of proc(5), from the third on
  std::string state;
  fields >> state;
  for (std::size_t n = 4; n < value.size(); ++n)
    fields >> value[n];
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  static const double booted_s = boot_time_s();
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  return {
      family("process_cpu_seconds_total", "Processor time used, of user and system", MetricType::Counter,
             (value[14] + value[15]) / ticks),
      family("process_threads", "Threads", MetricType::Gauge, value[20]),
      family("process_start_time_seconds", "When the process started, in Unix time", MetricType::Gauge,
             booted_s + value[22] / ticks),
      family("process_virtual_memory_bytes", "Virtual memory", MetricType::Gauge, value[23]),
      family("process_resident_memory_bytes", "Resident memory", MetricType::Gauge,
             value[24] * static_cast<double>(sysconf(_SC_PAGESIZE))),
      family("process_open_fds", "Open file descriptors", MetricType::Gauge, open_descriptors()),
      family("process_max_fds", "File descriptors it may open", MetricType::Gauge, static_cast<double>(files.rlim_cur)),
  };
}

} // namespace pricing::http
