#include "ingest/upload_files.hpp"

#include <unistd.h>

namespace pricing::ingest {
namespace {

result<std::string> keep_file(const std::filesystem::path& root, const std::filesystem::path& file,
                              const std::string& sha256_hex) {
  const std::string key = "uploads/" + sha256_hex;
  const auto place = root / key;
  std::error_code failed;
  if (std::filesystem::exists(place, failed))
    return key;
  std::filesystem::create_directories(place.parent_path(), failed);
  const auto partial = place.string() + ".partial-" + std::to_string(::getpid());
  std::filesystem::copy_file(file, partial, std::filesystem::copy_options::overwrite_existing, failed);
  if (!failed)
    std::filesystem::rename(partial, place, failed);
  if (failed)
    return error{errc::unavailable, "the file cannot be stored: " + failed.message(), {}, 10};
  return key;
}

} // namespace

upload_files files_under(std::filesystem::path root) {
  return {[root](const std::filesystem::path& file, const std::string& sha256_hex) {
            return keep_file(root, file, sha256_hex);
          },
          [root](const std::string& key) -> result<wire::file_bytes> {
            const auto place = root / key;
            if (!std::filesystem::exists(place))
              return not_found("the stored file '" + key + "' is missing");
            return wire::file_bytes{place, nullptr};
          }};
}

} // namespace pricing::ingest
