#pragma once
// Rows into a file, one sheet after the other. Constant memory. A full disk throws std::system_error.
#include "reports/dataset.hpp"

#include <filesystem>
#include <memory>

namespace pricing::reports {

enum class file_format : std::uint8_t { csv, xlsx };
BOOST_DESCRIBE_ENUM(file_format, csv, xlsx)

using cell = std::optional<std::string_view>; // nullopt: unknown

class table_writer {
 public:
  virtual ~table_writer() = default;
  virtual void begin_sheet(const dataset& of) = 0;
  // As many cells as the sheet has columns. too_large when the format holds no more rows.
  virtual result<void> add(std::span<const cell> row) = 0;
  virtual void finish() = 0;
};

// CSV as in RFC 4180, in gzip, UTF-8, one sheet only. A text that a spreadsheet would take for a formula (it begins
// with = + - @, a tab or a carriage return) gets an apostrophe before it. XLSX keeps texts as texts.
std::unique_ptr<table_writer> open_table(file_format format, const std::filesystem::path& path);

std::string_view to_string(file_format format);
// "csv.gz", "xlsx"
std::string_view extension_of(file_format format);
std::string_view media_type_of(file_format format);

} // namespace pricing::reports
