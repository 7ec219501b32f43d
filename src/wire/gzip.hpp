#pragma once
// gzip files as a byte source (RFC 1952; several members in a row are one stream). Refuses what unpacks to more than
// its limits before the bytes reach anyone, and a stream that ends early or whose checksum is wrong.
#include "wire/bytes.hpp"

namespace pricing::wire {

struct unpack_limits {
  std::uint64_t bytes_max = 20ull << 30;        // unpacked size of one file
  std::uint64_t ratio_max = 200;                // unpacked : packed, judged once ratio_free_bytes are exceeded
  std::uint64_t ratio_free_bytes = 16ull << 20; // small files may be as compressible as they like
};

// True when unpacked bytes so far break a limit.
bool breaks_limits(const unpack_limits& limits, std::uint64_t unpacked_bytes, std::uint64_t packed_bytes);

bool is_gzip(std::string_view first_bytes);
// read() fails with invalid_input (truncated, damaged) or too_large (limits).
std::unique_ptr<byte_source> make_gzip_source(std::unique_ptr<byte_source> packed, const unpack_limits& limits);

} // namespace pricing::wire
