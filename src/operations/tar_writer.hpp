#pragma once
// A tar archive (POSIX ustar) of files that come one by one, written as it grows: for objects that are in no folder.
#include "core/error.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace pricing::operations {

class tar_writer {
 public:
  using write_function = std::function<result<void>(std::string_view bytes)>;
  explicit tar_writer(write_function write) : write_(std::move(write)) {}
  // Under this name, which has up to 100 bytes after a '/' among its last 100 and up to 155 before it; invalid_input
  // when it has more. Files of up to 8 GB.
  result<void> add(std::string_view name, const std::filesystem::path& file);
  result<void> finish();

 private:
  write_function write_;
};

} // namespace pricing::operations
