#include "reports/csv_writer.hpp"

#include <system_error>

#include <zlib.h>

namespace pricing::reports {
namespace {

bool is_formula(std::string_view text) {
  return !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
}

void append_cell(std::string& line, std::string_view text, cell_type type) {
  const bool guarded = type == cell_type::text && is_formula(text);
  if (!guarded && text.find_first_of("\",\r\n") == std::string_view::npos) {
    line += text;
    return;
  }
  line += guarded ? "\"'" : "\"";
  for (const char c : text)
    line.append(c == '"' ? 2 : 1, c);
  line += '"';
}

} // namespace

csv_writer::csv_writer(const std::filesystem::path& path) : file_(gzopen(path.c_str(), "wbx6")) {
  if (!file_)
    throw std::system_error(errno, std::generic_category(), "exports: open " + path.string());
  gzbuffer(file_.get(), 256 * 1024);
}

void csv_writer::close::operator()(gzFile_s* f) const {
  gzclose(f);
}

void csv_writer::begin_sheet(const dataset& of) {
  columns_ = of.columns;
  line_.clear();
  for (const auto& c : columns_)
    line_.append(line_.empty() ? "" : ",").append(c.name);
  write_line();
}

result<void> csv_writer::add(std::span<const cell> row) {
  line_.clear();
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i > 0)
      line_ += ',';
    if (row[i])
      append_cell(line_, *row[i], columns_[i].type);
  }
  write_line();
  return {};
}

void csv_writer::write_line() {
  line_ += "\r\n";
  if (gzwrite(file_.get(), line_.data(), static_cast<unsigned>(line_.size())) <= 0)
    throw std::system_error(errno, std::generic_category(), "exports: write");
}

void csv_writer::finish() {
  if (gzclose(file_.release()) != Z_OK)
    throw std::system_error(errno, std::generic_category(), "exports: close");
}

} // namespace pricing::reports
