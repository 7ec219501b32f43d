#pragma once
// One row of a file to one typed price observation, or the column and reason why not. Nothing is guessed into place.
#include "ingest/mapping.hpp"

#include <span>

namespace pricing::ingest {

// Texts are views into the row's cells or the mapping's constants.
struct typed_row {
  date observed_on{};
  std::string_view item_name;
  std::string_view unit;
  std::string_view supplier; // empty: the owner's estimate, or the file has no suppliers
  std::string_view event;
  std::string_view place;
  std::string_view category;
  std::string_view code;
  std::array<char, 3> currency{};
  price_kind kind = price_kind::quote;
  decimal price;
  std::optional<decimal> quantity;
  std::optional<decimal> amount;
  std::optional<int> line;
  std::optional<int> rank;
};

// The first thing that is wrong with a row: a column of the file (its position, or -1 for the row) and a sentence.
struct rejection {
  int column = -1;
  std::string reason;
};

class row_converter {
 public:
  explicit row_converter(bound_mapping m);
  // True when the row is fine. `row` is valid as long as `cells` and the converter are.
  bool convert(std::span<const std::string_view> cells, typed_row& row, rejection& why);
  const bound_mapping& bound() const { return mapping_; }

 private:
  std::string_view text_of(field f, std::span<const std::string_view> cells) const;
  bool read_date_field(std::span<const std::string_view> cells, typed_row& row, rejection& why);
  bool read_texts(std::span<const std::string_view> cells, typed_row& row, rejection& why);
  bool read_supplier(std::span<const std::string_view> cells, typed_row& row, rejection& why);
  bool read_money(std::span<const std::string_view> cells, typed_row& row, rejection& why);
  bool read_optional(field f, std::span<const std::string_view> cells, std::optional<decimal>& out, rejection& why);
  bool read_integer(field f, int max, std::span<const std::string_view> cells, std::optional<int>& out, rejection& why);
  bool reject(field f, std::string reason, rejection& why) const;
  bool is_estimate(std::string_view supplier);

  bound_mapping mapping_;
  std::string last_date_text_; // files are sorted by date: most rows repeat the one before
  date last_date_{};
  std::map<std::string, bool, std::less<>> estimate_by_name_;
  std::string unit_text_; // "pack of 30"
};

// Texts that stand for nothing: "", "N/A", "-", "null"...
bool is_blank_text(std::string_view text);

// Identity of an observation within an organization, stable for ever: a 64-bit hash of the canonical values.
// Normalized texts, so that the same row from another format of the same file is recognised.
std::int64_t row_key(const typed_row& row, std::string_view normalized_item, std::string_view normalized_unit,
                     std::string_view normalized_supplier);

} // namespace pricing::ingest
