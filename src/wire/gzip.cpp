#include "wire/gzip.hpp"

#include <vector>
#include <zlib.h>

namespace pricing::wire {
namespace {

class gzip_source final : public byte_source {
 public:
  gzip_source(std::unique_ptr<byte_source> packed, const unpack_limits& limits)
      : packed_(std::move(packed)), limits_(limits), input_(256 << 10) {
    if (inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK)
      throw std::bad_alloc();
  }
  ~gzip_source() override { inflateEnd(&stream_); }
  gzip_source(const gzip_source&) = delete;
  gzip_source& operator=(const gzip_source&) = delete;

  result<std::size_t> read(char* out, std::size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(size);
    while (stream_.avail_out == size && !finished_)
      if (auto step = advance(); !step)
        return step.error();
    const auto got = size - stream_.avail_out;
    unpacked_ += got;
    if (breaks_limits(limits_, unpacked_, packed_->consumed_bytes()))
      return error{errc::too_large, "the gzip file unpacks to more than is allowed (" +
                                        std::to_string(unpacked_ >> 20) + " MB and counting)"};
    return got;
  }
  std::uint64_t consumed_bytes() const override { return packed_->consumed_bytes() - stream_.avail_in; }

 private:
  result<void> fill() {
    const auto got = packed_->read(input_.data(), input_.size());
    if (!got)
      return got.error();
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(*got);
    return {};
  }

  result<void> advance() {
    if (stream_.avail_in == 0)
      if (auto filled = fill(); !filled)
        return filled;
    if (between_members_)
      return start_member();
    if (stream_.avail_in == 0)
      return invalid_input("the gzip file ends early: it was not copied or written completely; upload it again");
    const int code = inflate(&stream_, Z_NO_FLUSH);
    if (code == Z_STREAM_END)
      between_members_ = true;
    else if (code != Z_OK && code != Z_BUF_ERROR)
      return invalid_input(std::string("the gzip file is damaged") +
                           (stream_.msg ? std::string(": ") + stream_.msg : "") + "; pack and upload it again");
    return {};
  }

  // After a member: the end, zero padding, or the next member.
  result<void> start_member() {
    while (stream_.avail_in > 0 && *stream_.next_in == 0) {
      ++stream_.next_in;
      --stream_.avail_in;
    }
    if (stream_.avail_in == 0) {
      if (auto filled = fill(); !filled)
        return filled;
      if (stream_.avail_in == 0)
        finished_ = true;
      return {};
    }
    if (*stream_.next_in != 0x1f)
      return invalid_input("the gzip file has other bytes after its end; pack and upload it again");
    inflateReset(&stream_);
    between_members_ = false;
    return {};
  }

  std::unique_ptr<byte_source> packed_;
  unpack_limits limits_;
  std::vector<char> input_;
  z_stream stream_{};
  std::uint64_t unpacked_ = 0;
  bool between_members_ = false;
  bool finished_ = false;
};

} // namespace

bool breaks_limits(const unpack_limits& limits, std::uint64_t unpacked_bytes, std::uint64_t packed_bytes) {
  if (unpacked_bytes > limits.bytes_max)
    return true;
  return unpacked_bytes > limits.ratio_free_bytes && unpacked_bytes / limits.ratio_max > packed_bytes;
}

bool is_gzip(std::string_view first_bytes) {
  return first_bytes.starts_with("\x1f\x8b");
}

std::unique_ptr<byte_source> make_gzip_source(std::unique_ptr<byte_source> packed, const unpack_limits& limits) {
  return std::make_unique<gzip_source>(std::move(packed), limits);
}

} // namespace pricing::wire
