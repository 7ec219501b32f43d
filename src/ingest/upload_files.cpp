#include "ingest/upload_files.hpp"

namespace pricing::ingest {
namespace {

result<std::string> keep_file(storage::object_store& objects, const std::filesystem::path& file,
                              const std::string& sha256_hex) {
  const std::string key = "uploads/" + sha256_hex;
  const auto known = objects.exists(key);
  if (!known)
    return known.error();
  if (*known)
    return key;
  const auto copy = [&](const std::filesystem::path& place) -> result<void> {
    std::error_code failed;
    std::filesystem::copy_file(file, place, std::filesystem::copy_options::overwrite_existing, failed);
    if (failed)
      return error{errc::unavailable, "the file cannot be stored: " + failed.message(), {}, 10};
    return {};
  };
  if (const auto kept = objects.put_file(key, copy); !kept)
    return kept.error();
  return key;
}

} // namespace

upload_files files_in(storage::object_store& objects) {
  return {[&objects](const std::filesystem::path& file, const std::string& sha256_hex) {
            return keep_file(objects, file, sha256_hex);
          },
          [&objects](const std::string& key) -> result<wire::file_bytes> {
            auto file = objects.get_file(key);
            if (!file)
              return file.error();
            return wire::file_bytes{std::move(file->path), nullptr, std::move(file->kept)};
          }};
}

} // namespace pricing::ingest
