#pragma once
#include "reports/table_writer.hpp"

struct gzFile_s;

namespace pricing::reports {

class csv_writer final : public table_writer {
 public:
  explicit csv_writer(const std::filesystem::path& path); // must not exist
  void begin_sheet(const dataset& of) override;
  result<void> add(std::span<const cell> row) override;
  void finish() override;

 private:
  void write_line();

  struct close {
    void operator()(gzFile_s* f) const;
  };
  std::unique_ptr<gzFile_s, close> file_;
  std::span<const column> columns_;
  std::string line_;
};

} // namespace pricing::reports
