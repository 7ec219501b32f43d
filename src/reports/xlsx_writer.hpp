#pragma once
#include "reports/table_writer.hpp"

struct lxw_workbook;
struct lxw_worksheet;
struct lxw_format;

namespace pricing::reports {

class xlsx_writer final : public table_writer {
 public:
  explicit xlsx_writer(const std::filesystem::path& path);
  ~xlsx_writer() override; // an unfinished file is written all the same
  xlsx_writer(const xlsx_writer&) = delete;
  xlsx_writer& operator=(const xlsx_writer&) = delete;
  void begin_sheet(const dataset& of) override;
  result<void> add(std::span<const cell> row) override;
  void finish() override;

 private:
  lxw_workbook* book_;
  lxw_format* heading_;
  lxw_format* day_;
  lxw_worksheet* sheet_ = nullptr;
  const dataset* of_ = nullptr;
  std::uint32_t row_ = 0;
  std::string text_; // libxlsxwriter wants it ended by zero
};

} // namespace pricing::reports
