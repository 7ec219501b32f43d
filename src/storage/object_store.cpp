#include "storage/object_store.hpp"

#include "storage/s3_store.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iterator>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace pricing::storage {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

struct descriptor {
  descriptor(const std::filesystem::path& path, int flags) : value(open(path.c_str(), flags | O_CLOEXEC, 0600)) {
    if (value < 0)
      fail("storage: open " + path.string());
  }
  ~descriptor() { close(value); }
  descriptor(const descriptor&) = delete;
  int value;
};

void write_whole(const std::filesystem::path& path, std::string_view bytes) {
  const descriptor file(path, O_WRONLY | O_CREAT | O_EXCL);
  while (!bytes.empty()) {
    const auto n = write(file.value, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR)
      fail("storage: write " + path.string());
    bytes.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
  }
}

void sync(const std::filesystem::path& path, int flags) {
  const descriptor file(path, flags);
  if (fsync(file.value) != 0)
    fail("storage: fsync " + path.string());
}

std::filesystem::path temporary_beside(const std::filesystem::path& path) {
  static std::atomic<unsigned> number = 0;
  return path.parent_path() / (".tmp-" + std::to_string(getpid()) + "-" + std::to_string(++number));
}

} // namespace

bool is_valid_key(std::string_view key) {
  if (key.empty() || key.size() > 300)
    return false;
  char before = '/';
  for (const char c : key) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '.' && c != '_' && c != '-' && c != '/')
      return false;
    if (before == '/' && (c == '/' || c == '.'))
      return false;
    before = c;
  }
  return before != '/';
}

std::string content_key(std::string_view folder, std::string_view bytes) {
  const auto text = sha256_hex(bytes);
  return std::string(folder) + "/" + text.substr(0, 2) + "/" + text;
}

folder_store::folder_store(std::filesystem::path root, std::uint64_t bytes_max)
    : root_(std::move(root)), bytes_max_(bytes_max) {
  std::filesystem::create_directories(root_);
}

result<std::filesystem::path> folder_store::path_of(std::string_view key) const {
  if (!is_valid_key(key))
    return invalid_input("an object's key has letters, digits, '.', '_' and '-' in parts joined by '/'");
  return root_ / key;
}

result<void> folder_store::put(std::string_view key, std::string_view bytes) {
  const auto path = path_of(key);
  if (!path)
    return path.error();
  if (bytes.size() > bytes_max_)
    return error{errc::too_large, "an object may have at most " + std::to_string(bytes_max_) + " bytes"};
  return put_file(key, [&](const std::filesystem::path& temporary) {
    write_whole(temporary, bytes);
    return result<void>();
  });
}

result<void> folder_store::put_file(std::string_view key, const fill_function& fill) {
  const auto path = path_of(key);
  if (!path)
    return path.error();
  std::filesystem::create_directories(path->parent_path());
  const auto temporary = temporary_beside(*path);
  try {
    if (const auto filled = fill(temporary); !filled) {
      std::error_code ignored;
      std::filesystem::remove(temporary, ignored);
      return filled.error();
    }
    sync(temporary, O_RDONLY);
    std::filesystem::rename(temporary, *path);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw;
  }
  sync(path->parent_path(), O_RDONLY | O_DIRECTORY);
  return {};
}

result<std::string> folder_store::get(std::string_view key) const {
  const auto path = path_of(key);
  if (!path)
    return path.error();
  std::ifstream in(*path, std::ios::binary);
  if (!in) {
    // What is there and cannot be read is not absent: a recovery would take that for the end of its log.
    std::error_code unknown;
    if (std::filesystem::exists(*path, unknown) || unknown)
      return error{errc::unavailable,
                   "the object '" + std::string(key) + "' cannot be read; who may read " + path->string() + "?"};
    return not_found("there is no object '" + std::string(key) + "'");
  }
  return std::string(std::istreambuf_iterator<char>(in), {});
}

result<local_file> folder_store::get_file(std::string_view key) const {
  const auto path = path_of(key);
  if (!path)
    return path.error();
  if (!std::filesystem::is_regular_file(*path))
    return not_found("there is no object '" + std::string(key) + "'");
  return local_file{*path, nullptr};
}

result<bool> folder_store::exists(std::string_view key) const {
  const auto path = path_of(key);
  if (!path)
    return path.error();
  return std::filesystem::is_regular_file(*path);
}

result<std::uint64_t> folder_store::size(std::string_view key) const {
  const auto path = path_of(key);
  if (!path)
    return path.error();
  std::error_code ec;
  const auto bytes = std::filesystem::file_size(*path, ec);
  if (ec)
    return not_found("there is no object '" + std::string(key) + "'");
  return static_cast<std::uint64_t>(bytes);
}

result<void> folder_store::remove(std::string_view key) {
  const auto path = path_of(key);
  if (!path)
    return path.error();
  std::filesystem::remove(*path);
  return {};
}

result<std::vector<std::string>> folder_store::list(std::string_view prefix) const {
  const auto folder = path_of(prefix);
  if (!folder)
    return folder.error();
  std::vector<std::string> out;
  if (!std::filesystem::is_directory(*folder))
    return out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(*folder))
    if (entry.is_regular_file() && !entry.path().filename().string().starts_with(".tmp-"))
      out.push_back(entry.path().lexically_relative(root_).string());
  std::sort(out.begin(), out.end());
  return out;
}

std::unique_ptr<object_store> open_store(const std::string& root) {
  if (root.starts_with("s3://"))
    return std::make_unique<s3_store>(parse_s3_location(root).value());
  return std::make_unique<folder_store>(root);
}

} // namespace pricing::storage
