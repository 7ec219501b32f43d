#include "wire/table.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace pricing::wire {
namespace {

constexpr std::size_t sample_bytes = 256 << 10;
constexpr std::size_t sample_rows = 200;

struct signature {
  std::string_view start;
  const char* name;
};

// What people upload by mistake, by its first bytes.
constexpr std::array<signature, 17> signatures = {{{"\x89PNG", "a PNG image"},
                                                   {"\xFF\xD8\xFF", "a JPEG image"},
                                                   {"GIF8", "a GIF image"},
                                                   {"%PDF", "a PDF document"},
                                                   {"\x7F"
                                                    "ELF",
                                                    "a program"},
                                                   {"MZ\x90", "a program"},
                                                   {"\xD0\xCF\x11\xE0", "an old Excel or Word file (.xls, .doc)"},
                                                   {"Rar!", "a RAR archive"},
                                                   {"7z\xBC\xAF", "a 7-Zip archive"},
                                                   {"BZh", "a bzip2 file"},
                                                   {"\xFD"
                                                    "7zXZ",
                                                    "an xz file"},
                                                   {"\x28\xB5\x2F\xFD", "a zstd file"},
                                                   {"{\\rtf", "an RTF document"},
                                                   {"<!DOCTYPE", "a web page"},
                                                   {"<html", "a web page"},
                                                   {"<?xml", "an XML file"},
                                                   {"SQLite format 3", "a database"}}};

error not_a_table(const std::string& what) {
  return {errc::unsupported_media, "the file is " + what + ", not a table; upload .csv, .csv.gz, .tsv or .xlsx"};
}

result<void> refuse_foreign(std::string_view start) {
  for (const auto& s : signatures)
    if (start.starts_with(s.start))
      return not_a_table(s.name);
  if (is_gzip(start))
    return not_a_table("packed with gzip twice");
  return {};
}

result<void> refuse_binary(std::string_view sample, const encoding_detector& detector) {
  const auto encoding = detector.encoding();
  if (encoding == text_encoding::utf_16_le || encoding == text_encoding::utf_16_be)
    return {};
  const auto control = std::count_if(sample.begin(), sample.end(), [](char c) {
    return static_cast<unsigned char>(c) < 32 && c != '\t' && c != '\n' && c != '\r' && c != '\f';
  });
  if (static_cast<std::size_t>(control) * 50 > sample.size())
    return not_a_table("binary data");
  return {};
}

result<std::unique_ptr<byte_source>> open_unpacked(const file_bytes& file, bool gzip, const unpack_limits& limits) {
  auto source = open_bytes(file);
  if (source && gzip)
    return make_gzip_source(std::move(*source), limits);
  return source;
}

// Reads the text to its end: encoding, size, integrity; returns its first bytes.
result<std::string> scan_text(const file_bytes& file, const table_limits& limits, table_info& info) {
  auto source = open_unpacked(file, info.gzip, limits.unpack);
  if (!source)
    return source.error();
  encoding_detector detector;
  std::string start;
  std::vector<char> block(256 << 10);
  for (;;) {
    const auto got = (*source)->read(block.data(), block.size());
    if (!got)
      return got.error();
    if (*got == 0)
      break;
    const std::string_view bytes(block.data(), *got);
    const bool first = info.unpacked_bytes == 0;
    info.unpacked_bytes += *got;
    if (info.unpacked_bytes > limits.unpack.bytes_max)
      return error{errc::too_large, "the file is larger than is allowed"};
    if (start.size() < sample_bytes)
      start += bytes.substr(0, sample_bytes - start.size());
    detector.feed(bytes);
    if (first)
      if (auto fine = refuse_foreign(start); !fine)
        return fine.error();
  }
  if (start.empty())
    return invalid_input("the file is empty");
  if (auto fine = refuse_binary(start, detector); !fine)
    return fine.error();
  info.encoding = detector.encoding();
  return start;
}

std::string_view trim(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r\n");
  return from == std::string_view::npos ? std::string_view{}
                                        : text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

struct sampled_row {
  std::int64_t number;
  std::vector<std::string> cells;
};

std::size_t filled(const sampled_row& row) {
  return static_cast<std::size_t>(
      std::count_if(row.cells.begin(), row.cells.end(), [](const auto& c) { return !trim(c).empty(); }));
}

// Titles and blank lines may stand above: the header is the first row about as wide as the table.
std::size_t find_header(const std::vector<sampled_row>& rows) {
  std::map<std::size_t, std::size_t> widths;
  for (std::size_t i = 0; i < std::min<std::size_t>(rows.size(), 40); ++i)
    ++widths[filled(rows[i])];
  std::size_t width = 0, most = 0;
  for (const auto& [candidate, count] : widths)
    if (count >= most)
      width = candidate, most = count;
  for (std::size_t i = 0; i < std::min<std::size_t>(rows.size(), 20); ++i)
    if (filled(rows[i]) * 4 >= width * 3)
      return i;
  return 0;
}

std::vector<std::string> name_columns(const std::vector<std::string>& cells, std::size_t width) {
  std::vector<std::string> out;
  std::map<std::string, int> seen;
  for (std::size_t i = 0; i < width; ++i) {
    std::string name = i < cells.size() ? std::string(trim(cells[i])) : "";
    if (name.empty())
      name = "column " + std::to_string(i + 1);
    if (const int again = ++seen[name]; again > 1)
      name += " " + std::to_string(again);
    out.push_back(std::move(name));
  }
  return out;
}

result<void> read_header(const file_bytes& file, const table_limits& limits, table_info& info) {
  auto reader = open_table(file, info, limits);
  if (!reader)
    return reader.error();
  std::vector<sampled_row> rows;
  row_view row;
  while (rows.size() < sample_rows + 20) {
    const auto more = (*reader)->next(row);
    if (!more)
      return more.error();
    if (!*more)
      break;
    rows.push_back({row.number, {row.cells.begin(), row.cells.end()}});
  }
  if (rows.empty())
    return invalid_input("the file holds no rows");
  const auto header = find_header(rows);
  std::size_t width = rows[header].cells.size();
  while (width > 1 && trim(rows[header].cells[width - 1]).empty())
    --width;
  info.header_row = rows[header].number;
  info.columns = name_columns(rows[header].cells, width);
  for (auto i = header + 1; i < rows.size() && info.sample.size() < sample_rows; ++i) {
    rows[i].cells.resize(width);
    info.sample.push_back(std::move(rows[i].cells));
  }
  return {};
}

} // namespace

result<table_info> inspect_table(const file_bytes& file, const table_limits& limits) {
  auto source = open_bytes(file);
  if (!source)
    return source.error();
  std::string start(16, '\0');
  const auto got = (*source)->read(start.data(), start.size());
  if (!got)
    return got.error();
  start.resize(*got);
  table_info info;
  info.file_bytes = file.size();
  info.gzip = is_gzip(start);
  if (is_zip(start)) {
    info.format = table_format::xlsx;
    info.unpacked_bytes = info.file_bytes;
  } else {
    auto sample = scan_text(file, limits, info);
    if (!sample)
      return sample.error();
    auto memory = std::make_shared<const std::string>(std::move(*sample));
    auto utf8 = make_utf8_source(*open_bytes({{}, memory}), info.encoding);
    std::string text(sample_bytes, '\0');
    const auto converted = utf8->read(text.data(), text.size());
    text.resize(converted ? *converted : 0);
    info.delimiter = detect_delimiter(text);
  }
  if (auto read = read_header(file, limits, info); !read)
    return read.error();
  return info;
}

result<std::unique_ptr<table_reader>> open_table(const file_bytes& file, const table_info& info,
                                                 const table_limits& limits) {
  if (info.format == table_format::xlsx) {
    auto with_rows = limits.xlsx;
    with_rows.rows = limits.rows;
    return open_xlsx(file, with_rows);
  }
  auto source = open_unpacked(file, info.gzip, limits.unpack);
  if (!source)
    return source.error();
  return make_csv_reader(make_utf8_source(std::move(*source), info.encoding), info.delimiter, limits.rows);
}

} // namespace pricing::wire
