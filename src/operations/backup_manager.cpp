#include "operations/backup_manager.hpp"

#include "core/log.hpp"
#include "operations/database_backup.hpp"
#include "operations/tar_writer.hpp"
#include "operations/wal_archive.hpp"

#include <boost/json/string.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>

namespace pricing::operations {
namespace {

namespace fs = std::filesystem;
using steady = std::chrono::steady_clock;

double seconds_since(steady::time_point begin) {
  return std::chrono::duration<double>(steady::now() - begin).count();
}

// Removed with all that is in it.
class temporary_folder {
 public:
  explicit temporary_folder(const std::string& purpose) {
    std::string name = (fs::temp_directory_path() / ("pricing-" + purpose + "-XXXXXX")).string();
    if (!mkdtemp(name.data()))
      throw std::system_error(errno, std::generic_category(), "mkdtemp");
    path_ = name;
  }
  ~temporary_folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  temporary_folder(const temporary_folder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Regular files below a folder, relative to it, sorted; unfinished ones are left out.
result<std::vector<std::string>> files_below(const fs::path& root, const char* setting) {
  if (!fs::is_directory(root))
    return not_found(fmt::format("there is no folder {}; {} names it", root.string(), setting));
  std::vector<std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const auto name = entry.path().filename().string();
    if (entry.is_regular_file() && !name.starts_with(".tmp-") &&
        entry.path().string().find("/.terraform/") == std::string::npos)
      out.push_back(entry.path().lexically_relative(root).string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

bool is_part(std::string_view type) {
  return std::find(std::begin(backup_parts), std::end(backup_parts), type) != std::end(backup_parts);
}

result<std::vector<std::string>> parts_of(const std::string& type) {
  if (type == "all")
    return std::vector<std::string>(std::begin(backup_parts), std::end(backup_parts));
  if (!is_part(type))
    return invalid_input("'" + type + "' is not a type; choose all, database, models, config, manifests or terraform");
  return std::vector<std::string>{type};
}

// The parts of the type that the backup has.
result<std::vector<std::string>> parts_in(const backup_manifest& m, const std::string& type) {
  auto parts = parts_of(type);
  if (!parts)
    return parts;
  std::erase_if(*parts, [&](const auto& p) { return !has_part(m, p); });
  if (parts->empty())
    return not_found(fmt::format("backup {} has no {} in it", m.id, type));
  return parts;
}

struct file_count {
  std::int64_t files = 0;
  std::uint64_t bytes = 0;
};

file_count count_files(const fs::path& folder) {
  file_count out;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      ++out.files, out.bytes += entry.file_size();
  return out;
}

// Which tables differ, in words; empty when none does.
std::string differences(const std::vector<table_sum>& wanted, const std::vector<table_sum>& found) {
  std::string out;
  for (const auto& w : wanted) {
    const auto f = std::find_if(found.begin(), found.end(), [&](const auto& t) { return t.table == w.table; });
    if (f == found.end())
      out += fmt::format("{} is missing; ", w.table);
    else if (*f != w)
      out += fmt::format("{} has {} rows ({}), not {} ({}); ", w.table, f->rows, f->checksum, w.rows, w.checksum);
  }
  if (found.size() > wanted.size())
    out += fmt::format("{} tables instead of {}; ", found.size(), wanted.size());
  return out;
}

} // namespace

backup_manager::backup_manager(backup_store& store, const backup_config& c) : store_(store), config_(c) {}

result<void> backup_manager::back_up_files(backup_manifest& m, const std::string& part, const fs::path& root,
                                           const std::vector<std::string>& files) {
  backup_stream stream{.part = part, .name = part};
  // By a list in a file, made beforehand: what appears meanwhile belongs to the next backup.
  const temporary_folder scratch("backup");
  const auto list = scratch.path() / "files";
  std::ofstream out(list, std::ios::binary);
  for (const auto& f : files) {
    out << f << '\0';
    ++stream.files;
    stream.file_bytes += fs::file_size(root / f);
  }
  out.close();
  return store_.add_stream(m, stream, [&](seal_writer& to) -> result<void> {
    child_process tar({.words = {"tar", "-c", "--no-recursion", "--null", "--verbatim-files-from", "-C", root.string(),
                                 "-T", list.string()}});
    for (auto bytes = tar.read(); !bytes.empty(); bytes = tar.read())
      if (auto done = to.write(bytes); !done)
        return done;
    return tar.finish();
  });
}

// Models only: uploads and exports in a bucket have versions and a copy elsewhere.
result<void> backup_manager::back_up_objects(backup_manifest& m, const std::string& part, const std::string& root) {
  const auto objects = storage::open_store(root);
  const auto keys = objects->list("models");
  if (!keys)
    return keys.error();
  backup_stream stream{.part = part, .name = part};
  for (const auto& key : *keys) {
    const auto bytes = objects->size(key);
    if (!bytes)
      return bytes.error();
    ++stream.files;
    stream.file_bytes += *bytes;
  }
  return store_.add_stream(m, stream, [&](seal_writer& to) -> result<void> {
    tar_writer tar([&to](std::string_view bytes) { return to.write(bytes); });
    for (const auto& key : *keys) {
      const auto file = objects->get_file(key);
      if (!file)
        return file.error();
      if (auto done = tar.add(key, file->path); !done)
        return done;
    }
    return tar.finish();
  });
}

result<backup_manifest> backup_manager::back_up(const std::string& type, const backup_sources& sources,
                                                const progress_function& progress) {
  const auto parts = parts_of(type);
  if (!parts)
    return parts.error();
  const auto now = system_clock().now();
  backup_manifest m{.id = make_backup_id(now), .environment = store_.environment(), .started_at = to_string(now)};
  m.key_id = store_.key().id();
  const auto one = [&](const std::string& part) -> result<void> {
    if (part == "database")
      return back_up_database(store_, m, config_);
    const auto whole = [&](const fs::path& root, const char* setting) -> result<void> {
      const auto files = files_below(root, setting);
      if (!files)
        return files.error();
      return back_up_files(m, part, root, *files);
    };
    if (part == "models" && sources.objects.starts_with("s3://"))
      return back_up_objects(m, part, sources.objects);
    if (part == "models")
      return whole(sources.objects, "PRICING_STORAGE_ROOT");
    if (part == "manifests")
      return whole(config_.manifests, "PRICING_BACKUP_MANIFESTS");
    const temporary_folder gathered("backup");
    if (part == "config") {
      std::ofstream(gathered.path() / "effective.conf") << sources.effective_config;
      if (!sources.config_file.empty())
        fs::copy_file(sources.config_file, gathered.path() / "pricing.conf");
      return whole(gathered.path(), "PRICING_CONFIG");
    }
    if (!fs::is_directory(config_.terraform))
      return not_found(fmt::format("there is no folder {}; PRICING_BACKUP_TERRAFORM names it", config_.terraform));
    const auto code = files_below(config_.terraform, "PRICING_BACKUP_TERRAFORM");
    if (!code)
      return code.error();
    for (const auto& f : *code) {
      fs::create_directories((gathered.path() / "terraform" / f).parent_path());
      fs::copy_file(fs::path(config_.terraform) / f, gathered.path() / "terraform" / f);
    }
    if (!config_.terraform_state.empty())
      fs::copy_file(config_.terraform_state, gathered.path() / "terraform.tfstate");
    return whole(gathered.path(), "PRICING_BACKUP_TERRAFORM");
  };

  std::optional<error> failure;
  std::exception_ptr stopped;
  std::string at_work;
  std::uint64_t stored = 0;
  const auto tell = [&] {
    try {
      if (progress)
        progress(at_work, stored);
    } catch (...) {
      stopped = std::current_exception();
      throw;
    }
  };
  store_.on_stored([&](std::uint64_t bytes) {
    stored += bytes;
    tell();
  });
  try {
    for (const auto& part : *parts) {
      at_work = part;
      tell();
      log::info("backing up", {{"part", boost::json::string(part)}, {"backup", boost::json::string(m.id)}});
      if (const auto done = one(part); !done) {
        failure = done.error();
        failure->message = part + ": " + failure->message;
        break;
      }
    }
    if (!failure) {
      m.finished_at = to_string(system_clock().now());
      if (const auto done = store_.complete(m); !done)
        failure = done.error();
    }
  } catch (const std::exception& e) {
    failure = error{errc::unavailable, e.what()};
  }
  store_.on_stored({});
  if (failure) {
    try {
      store_.remove(m.id).value();
      forget_unneeded_wal();
    } catch (const std::exception& e) {
      log::warning("what the failed backup wrote could not be deleted; without a manifest it is no backup",
                   {{"error", boost::json::string(e.what())}});
    }
    if (stopped)
      std::rethrow_exception(stopped);
    return *failure;
  }
  forget_unneeded_wal();
  return m;
}

result<verified> backup_manager::verify(const std::string& id, const std::string& type) {
  const auto begin = steady::now();
  const auto m = id.empty() ? store_.newest() : store_.find(id);
  if (!m)
    return m.error();
  const auto parts = parts_in(*m, type);
  if (!parts)
    return parts.error();
  verified out{.id = m->id, .parts = *parts};
  const temporary_folder scratch("verify");
  fs::permissions(scratch.path(), fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  for (const auto& s : m->streams) {
    if (s.part == "database" || std::find(parts->begin(), parts->end(), s.part) == parts->end())
      continue;
    const auto folder = scratch.path() / s.name;
    fs::create_directories(folder);
    if (const auto done = unpack(store_, *m, s, folder, false); !done)
      return done.error();
    const auto found = count_files(folder);
    if (found.files != s.files || found.bytes != s.file_bytes)
      return invalid_input(fmt::format("{} has {} files of {} bytes, not {} of {}", s.name, found.files, found.bytes,
                                       s.files, s.file_bytes));
    out.files += found.files;
  }
  if (m->database && std::find(parts->begin(), parts->end(), "database") != parts->end()) {
    auto server = scratch_server::start(store_, *m, config_, scratch.path() / "pg", {}, false);
    if (!server)
      return server.error();
    const auto found = sum_tables((*server)->url());
    if (const auto why = differences(m->database->tables, found); !why.empty())
      return invalid_input("the restored database differs from the one that was backed up: " + why);
    out.tables = static_cast<std::int64_t>(found.size());
    for (const auto& t : found)
      out.rows += t.rows;
    (*server)->stop();
  }
  out.duration_s = seconds_since(begin);
  return out;
}

// The newest backup from which the target can be reached: it must be older than the moment.
result<backup_manifest> backup_manager::choose(const std::string& id, const recovery_target& target) const {
  if (!id.empty() || !target.moment)
    return id.empty() ? store_.newest() : store_.find(id);
  const auto all = store_.list();
  std::string oldest;
  for (auto b = all.rbegin(); b != all.rend(); ++b) {
    if (!b->manifest || !b->manifest->database)
      continue;
    const auto& at = b->manifest->database->consistent_at;
    if (parse_timestamp(at).value() <= *target.moment)
      return *b->manifest;
    oldest = at;
  }
  if (oldest.empty())
    return not_found(fmt::format("there is no complete backup of the database of {} here", store_.environment()));
  return invalid_input(
      fmt::format("no backup is older than {}: the oldest is of {}", to_string(*target.moment), oldest));
}

result<restored> backup_manager::restore(const std::string& id, const std::string& type, const fs::path& folder,
                                         const recovery_target& target) {
  const auto begin = steady::now();
  if (fs::exists(folder) && (!fs::is_directory(folder) || !fs::is_empty(folder)))
    return conflict(fmt::format("{} is not empty; nothing is restored over what is there", folder.string()));
  const auto m = choose(id, target);
  if (!m)
    return m.error();
  const auto parts = parts_in(*m, type);
  if (!parts)
    return parts.error();
  restored out{.id = m->id, .folder = folder.string(), .parts = *parts};
  fs::create_directories(folder);
  fs::permissions(folder, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  for (const auto& s : m->streams) {
    if (s.part == "database" || std::find(parts->begin(), parts->end(), s.part) == parts->end())
      continue;
    fs::create_directories(folder / s.name);
    fs::permissions(folder / s.name, fs::perms::owner_all);
    if (const auto done = unpack(store_, *m, s, folder / s.name, false); !done)
      return done.error();
  }
  if (std::find(parts->begin(), parts->end(), "database") != parts->end()) {
    const auto server = scratch_server::start(store_, *m, config_, folder / "database", target, true);
    if (!server)
      return server.error();
    out.url = (*server)->url();
    out.recovered_until = (*server)->recovered_until();
    out.pid = (*server)->pid();
  }
  out.duration_s = seconds_since(begin);
  return out;
}

result<std::vector<std::string>> backup_manager::clean_up(int retention_days) {
  std::vector<backup_choice> all;
  for (const auto& b : store_.list()) {
    // A damaged manifest or another key is for a person to look at; only what never had one is left over.
    if (b.manifest || b.manifest.error().code == errc::not_found)
      all.push_back({b.id, b.manifest.has_value()});
    else
      log::warning("left alone", {{"backup", boost::json::string(b.id)},
                                  {"reason", boost::json::string(b.manifest.error().message)}});
  }
  const auto is_good = [&](const std::string& id) {
    const auto m = store_.find(id);
    const auto checked = m ? store_.check(*m) : result<void>(m.error());
    if (!checked)
      log::error("a backup is damaged",
                 {{"backup", boost::json::string(id)}, {"reason", boost::json::string(checked.error().message)}});
    return checked.has_value();
  };
  const auto now = system_clock().now();
  auto gone = expired(all, now - std::chrono::days(retention_days), now, is_good);
  for (const auto& id : gone)
    if (const auto done = store_.remove(id); !done)
      return done.error();
  forget_unneeded_wal();
  return gone;
}

// Archived WAL goes when no backup needs it; with the last backup the archiving into a folder stops, as its marker
// goes.
void backup_manager::forget_unneeded_wal() {
  const bool in_folder = !config_.wal_archive.empty() && fs::is_directory(config_.wal_archive);
  if (!in_folder && config_.wal_location.empty())
    return;
  std::vector<std::string> first;
  std::string identity;
  bool in_progress = false;
  const auto all = store_.list();
  for (auto b = all.rbegin(); b != all.rend(); ++b) {
    if (!b->manifest) {
      // It may be readable again with another key: then nothing is thrown away.
      if (b->manifest.error().code != errc::not_found)
        return;
      in_progress = in_progress || begin_of(b->id) > system_clock().now() - std::chrono::hours(24);
      continue;
    }
    if (!b->manifest->database)
      continue;
    // Older backups may be of another server, whose log is numbered on its own.
    if (identity.empty())
      identity = b->manifest->database->system_identifier;
    if (b->manifest->database->system_identifier == identity)
      first.push_back(b->manifest->database->first_wal);
  }
  if (first.empty() && in_progress)
    return;
  if (!config_.wal_location.empty()) {
    wal_archive sealed(config_, store_.environment());
    for (const auto& name : unneeded_wal(sealed.names().value(), first))
      sealed.remove(name).value();
  }
  if (!in_folder)
    return;
  const fs::path archive(config_.wal_archive);
  std::vector<std::string> archived;
  for (const auto& entry : fs::directory_iterator(archive))
    archived.push_back(entry.path().filename().string());
  if (first.empty())
    fs::remove(archive / "keep-from");
  for (const auto& name : unneeded_wal(archived, first))
    fs::remove(archive / name);
}

backup_location parse_location(std::string_view text) {
  while (text.size() > 1 && text.ends_with('/'))
    text.remove_suffix(1);
  if (text.starts_with("file://"))
    text.remove_prefix(7);
  const auto slash = text.rfind('/');
  if (slash == std::string_view::npos || !is_backup_id(text.substr(slash + 1)))
    return {std::string(text), {}, {}};
  const auto id = text.substr(slash + 1);
  text = text.substr(0, slash);
  const auto before = text.rfind('/');
  if (before == std::string_view::npos)
    return {".", std::string(text), std::string(id)};
  return {std::string(text.substr(0, before)), std::string(text.substr(before + 1)), std::string(id)};
}

bool location_exists(const std::string& root) {
  return root.starts_with("s3://") || fs::is_directory(root);
}

std::unique_ptr<storage::object_store> open_location(const std::string& root, bool create) {
  if (!create && !location_exists(root))
    throw std::runtime_error("there is no folder " + root);
  return storage::open_store(root);
}

} // namespace pricing::operations
