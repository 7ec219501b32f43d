#pragma once
// Where bytes of a file come from, read forward once and in bounded memory. Used by the table readers.
#include "core/error.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace pricing::wire {

class byte_source {
 public:
  virtual ~byte_source() = default;
  // Reads up to `size` bytes; 0 only at the end. Fails with what is wrong with the file.
  virtual result<std::size_t> read(char* out, std::size_t size) = 0;
  // Bytes of the underlying file consumed so far, for progress.
  virtual std::uint64_t consumed_bytes() const = 0;
};

// A file on disk or bytes in memory; whoever opens a table twice (inspect, then read) needs both passes.
struct file_bytes {
  std::filesystem::path path; // used when `memory` is null
  std::shared_ptr<const std::string> memory;
  std::shared_ptr<const void> kept{}; // whatever the file at `path` lives as long as
  std::uint64_t size() const;
};

// Fails with not_found when the file cannot be opened.
result<std::unique_ptr<byte_source>> open_bytes(const file_bytes& file);

} // namespace pricing::wire
