#pragma once
// What can be had as a file: a name, columns, and the statement that gives the rows, every value as text. A report is a
// dataset of several sheets.
#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/ids.hpp"

#include <boost/describe.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pricing::reports {

enum class cell_type : std::uint8_t { text, number, day };

struct column {
  std::string_view name; // "unit price"; the header of the file
  cell_type type = cell_type::text;
};

// Which rows; only some datasets can be narrowed.
struct export_filter {
  std::optional<std::int64_t> item_id;
  std::optional<std::int64_t> supplier_id;
  std::optional<date> from;  // first day
  std::optional<date> until; // first day that is not in it
};
BOOST_DESCRIBE_STRUCT(export_filter, (), (item_id, supplier_id, from, until))

struct dataset {
  std::string_view name;  // "prices"
  std::string_view title; // of its sheet, at most 31 characters
  std::string_view about; // one line for people
  bool is_filtered = false;
  std::span<const column> columns;
  // Of one organization's rows, which row-level security enforces besides.
  std::string (*select)(organization_id organization, const export_filter& filter) = nullptr;
  std::span<const std::string_view> sheets; // of a report: the datasets in it, then columns and select are empty
};

// All of them, in the order in which people should see them.
std::span<const dataset> datasets();
// Null when there is none of this name.
const dataset* find_dataset(std::string_view name);
// "prices, items, …"
std::string dataset_names();

} // namespace pricing::reports
