#include "wire/bytes.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace pricing::wire {
namespace {

class disk_source final : public byte_source {
 public:
  explicit disk_source(int descriptor) : descriptor_(descriptor) {}
  ~disk_source() override { ::close(descriptor_); }
  disk_source(const disk_source&) = delete;
  disk_source& operator=(const disk_source&) = delete;

  result<std::size_t> read(char* out, std::size_t size) override {
    for (;;) {
      const auto got = ::read(descriptor_, out, size);
      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        return error{errc::unavailable, std::string("the file cannot be read: ") + std::strerror(errno)};
      consumed_ += static_cast<std::uint64_t>(got);
      return static_cast<std::size_t>(got);
    }
  }
  std::uint64_t consumed_bytes() const override { return consumed_; }

 private:
  int descriptor_;
  std::uint64_t consumed_ = 0;
};

class memory_source final : public byte_source {
 public:
  explicit memory_source(std::shared_ptr<const std::string> bytes) : bytes_(std::move(bytes)) {}

  result<std::size_t> read(char* out, std::size_t size) override {
    const auto count = std::min(size, bytes_->size() - at_);
    std::memcpy(out, bytes_->data() + at_, count);
    at_ += count;
    return count;
  }
  std::uint64_t consumed_bytes() const override { return at_; }

 private:
  std::shared_ptr<const std::string> bytes_;
  std::size_t at_ = 0;
};

} // namespace

std::uint64_t file_bytes::size() const {
  if (memory)
    return memory->size();
  std::error_code failed;
  const auto bytes = std::filesystem::file_size(path, failed);
  return failed ? 0 : bytes;
}

result<std::unique_ptr<byte_source>> open_bytes(const file_bytes& file) {
  if (file.memory)
    return std::unique_ptr<byte_source>(std::make_unique<memory_source>(file.memory));
  const int descriptor = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return not_found("'" + file.path.string() + "' cannot be opened: " + std::strerror(errno));
  return std::unique_ptr<byte_source>(std::make_unique<disk_source>(descriptor));
}

} // namespace pricing::wire
