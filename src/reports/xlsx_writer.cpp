#include "reports/xlsx_writer.hpp"

#include <charconv>
#include <stdexcept>

#include <xlsxwriter.h>

namespace pricing::reports {
namespace {

constexpr std::size_t text_max = 32'767; // bytes of a cell; the format counts UTF-16 units

std::optional<double> number_in(std::string_view text) {
  double value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  return ec == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// A longer text is cut between characters.
std::string_view cut(std::string_view text) {
  if (text.size() <= text_max)
    return text;
  std::size_t end = text_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
    --end;
  return text.substr(0, end);
}

lxw_datetime datetime_of(date day) {
  const std::chrono::year_month_day d(day);
  lxw_datetime out{};
  out.year = static_cast<int>(d.year());
  out.month = static_cast<int>(static_cast<unsigned>(d.month()));
  out.day = static_cast<int>(static_cast<unsigned>(d.day()));
  return out;
}

} // namespace

xlsx_writer::xlsx_writer(const std::filesystem::path& path) {
  lxw_workbook_options options{};
  options.constant_memory = LXW_TRUE;
  const std::string folder = path.parent_path().string(); // its parts lie beside it until they are packed
  options.tmpdir = const_cast<char*>(folder.c_str());
  book_ = workbook_new_opt(path.c_str(), &options);
  if (!book_)
    throw std::runtime_error("exports: cannot begin " + path.string());
  heading_ = workbook_add_format(book_);
  format_set_bold(heading_);
  day_ = workbook_add_format(book_);
  format_set_num_format(day_, "yyyy-mm-dd");
}

xlsx_writer::~xlsx_writer() {
  if (book_)
    workbook_close(book_);
}

void xlsx_writer::begin_sheet(const dataset& of) {
  of_ = &of;
  row_ = 0;
  sheet_ = workbook_add_worksheet(book_, std::string(of.title).c_str());
  if (!sheet_)
    throw std::runtime_error("exports: no sheet can be named " + std::string(of.title));
  worksheet_freeze_panes(sheet_, 1, 0);
  for (std::size_t i = 0; i < of.columns.size(); ++i) {
    const auto at = static_cast<lxw_col_t>(i);
    worksheet_set_column(sheet_, at, at, of.columns[i].type == cell_type::text ? 24 : 14, nullptr);
    worksheet_write_string(sheet_, 0, at, std::string(of.columns[i].name).c_str(), heading_);
  }
}

result<void> xlsx_writer::add(std::span<const cell> row) {
  if (++row_ >= LXW_ROW_MAX)
    return error{errc::too_large, "a sheet holds " + std::to_string(LXW_ROW_MAX - 1) +
                                      " rows and there are more; ask for csv, or for fewer rows"};
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (!row[i])
      continue;
    const auto at = static_cast<lxw_col_t>(i);
    switch (of_->columns[i].type) {
    case cell_type::number:
      if (const auto value = number_in(*row[i]))
        worksheet_write_number(sheet_, row_, at, *value, nullptr);
      break;
    case cell_type::day:
      if (auto on = parse_date(*row[i])) {
        lxw_datetime when = datetime_of(*on);
        worksheet_write_datetime(sheet_, row_, at, &when, day_);
      }
      break;
    case cell_type::text:
      text_ = cut(*row[i]);
      worksheet_write_string(sheet_, row_, at, text_.c_str(), nullptr);
      break;
    }
  }
  return {};
}

void xlsx_writer::finish() {
  const auto failed = workbook_close(std::exchange(book_, nullptr));
  if (failed != LXW_NO_ERROR)
    throw std::runtime_error(std::string("exports: ") + lxw_strerror(failed));
}

} // namespace pricing::reports
