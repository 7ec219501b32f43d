// Every tests/rules/ingest/NAME.csv with its NAME.expected: what is detected, what mapping is suggested, and what
// becomes of each row under that suggestion. Run with PRICING_UPDATE_RULES=1 to rewrite the expected files, then read
// the diff.
#include "ingest/convert.hpp"
#include "ingest/suggest.hpp"
#include "match/normalize.hpp"
#include "wire/table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace pricing;
using namespace pricing::ingest;

namespace {

std::filesystem::path rules_folder() {
  return std::filesystem::path(__FILE__).parent_path() / "../../rules/ingest";
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void print_mapping(std::ostream& out, const suggestion& s) {
  for (const auto& [name, column] : s.proposed.columns)
    out << "column " << name << " = " << column << "\n";
  for (const auto& [name, value] : s.proposed.constants)
    out << "constant " << name << " = " << value << "\n";
  out << "dates " << s.proposed.date_format << ", decimal mark " << s.proposed.decimal_mark << ", kind "
      << s.proposed.kind << "\n";
  for (const auto& name : s.proposed.estimate_suppliers)
    out << "estimate " << name << "\n";
  for (const auto& question : s.questions)
    out << "question " << question << "\n";
}

void print_row(std::ostream& out, std::int64_t number, const typed_row& r) {
  out << number << " " << pricing::to_string(r.observed_on) << " | " << r.item_name << " => "
      << match::normalize_item(r.item_name) << " | " << r.unit << " | " << (r.quantity ? r.quantity->to_string() : "-")
      << " x " << r.price.to_string() << " " << std::string(r.currency.data(), 3) << " | "
      << (r.supplier.empty() ? "-" : r.supplier) << " | " << to_string(r.kind);
  if (!r.event.empty())
    out << " | event " << r.event;
  if (r.line)
    out << " | line " << *r.line;
  if (r.rank)
    out << " | rank " << *r.rank;
  out << "\n";
}

std::string outcome_of(const std::filesystem::path& path) {
  std::ostringstream out;
  const wire::file_bytes file{path, nullptr};
  const auto info = wire::inspect_table(file);
  if (!info) {
    out << "error " << to_string(info.error().code) << ": " << info.error().message << "\n";
    return out.str();
  }
  out << "delimiter " << (info->delimiter == '\t' ? std::string("tab") : std::string(1, info->delimiter))
      << ", encoding " << wire::to_string(info->encoding) << ", header in row " << info->header_row << "\n";
  column_profiler profiler(info->columns.size());
  const auto each_row = [&](auto&& use) {
    auto reader = wire::open_table(file, *info);
    wire::row_view row;
    for (;;) {
      const auto more = (*reader)->next(row);
      if (!more) {
        out << "error " << more.error().message << "\n";
        return;
      }
      if (!*more)
        return;
      if (row.number > info->header_row)
        use(row);
    }
  };
  each_row([&](const wire::row_view& row) { profiler.feed(row.cells); });
  const auto s = suggest_mapping(info->columns, profiler, path.filename().string(), "USD");
  print_mapping(out, s);
  const auto bound = bind_mapping(s.proposed, info->columns, path.filename().string());
  if (!bound) {
    out << "unusable " << bound.error().message << "\n";
    return out.str();
  }
  row_converter converter(*bound);
  each_row([&](const wire::row_view& row) {
    typed_row typed;
    rejection why;
    if (row.problem != nullptr)
      out << row.number << " ! " << row.problem << "\n";
    else if (converter.convert(row.cells, typed, why))
      print_row(out, row.number, typed);
    else
      out << row.number << " ! " << (why.column >= 0 ? info->columns[static_cast<std::size_t>(why.column)] : "row")
          << ": " << why.reason << "\n";
  });
  return out.str();
}

} // namespace

TEST(ingest_rules, every_file_ends_as_expected) {
  const bool update = std::getenv("PRICING_UPDATE_RULES") != nullptr;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(rules_folder())) {
    if (entry.path().extension() == ".expected")
      continue;
    ++files;
    auto expected_path = entry.path();
    expected_path += ".expected";
    const auto outcome = outcome_of(entry.path());
    if (update)
      std::ofstream(expected_path, std::ios::binary) << outcome;
    else
      EXPECT_EQ(outcome, read_file(expected_path)) << entry.path().filename();
  }
  EXPECT_GE(files, 10);
}
