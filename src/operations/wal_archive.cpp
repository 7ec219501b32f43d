#include "operations/wal_archive.hpp"

#include "operations/backup_manifest.hpp"
#include "wire/gzip.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

namespace pricing::operations {
namespace {

constexpr std::size_t piece_bytes = 64 << 20;     // more than a segment has: one piece
constexpr std::uint64_t file_bytes_max = 1 << 30; // the largest segment that PostgreSQL can be built with
constexpr std::string_view ending = ".sealed";

result<std::string> content_of(const std::filesystem::path& file) {
  auto source = wire::open_bytes({file, nullptr});
  if (!source)
    return source.error();
  if (file.extension() == ".gz")
    *source = wire::make_gzip_source(std::move(*source), {.bytes_max = file_bytes_max, .ratio_max = 2'000});
  std::string out;
  for (std::size_t n = 1; n > 0;) {
    constexpr std::size_t step = 1 << 20;
    const auto at = out.size();
    if (at > file_bytes_max)
      return error{errc::too_large, file.string() + " is no segment: it is too large"};
    out.resize(at + step);
    const auto got = (*source)->read(out.data() + at, step);
    if (!got)
      return got.error();
    n = *got;
    out.resize(at + n);
  }
  return out;
}

backup_config checked(const backup_config& c) {
  if (c.wal_location.empty())
    throw std::runtime_error("set PRICING_BACKUP_WAL_LOCATION: a folder, or s3://bucket/prefix");
  return c;
}

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789ABCDEF") == text.npos;
}

} // namespace

bool is_wal_name(std::string_view name) {
  const auto dot = name.find('.');
  const auto stem = name.substr(0, dot);
  if (!is_hex(stem))
    return false;
  if (dot == name.npos)
    return stem.size() == 24;
  const auto rest = name.substr(dot);
  if (rest == ".history")
    return stem.size() == 8;
  return stem.size() == 24 && rest.size() == 16 && is_hex(rest.substr(1, 8)) && rest.substr(9) == ".backup";
}

wal_archive::wal_archive(const backup_config& c, const std::string& environment)
    : objects_(storage::open_store(checked(c).wal_location)),
      key_(seal_key::parse(c.key).value()),
      environment_(environment) {
  if (!is_environment(environment))
    throw std::runtime_error("backup.environment has small letters, digits and dashes");
}

std::string wal_archive::object_of(const std::string& name) const {
  return fmt::format("{}/wal/{}{}", environment_, name, ending);
}

result<void> wal_archive::keep(const std::filesystem::path& file, const std::string& name) {
  if (!is_wal_name(name))
    return invalid_input("'" + name + "' is no name of a WAL file");
  const auto content = content_of(file);
  if (!content)
    return content.error();
  const auto known = objects_->exists(object_of(name));
  if (!known)
    return known.error();
  if (*known) {
    const auto there = open(name);
    if (there && *there == *content)
      return {};
    return conflict(fmt::format("{} is there with other content, maybe of another server; choose another place", name));
  }
  std::string sealed;
  seal_writer writer(key_, object_of(name), piece_bytes, [&](std::size_t, std::string_view piece) {
    sealed += piece;
    return result<void>();
  });
  if (auto done = writer.write(*content); !done)
    return done;
  if (auto done = writer.finish(); !done)
    return done;
  return objects_->put(object_of(name), sealed);
}

result<std::string> wal_archive::open(const std::string& name) const {
  const auto sealed = objects_->get(object_of(name));
  if (!sealed)
    return sealed.error();
  std::string out;
  seal_reader reader(key_, object_of(name), [&](std::string_view plain) -> result<void> {
    out += plain;
    return out.size() > file_bytes_max ? result<void>(error{errc::too_large, "it is no segment"}) : result<void>();
  });
  if (auto done = reader.feed(*sealed); !done)
    return done.error();
  if (auto done = reader.finish(); !done)
    return done.error();
  return out;
}

result<void> wal_archive::fetch(const std::string& name, const std::filesystem::path& to) const {
  if (!is_wal_name(name))
    return invalid_input("'" + name + "' is no name of a WAL file");
  const auto content = open(name);
  if (!content)
    return content.error();
  const auto part = to.string() + ".part";
  std::ofstream out(part, std::ios::binary | std::ios::trunc);
  out << *content;
  out.close();
  if (!out.good())
    return error{errc::unavailable, part + " cannot be written"};
  std::filesystem::rename(part, to);
  return {};
}

result<std::vector<std::string>> wal_archive::names() const {
  const auto folder = environment_ + "/wal";
  const auto keys = objects_->list(folder);
  if (!keys)
    return keys.error();
  std::vector<std::string> out;
  for (const auto& key : *keys) {
    auto name = key.substr(folder.size() + 1);
    if (!name.ends_with(ending))
      continue;
    name.resize(name.size() - ending.size());
    if (is_wal_name(name))
      out.push_back(std::move(name));
  }
  return out;
}

result<void> wal_archive::remove(const std::string& name) {
  return objects_->remove(object_of(name));
}

result<int> wal_archive::ship(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> waiting;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto& path = entry.path();
    if (is_wal_name(path.extension() == ".gz" ? path.stem().string() : path.filename().string()))
      waiting.push_back(path);
  }
  std::sort(waiting.begin(), waiting.end());
  int count = 0;
  for (const auto& path : waiting) {
    if (const auto done = keep(path, path.extension() == ".gz" ? path.stem().string() : path.filename().string());
        !done)
      return done.error();
    std::filesystem::remove(path);
    ++count;
  }
  return count;
}

} // namespace pricing::operations
