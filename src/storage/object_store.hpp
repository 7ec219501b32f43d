#pragma once
// Bytes under keys such as "uploads/ab12…". Blocking; thread-safe. A wrong key is invalid_input, a missing object
// not_found, bytes above the limit too_large; a broken disk throws std::system_error.
#include "core/error.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::storage {

// An object where programs that read files find it: the object itself, or a copy that goes with the last of `kept`.
struct local_file {
  std::filesystem::path path;
  std::shared_ptr<const void> kept;
};

class object_store {
 public:
  using fill_function = std::function<result<void>(const std::filesystem::path&)>;
  virtual ~object_store() = default;
  // Whole or absent; replaces what was there.
  virtual result<void> put(std::string_view key, std::string_view bytes) = 0;
  // What `fill` writes to the path it gets; whole or absent as with put. An error of fill is returned, nothing is kept.
  virtual result<void> put_file(std::string_view key, const fill_function& fill) = 0;
  virtual result<std::string> get(std::string_view key) const = 0;
  virtual result<local_file> get_file(std::string_view key) const = 0; // for readers that stream or map it
  virtual result<bool> exists(std::string_view key) const = 0;
  virtual result<std::uint64_t> size(std::string_view key) const = 0;
  virtual result<void> remove(std::string_view key) = 0; // no error when absent
  // Keys that start with the prefix (a folder), sorted.
  virtual result<std::vector<std::string>> list(std::string_view prefix) const = 0;
};

// Segments of letters, digits, '.', '_', '-' joined by '/', none starting with '.', at most 300 bytes.
bool is_valid_key(std::string_view key);

// folder/<first two digits of the SHA-256>/<SHA-256>: the same bytes have the same key.
std::string sha256_hex(std::string_view bytes);
std::string content_key(std::string_view folder, std::string_view bytes);

class folder_store final : public object_store {
 public:
  explicit folder_store(std::filesystem::path root, std::uint64_t bytes_max = std::uint64_t{4} << 30);
  result<void> put(std::string_view key, std::string_view bytes) override;
  result<std::string> get(std::string_view key) const override;
  result<bool> exists(std::string_view key) const override;
  result<std::uint64_t> size(std::string_view key) const override;
  result<void> remove(std::string_view key) override;
  result<std::vector<std::string>> list(std::string_view prefix) const override;
  result<void> put_file(std::string_view key, const fill_function& fill) override;
  result<local_file> get_file(std::string_view key) const override;

 private:
  result<std::filesystem::path> path_of(std::string_view key) const;
  std::filesystem::path root_;
  std::uint64_t bytes_max_;
};

// A folder, or s3://bucket/prefix with the environment's credentials; in the bucket's name, {folder} stands for a key's
// first part: s3://pricing-{folder} keeps "models/…" in the bucket pricing-models. Throws std::exception when the
// place cannot be used.
std::unique_ptr<object_store> open_store(const std::string& root);

} // namespace pricing::storage
