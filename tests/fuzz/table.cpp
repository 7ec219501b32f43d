// CSV, gzip and XLSX as uploaded: reading ends, stays within its limits, and yields what inspection promised.
#include "wire/table.hpp"
#include "fuzz/must.hpp"

using namespace pricing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  wire::table_limits limits;
  limits.unpack.bytes_max = 1 << 20;
  limits.xlsx.unpack.bytes_max = 1 << 20;
  limits.xlsx.shared_strings_bytes_max = 256 << 10;
  limits.rows.columns_max = 50;
  const wire::file_bytes file{{}, std::make_shared<const std::string>(reinterpret_cast<const char*>(data), size)};
  const auto info = wire::inspect_table(file, limits);
  if (!info)
    return must(!info.error().message.empty());
  must(info->columns.size() <= limits.rows.columns_max);
  const auto reader = wire::open_table(file, *info, limits);
  if (!reader)
    return 0;
  wire::row_view row;
  std::int64_t last = 0;
  for (auto more = (*reader)->next(row); more && *more; more = (*reader)->next(row)) {
    must(row.number > last && row.cells.size() <= limits.rows.columns_max);
    last = row.number;
  }
  return 0;
}
