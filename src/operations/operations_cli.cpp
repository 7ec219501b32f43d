#include "operations/operations_cli.hpp"

#include "core/log.hpp"
#include "operations/backup_job.hpp"
#include "operations/wal_archive.hpp"
#include "postgres/session.hpp"
#include "wire/json.hpp"

#include <boost/json/string.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>

namespace pricing::operations {
namespace {

template <class T>
int tell(const T& found, bool json, const std::string& text) {
  std::cout << (json ? wire::encode(found) + "\n" : text) << std::flush;
  return std::cout.good() ? 0 : 1;
}

// Whole or not at all: a reader never sees half a report.
bool write_whole(const std::string& file, const std::string& text) {
  const std::string beside = file + ".part";
  std::ofstream out(beside, std::ios::trunc | std::ios::binary);
  out << text;
  out.close();
  return out.good() && std::rename(beside.c_str(), file.c_str()) == 0;
}

// The backup itself is good without it.
void record(const backup_manifest& m, const std::string& location, const std::string& url) {
  try {
    postgres::session session(url);
    record_backup(session, m, location);
  } catch (const std::exception& e) {
    log::warning("the backup is made, but not recorded in the database", {{"error", boost::json::string(e.what())}});
  }
}

struct listed {
  std::string id, state, consistent_at;
  std::vector<std::string> parts;
  std::uint64_t bytes = 0;
};
BOOST_DESCRIBE_STRUCT(listed, (), (id, state, consistent_at, parts, bytes))

listed describe(const listed_backup& b) {
  listed out{.id = b.id, .state = "complete"};
  if (!b.manifest) {
    out.state = b.manifest.error().code == errc::not_found ? "incomplete" : "damaged";
    return out;
  }
  out.bytes = stored_bytes(*b.manifest);
  for (const auto* part : backup_parts)
    if (has_part(*b.manifest, part))
      out.parts.emplace_back(part);
  if (b.manifest->database)
    out.consistent_at = b.manifest->database->consistent_at;
  return out;
}

int list(const backup_store& store, bool json) {
  std::vector<listed> all;
  std::string text;
  for (const auto& b : store.list()) {
    const auto& one = all.emplace_back(describe(b));
    text += fmt::format("{}  {:<10} {:>14} bytes  {}\n", one.id, one.state, one.bytes, fmt::join(one.parts, ", "));
  }
  return tell(all, json, text.empty() ? "no backups of " + store.environment() + " here\n" : text);
}

int restore(backup_manager& manager, const std::string& id, const backup_request& r) {
  recovery_target target{.latest = r.target_time == "latest"};
  if (!r.target_time.empty() && !target.latest)
    target.moment = parse_timestamp(r.target_time).value();
  const auto folder = r.target_folder.empty() ? "/var/tmp/pricing-restore-" + make_backup_id(system_clock().now())
                                              : std::filesystem::absolute(r.target_folder).string();
  const auto done = manager.restore(id, r.type, folder, target).value();
  auto text = fmt::format("{} is restored in {} ({:.1f} s)\n", done.id, folder, done.duration_s);
  if (!done.url.empty())
    text += fmt::format("PostgreSQL runs as process {} (kill -INT {} ends it), recovered to {}:\n  psql '{}'\n",
                        done.pid, done.pid, done.recovered_until, done.url);
  return tell(done, r.json, text);
}

} // namespace

int run_health(const health_request& r) {
  const auto format = parse_report_format(r.format).value();
  const auto report = check_health(r.options);
  const auto text = render(report, format);
  std::cerr << fmt::format("{} is {}\n", printable(r.options.url), report.verdict);
  const bool in_file = !r.file.empty() && write_whole(r.file, text);
  if (!r.file.empty() && !in_file)
    std::cerr << "pricing-ctl: " << r.file << " cannot be written\n";
  if (!in_file)
    std::cout << text << std::flush;
  if (!std::cout.good() || (!r.file.empty() && !in_file))
    return 1;
  return r.fail_on_unhealthy && report.verdict == "unhealthy" ? 1 : 0;
}

int run_backup(const backup_request& r, const backup_config& c, const backup_sources& sources,
               const std::string& record_url) {
  if (!is_environment(r.environment))
    throw std::runtime_error("--environment has small letters, digits and dashes");
  const auto at = parse_location(r.location.empty() ? c.location : r.location);
  if (!at.id.empty() && at.environment != r.environment)
    throw std::runtime_error(fmt::format("that backup is of {}, not of {}", at.environment, r.environment));
  const auto key = seal_key::parse(c.key).value();
  const bool reads_only = r.operation == "list" || r.operation == "verify" || r.operation == "restore";
  if (r.operation == "list" && !location_exists(at.root))
    return tell(std::vector<listed>(), r.json, "no backups of " + r.environment + " here\n");
  const auto objects = open_location(at.root, !reads_only);
  backup_store store(*objects, r.environment, key);
  backup_manager manager(store, c);
  if (r.operation == "list")
    return list(store, r.json);
  if (r.operation == "restore")
    return restore(manager, at.id, r);
  if (r.operation == "verify") {
    const auto v = manager.verify(at.id, r.type).value();
    return tell(v, r.json,
                fmt::format("{} is whole: {} tables with {} rows and {} files are as they were ({:.1f} s)\n", v.id,
                            v.tables, v.rows, v.files, v.duration_s));
  }
  if (r.operation == "cleanup") {
    const auto gone = manager.clean_up(r.retention_days.value_or(c.retention_days)).value();
    return tell(gone, r.json, fmt::format("{} backups deleted\n{}", gone.size(), fmt::join(gone, "\n")));
  }
  if (r.operation != "backup")
    throw std::runtime_error("--operation is backup, verify, restore, list or cleanup");
  const auto m = manager.back_up(r.type, sources).value();
  record(m, at.root, record_url);
  return tell(m, r.json, fmt::format("{}/{}/{}: {} bytes\n", at.root, m.environment, m.id, stored_bytes(m)));
}

int run_wal(const wal_request& r, const backup_config& c) {
  wal_archive archive(c, c.environment);
  if (r.operation == "archive") {
    archive.keep(r.path, r.name).value();
    return 0;
  }
  if (r.operation == "fetch") {
    archive.fetch(r.name, r.path).value();
    return 0;
  }
  // The first process of a container would stay until it is killed. What was on its way is shipped the next time.
  std::signal(SIGTERM, [](int) { std::_Exit(0); });
  for (;; std::this_thread::sleep_for(std::chrono::seconds(r.every_s))) {
    try {
      const auto shipped = archive.ship(r.path);
      if (!shipped)
        log::error("WAL cannot be archived; it waits", {{"error", boost::json::string(shipped.error().message)}});
      else if (*shipped > 0)
        log::info("WAL archived", {{"files", *shipped}});
      if (r.once)
        return shipped ? 0 : 1;
    } catch (const std::exception& e) {
      log::error("WAL cannot be archived; it waits", {{"error", boost::json::string(e.what())}});
      if (r.once)
        return 1;
    }
  }
}

} // namespace pricing::operations
