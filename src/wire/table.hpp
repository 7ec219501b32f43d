#pragma once
// Any tabular file that people send: CSV/TSV, gzip of these, XLSX. inspect_table() reads the whole file once, so a
// damaged or oversized one is refused before a row is used; open_table() then yields the rows as found. The file's name
// is never trusted, only its bytes are.
#include "wire/text.hpp"
#include "wire/xlsx.hpp"

namespace pricing::wire {

enum class table_format { csv, xlsx };

struct table_limits {
  unpack_limits unpack{};
  row_limits rows{};
  xlsx_limits xlsx{};
};

struct table_info {
  table_format format = table_format::csv;
  bool gzip = false;
  char delimiter = ',';
  text_encoding encoding = text_encoding::utf_8;
  std::int64_t header_row = 0;      // number of the row that names the columns
  std::vector<std::string> columns; // its cells, trimmed; empty and repeated names made unique ("column 3", "Date 2")
  std::vector<std::vector<std::string>> sample; // first rows after it (at most 200), cells padded to columns
  std::uint64_t file_bytes = 0;
  std::uint64_t unpacked_bytes = 0; // of text; for XLSX the file's size
};

// Fails with unsupported_media (an image, a PDF, a program...), invalid_input (damaged, empty), too_large (limits).
result<table_info> inspect_table(const file_bytes& file, const table_limits& limits = {});

// Rows from the top of the file, header included.
result<std::unique_ptr<table_reader>> open_table(const file_bytes& file, const table_info& info,
                                                 const table_limits& limits = {});

} // namespace pricing::wire
