#pragma once
// What the readers of proposals share. Used by proposal_file.cpp and proposal_text.cpp only.
#include "sourcing/proposal_reader.hpp"

#include <map>
#include <unordered_map>

namespace pricing::sourcing {

// One price as it stands in a file or text.
struct found_price {
  std::string_view line;
  std::string_view section;
  std::string_view description;
  std::string_view unit;
  std::string_view supplier; // empty: the buyer's own estimate
  decimal quantity;
  decimal price;
};

// Puts the prices of one line together: same line number (where there are any), description, unit and quantity. A
// supplier's second price for the same line opens another line of the same text: proposals repeat items.
class line_collector {
 public:
  void add(const found_price& found);
  result<wire::list<proposal_line, lines_max>> end() &&;

 private:
  proposal_line& line_of(const found_price& found);

  std::vector<proposal_line> lines_;
  std::unordered_map<std::string, std::size_t> line_by_key_; // key and occurrence
  std::unordered_map<std::string, int> occurrences_;         // of key and supplier
  bool too_many_ = false;
};

struct numbered_row {
  std::int64_t number = 0; // in the file or text, from 1
  std::vector<std::string> cells;
};

// Rows of description, unit, quantity and a price for each bidder, the first one perhaps a header; at least one row.
// `delimiter` is what cut them: only after commas are the parts of a description put together again.
result<read_proposal> read_price_rows(std::vector<numbered_row> rows, char delimiter, const reading_options& o);
// "Price Acme", "Bid Bolt Bros.": a header that speaks of unit prices, by its header_words(). No totals.
bool names_price(std::string_view words);
// The currency that a price such as "€12.50" or "12.50 CHF" is in, when it says so and it is not `own`.
std::optional<std::string> other_currency(std::string_view price, std::string_view own);

// Without control characters, spaces at the ends gone, at most `characters_max` characters.
std::string clean(std::string_view text, std::size_t characters_max);
// A row of sums below the lines: "Total", "Subtotal section 2".
bool is_total(std::string_view description, std::string_view quantity);
void say_assumptions(std::size_t unpriced_rows, std::size_t quantity_assumed, std::vector<std::string>& notes);

} // namespace pricing::sourcing
