#pragma once
// A table of quotes for made-to-drawing parts (CSV, gzip, XLSX), one quoted price a row, as the part-cost model learns
// from it. Columns by their names, in any order and case:
//   part, price           which part, and what one piece was quoted at; "cost" and "unit cost" are prices too
//   quantity, annual usage, minimum order, bracketed, supplier, date   the terms of the quote; any may be missing
//   bill                  "C-17*2; C-20": components with their number
//   everything else       a fact about the part: a measure where all cells are numbers, else a label
// The facts of a part are those of its first row. Pure.
#include "learn/part_cost.hpp"
#include "wire/table.hpp"

#include <boost/describe.hpp>

#include <string>
#include <vector>

namespace pricing::models {

inline constexpr std::size_t part_rows_max = 500'000;
inline constexpr std::size_t left_out_rows_max = 200; // that are named; all are counted

// A column that is no fact about the part.
struct named_column {
  std::string column;
  std::string means; // part, price, quantity, annual usage, minimum order, bracketed, supplier, date, bill
};
BOOST_DESCRIBE_STRUCT(named_column, (), (column, means))

struct part_table {
  learn::part_catalog catalog;
  std::vector<learn::part_quote> quotes;
  std::vector<named_column> terms;           // columns, in their order
  std::vector<std::string> measures, labels; // likewise
  std::size_t suppliers = 0;
  std::size_t left_out = 0;               // rows without a part or a price above zero
  std::vector<std::string> left_out_rows; // the first left_out_rows_max of them, with the reason
};

// What is wrong with the file as a whole: not a table, no such columns, too long, nothing that can be read.
result<part_table> read_part_table(const wire::file_bytes& file);

// A number as people write it: "1,234.5", "$12.50", "  7 ". NaN when it is none.
double number_of(std::string_view cell);

} // namespace pricing::models
