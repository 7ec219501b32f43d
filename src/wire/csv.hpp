#pragma once
// Delimited text (RFC 4180 and its relatives) as rows of string_views into a reused block: no allocation per row or
// cell. Line ends are LF, CRLF or CR alone. Quotes follow RFC 4180; a quote inside an unquoted cell (6" pipe) is text.
#include "wire/bytes.hpp"

#include <span>
#include <vector>

namespace pricing::wire {

struct row_limits {
  std::size_t line_bytes_max =
      1 << 20; // a longer line ends the file with too_large: most likely a quote is never closed
  std::size_t columns_max = 1'000;
  std::size_t cell_bytes_max = 64 << 10;
};

// Cells are valid until the next call of next().
struct row_view {
  std::int64_t number = 0; // line of the file (CSV) or row of the sheet (XLSX) it starts on, from 1
  std::span<const std::string_view> cells;
  const char* problem = nullptr; // why the row cannot be trusted (null: it can); cells hold what was readable
};

// Rows of any tabular file, in order.
class table_reader {
 public:
  virtual ~table_reader() = default;
  // False at the end. Fails when the rest of the file cannot be read (damaged, over a limit).
  virtual result<bool> next(row_view& row) = 0;
  virtual std::uint64_t consumed_bytes() const = 0;
};

// `utf8` yields UTF-8 without byte-order mark (make_utf8_source). Blank lines are skipped.
std::unique_ptr<table_reader> make_csv_reader(std::unique_ptr<byte_source> utf8, char delimiter,
                                              const row_limits& limits = {});

// The delimiter of ',', ';', tab and '|' that cuts the first rows of `sample` most evenly; ',' when none does.
char detect_delimiter(std::string_view sample);

// One cell for a CSV export: quoted when needed, and text a spreadsheet would run as a formula (=, +, -, @, tab, CR
// first) is preceded by an apostrophe, unless it is a plain number. Import keeps such text as it is.
std::string export_cell(std::string_view text, char delimiter = ',');

} // namespace pricing::wire
