#pragma once
// What the system knows of this process, under the names that every Prometheus client library uses:
// process_cpu_seconds_ total, process_resident_memory_bytes, process_virtual_memory_bytes, process_open_fds,
// process_max_fds, process_start_time_seconds, process_threads. Read from /proc at each scrape; without it the list is
// empty.
#include <prometheus/metric_family.h>

#include <vector>

namespace pricing::http {

std::vector<prometheus::MetricFamily> process_families();

} // namespace pricing::http
