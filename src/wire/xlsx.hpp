#pragma once
// Office Open XML spreadsheets, streamed: the sheet's XML is parsed as it is unpacked, only the table of shared strings
// is held in memory. Reads the first visible sheet. Cells arrive as text: numbers as the sheet stores them, dates
// (known by the cell's style) as "2024-01-05" or "2024-01-05 10:20:30", booleans as TRUE/FALSE, errors as "#N/A".
#include "wire/csv.hpp"
#include "wire/gzip.hpp"

namespace pricing::wire {

struct xlsx_limits {
  unpack_limits unpack{.bytes_max = 4ull << 30, .ratio_max = 300, .ratio_free_bytes = 32ull << 20};
  std::uint64_t shared_strings_bytes_max = 128ull << 20;
  row_limits rows{};
};

// True for a ZIP container; whether it holds a workbook is found on opening.
bool is_zip(std::string_view first_bytes);
// Fails with unsupported_media when it is no workbook, invalid_input when damaged, too_large over a limit.
result<std::unique_ptr<table_reader>> open_xlsx(const file_bytes& file, const xlsx_limits& limits = {});

} // namespace pricing::wire
