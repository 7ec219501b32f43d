#pragma once
// Dates and numbers in local notations. The notation belongs to a whole column: these functions read one cell in a
// given notation and never try another one.
#include "core/clock.hpp"
#include "core/decimal.hpp"

#include <optional>
#include <string_view>

namespace pricing::ingest {

// Order of the parts; separators (- / . space) and month names are accepted in each. A two-digit year is 1969 to 2068.
//   ymd "2024-01-05", "20240105", "2024-01-05 10:20:30"   dmy "5/1/2024", "5-Jan-24"   mdy "1/5/2024", "Jan 5, 2024"
enum class date_order { ymd, dmy, mdy };

// The names a mapping uses: "YYYY-MM-DD", "DD/MM/YYYY", "MM/DD/YYYY"; read also as "DD.MM.YYYY", "DD-Mon-YY",
// "YYYYMMDD": only the order counts.
const char* to_string(date_order order);
std::optional<date_order> parse_date_order(std::string_view name);

// Null unless the text is a calendar date between 1900 and 2199 in this order; a time of day after it is ignored.
std::optional<date> read_date(std::string_view text, date_order order);
// True when the month is written as a word, so that day and month cannot be confused.
bool has_month_name(std::string_view text);

// A number with '.' or ',' as its decimal mark; the other one, spaces and apostrophes only as marks of three digits.
// Accepts a currency sign or code before or after it, "(12.50)" and "12.50-" for negatives. Null for anything else, for
// more than 14 digits before the mark, and for texts such as "1.5e3", "12%", "n/a".
std::optional<decimal> read_number(std::string_view text, char decimal_mark);

// What the cell says about the column's decimal mark.
enum class mark_evidence { none, point, comma };
mark_evidence decimal_mark_evidence(std::string_view text);

std::string_view trim(std::string_view text);
// At most `bytes_max` bytes, never half a character.
std::string_view cut_utf8(std::string_view text, std::size_t bytes_max);

} // namespace pricing::ingest
