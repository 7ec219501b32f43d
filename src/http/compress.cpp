#include "http/compress.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>
#include <zlib.h>

namespace pricing::http {
namespace {

constexpr std::size_t worth_gzip_bytes = 1024;

class deflater {
 public:
  explicit deflater(int level) {
    // 16 + 15: gzip framing with a 32 KB window.
    if (deflateInit2(&stream_, level, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::runtime_error("zlib cannot start");
  }
  ~deflater() { deflateEnd(&stream_); }
  deflater(const deflater&) = delete;
  deflater& operator=(const deflater&) = delete;

  std::string run(std::string_view content) {
    deflateReset(&stream_);
    std::string out(deflateBound(&stream_, content.size()), '\0');
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
    stream_.avail_in = static_cast<uInt>(content.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    if (deflate(&stream_, Z_FINISH) != Z_STREAM_END)
      throw std::runtime_error("zlib did not finish");
    out.resize(stream_.total_out);
    return out;
  }

 private:
  z_stream stream_{};
};

} // namespace

std::string gzip(std::string_view content, int level) {
  if (level != 1)
    return deflater(level).run(content);
  thread_local std::unique_ptr<deflater> fast;
  if (!fast)
    fast = std::make_unique<deflater>(1);
  return fast->run(content);
}

std::string gunzip(std::string_view packed, std::size_t bytes) {
  std::string out(bytes, '\0');
  z_stream stream{};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (inflateInit2(&stream, 16 + 15) != Z_OK)
    throw std::runtime_error("zlib cannot start");
  const int ended = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  if (ended != Z_STREAM_END || stream.avail_out != 0)
    throw std::runtime_error("what was packed is not whole");
  return out;
}

bool is_worth_gzip(const response& r) {
  return r.compressible && r.unpacked_bytes == 0 && r.content().size() > worth_gzip_bytes &&
         is_compressible(r.content_type) &&
         std::ranges::none_of(r.headers, [](const auto& h) { return h.first == "Content-Encoding"; });
}

bool is_compressible(std::string_view content_type) {
  const auto type = content_type.substr(0, content_type.find(';'));
  for (std::string_view known : {"application/json", "application/problem+json", "application/javascript",
                                 "application/xml", "application/manifest+json", "image/svg+xml"})
    if (type == known)
      return true;
  return type.starts_with("text/");
}

} // namespace pricing::http
