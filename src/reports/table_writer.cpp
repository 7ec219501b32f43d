#include "reports/table_writer.hpp"

#include "reports/csv_writer.hpp"
#include "reports/xlsx_writer.hpp"

namespace pricing::reports {

std::unique_ptr<table_writer> open_table(file_format format, const std::filesystem::path& path) {
  if (format == file_format::xlsx)
    return std::make_unique<xlsx_writer>(path);
  return std::make_unique<csv_writer>(path);
}

std::string_view to_string(file_format format) {
  return format == file_format::xlsx ? "xlsx" : "csv";
}

std::string_view extension_of(file_format format) {
  return format == file_format::xlsx ? "xlsx" : "csv.gz";
}

std::string_view media_type_of(file_format format) {
  return format == file_format::xlsx ? "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
                                     : "application/gzip";
}

} // namespace pricing::reports
