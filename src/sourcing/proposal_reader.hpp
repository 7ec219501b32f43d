#pragma once
// Proposals out of what people have: a file as for an upload (CSV, gzip, XLSX; one row per line and bidder, or one row
// per line) or pasted lines. Nothing is guessed in silence: what was assumed is said in `notes`, what cannot be read is
// an error that names the row and the column. CPU work: run on the pool.
#include "sourcing/proposal.hpp"

#include <string_view>

namespace pricing::sourcing {

inline constexpr std::size_t file_bytes_max = 20u << 20;
inline constexpr std::size_t rows_max = 110'000; // of a file: lines_max lines of bidders_max bidders and the estimate
inline constexpr std::size_t paste_bytes_max = 2u << 20;

struct read_proposal {
  proposal content;
  std::vector<std::string> notes; // sentences about what was assumed or left out
};

struct reading_options {
  std::string currency = "USD"; // of the organization: other prices are refused
  date today{};                 // the day of a proposal without one
  std::optional<date> on;       // given by the caller; stands above dates in the file
};

// The buyer's own estimate is no bidder: its rows only make sure that the line is there. One proposal per file. Fails
// with invalid_input, too_large (limits above) or unsupported_media.
result<read_proposal> read_file(std::string bytes, std::string_view file_name, const reading_options& o);

// Lines of description, unit, quantity, price and further bidders' prices, cut by tabs, semicolons or commas. With a
// header columns may stand in any order and prices carry the bidders' names. Without one, unit and quantity may be
// missing. Tolerant of currency signs, thousands marks, blank lines and a line of totals.
result<read_proposal> read_text(std::string text, const reading_options& o);

} // namespace pricing::sourcing
