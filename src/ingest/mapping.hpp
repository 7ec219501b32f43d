#pragma once
// How the columns of a kind of file become the fields of a price observation; confirmed once by a person and kept.
#include "core/error.hpp"
#include "ingest/values.hpp"

#include <boost/describe.hpp>

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::ingest {

// In the order people look for them. `kind` is text, date, number, money, integer or code.
enum class field {
  observed_on,
  item_name,
  unit,
  quantity,
  price,
  amount,
  supplier,
  event,
  line,
  rank,
  currency,
  place,
  category,
  code
};
inline constexpr std::size_t field_count = 14;

struct field_info {
  std::string name;
  std::string label;
  bool required = false;
  std::string kind;
};
BOOST_DESCRIBE_STRUCT(field_info, (), (name, label, required, kind))

const std::array<field_info, field_count>& fields();
std::optional<field> find_field(std::string_view name);

// price_observations.kind
enum class price_kind : std::int16_t {
  bid = 1,
  estimate = 2,
  quote = 3,
  purchase_order = 4,
  invoice = 5,
  contract = 6,
  list = 7
};
std::optional<price_kind> parse_price_kind(std::string_view name);
const char* to_string(price_kind kind);

// As in the REST contract. A constant "{file_date}" stands for the date in the file's name ("2024-01-05.xlsx").
struct mapping {
  std::optional<std::string> name;
  std::map<std::string, std::string> columns;   // field -> header; alternatives separated by " | "
  std::map<std::string, std::string> constants; // field -> value for every row
  std::string date_format;                      // see date_order
  std::string decimal_mark = ".";
  std::string kind = "quote";
  std::vector<std::string> estimate_suppliers; // the buyer's own estimate, listed as if it were a bidder
  std::vector<std::string> unpriced_units;     // lump sums and the like: kept, but no unit price
};
BOOST_DESCRIBE_STRUCT(mapping, (),
                      (name, columns, constants, date_format, decimal_mark, kind, estimate_suppliers, unpriced_units))

// The mapping bound to the columns of one file.
struct bound_mapping {
  std::array<int, field_count> column;           // position, or -1
  std::array<std::string, field_count> constant; // used where column is -1; empty: none
  std::size_t columns = 0;                       // of the file; a row with more filled cells has shifted
  date_order dates = date_order::ymd;
  char decimal_mark = '.';
  price_kind kind = price_kind::quote;
  std::vector<std::string> estimate_suppliers; // normalized
  std::vector<std::string> unpriced_units;     // normalized

  bool has(field f) const {
    return column[static_cast<std::size_t>(f)] >= 0 || !constant[static_cast<std::size_t>(f)].empty();
  }
};

// Fails with one field error per unknown field, missing column, missing required field, bad notation or constant.
// Headers are compared without case, punctuation and underscores.
result<bound_mapping> bind_mapping(const mapping& m, const std::vector<std::string>& columns,
                                   std::string_view file_name);

// Equal for files with the same set of column names, whatever their order, case and punctuation.
std::string header_fingerprint(const std::vector<std::string>& columns);
// "Item_Description / No." -> "item description no"
std::string header_words(std::string_view header);
// The only ISO-like date (2024-01-05, 2024_01_05, 20240105) in a file's name.
std::optional<date> date_in_name(std::string_view file_name);

} // namespace pricing::ingest
