#include "celery/compression.hpp"

#include <zlib.h>
#ifdef PRICING_CELERY_BZIP2
#include <bzlib.h>
#endif
#ifdef PRICING_CELERY_ZSTD
#include <zstd.h>
#endif

namespace pricing::celery {
namespace {

constexpr std::size_t piece = 64 << 10;

error damaged() {
  return invalid_input("the compressed body is damaged");
}
error too_long() {
  return {errc::too_large, "the body unpacks to more than the limit"};
}

// zlib's own format is what kombu writes as application/x-gzip; a gzip file's format is accepted too.
result<std::string> inflate_zlib(std::string_view packed, std::size_t bytes_max) {
  z_stream z{};
  if (inflateInit2(&z, 15 + 32) != Z_OK)
    return error{errc::internal, "zlib cannot start"};
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  z.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  int state = Z_OK;
  while (state == Z_OK && out.size() <= bytes_max) {
    const auto before = out.size();
    out.resize(before + piece);
    z.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    z.avail_out = piece;
    state = inflate(&z, Z_NO_FLUSH);
    out.resize(before + piece - z.avail_out);
  }
  inflateEnd(&z);
  if (out.size() > bytes_max)
    return too_long();
  if (state != Z_STREAM_END)
    return damaged();
  return out;
}

#ifdef PRICING_CELERY_BZIP2
result<std::string> inflate_bzip2(std::string_view packed, std::size_t bytes_max) {
  bz_stream z{};
  if (BZ2_bzDecompressInit(&z, 0, 0) != BZ_OK)
    return error{errc::internal, "bzip2 cannot start"};
  z.next_in = const_cast<char*>(packed.data());
  z.avail_in = static_cast<unsigned>(packed.size());
  std::string out;
  int state = BZ_OK;
  bool stuck = false;
  while (state == BZ_OK && !stuck && out.size() <= bytes_max) {
    const auto before = out.size();
    out.resize(before + piece);
    z.next_out = out.data() + before;
    z.avail_out = piece;
    state = BZ2_bzDecompress(&z);
    stuck = state == BZ_OK && z.avail_in == 0 && z.avail_out == piece;
    out.resize(before + piece - z.avail_out);
  }
  BZ2_bzDecompressEnd(&z);
  if (out.size() > bytes_max)
    return too_long();
  if (state != BZ_STREAM_END)
    return damaged();
  return out;
}
#endif

#ifdef PRICING_CELERY_ZSTD
result<std::string> inflate_zstd(std::string_view packed, std::size_t bytes_max) {
  ZSTD_DStream* z = ZSTD_createDStream();
  if (!z)
    return error{errc::internal, "zstd cannot start"};
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  std::string out;
  std::size_t left = 1;
  bool stuck = false;
  while (left != 0 && !ZSTD_isError(left) && !stuck && out.size() <= bytes_max) {
    const auto before = out.size();
    out.resize(before + piece);
    ZSTD_outBuffer to{out.data() + before, piece, 0};
    left = ZSTD_decompressStream(z, &to, &in);
    stuck = in.pos == in.size && to.pos == 0;
    out.resize(before + to.pos);
  }
  ZSTD_freeDStream(z);
  if (out.size() > bytes_max)
    return too_long();
  if (left != 0)
    return damaged();
  return out;
}
#endif

} // namespace

result<std::string> decompress(std::string_view content_type, std::string_view packed, std::size_t bytes_max) {
  if (content_type == "application/x-gzip" || content_type == "zlib" || content_type == "gzip")
    return inflate_zlib(packed, bytes_max);
#ifdef PRICING_CELERY_BZIP2
  if (content_type == "application/x-bz2" || content_type == "bzip2" || content_type == "bz2")
    return inflate_bzip2(packed, bytes_max);
#endif
#ifdef PRICING_CELERY_ZSTD
  if (content_type == "application/zstd" || content_type == "zstd" || content_type == "zstandard")
    return inflate_zstd(packed, bytes_max);
#endif
  return error{errc::unsupported_media, "the body is compressed with " + std::string(content_type.substr(0, 80)) +
                                            ", which this worker does not read"};
}

} // namespace pricing::celery
