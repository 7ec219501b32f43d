#include "operations/tar_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>

namespace pricing::operations {
namespace {

constexpr std::size_t block_bytes = 512;
constexpr std::uint64_t size_max = 0'77777777777;

// IEEE Std 1003.1, pax: "ustar Interchange Format".
result<std::array<char, block_bytes>> header_of(std::string_view name, std::uint64_t size) {
  constexpr std::size_t name_max = 100, prefix_max = 155;
  std::string_view prefix, rest = name;
  if (name.size() > name_max) {
    const auto cut = name.find('/', name.size() - name_max - 1);
    if (cut > prefix_max) // also where there is none
      return invalid_input(fmt::format("the name '{}' is too long for an archive", name));
    prefix = name.substr(0, cut);
    rest = name.substr(cut + 1);
  }
  if (size > size_max)
    return invalid_input(fmt::format("'{}' is too large for an archive", name));
  std::array<char, block_bytes> out{};
  const auto put = [&out](std::size_t at, std::string_view text) {
    std::copy(text.begin(), text.end(), out.begin() + static_cast<std::ptrdiff_t>(at));
  };
  put(0, rest);
  put(100, "0000600");
  put(108, "0000000");
  put(116, "0000000");
  put(124, fmt::format("{:011o}", size));
  put(136, "00000000000");
  put(148, "        ");
  put(156, "0");
  put(257, std::string_view("ustar\00000", 8));
  put(345, prefix);
  unsigned sum = 0;
  for (const char c : out)
    sum += static_cast<unsigned char>(c);
  put(148, std::string_view(fmt::format("{:06o}\0 ", sum)).substr(0, 8));
  return out;
}

} // namespace

result<void> tar_writer::add(std::string_view name, const std::filesystem::path& file) {
  const auto size = std::filesystem::file_size(file);
  const auto header = header_of(name, size);
  if (!header)
    return header.error();
  if (auto done = write_({header->data(), header->size()}); !done)
    return done;
  std::ifstream in(file, std::ios::binary);
  std::array<char, 64 * 1024> piece{};
  std::uint64_t written = 0;
  while (in.read(piece.data(), piece.size()), in.gcount() > 0) {
    if (auto done = write_({piece.data(), static_cast<std::size_t>(in.gcount())}); !done)
      return done;
    written += static_cast<std::uint64_t>(in.gcount());
  }
  if (written != size)
    return error{errc::unavailable, fmt::format("{} changed while it was read", name)};
  const std::string filling((block_bytes - size % block_bytes) % block_bytes, '\0');
  return filling.empty() ? result<void>() : write_(filling);
}

result<void> tar_writer::finish() {
  return write_(std::string(2 * block_bytes, '\0'));
}

} // namespace pricing::operations
