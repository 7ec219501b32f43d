#pragma once
// A mapping proposed from the names of the columns and from their values. What the values leave open (day or month
// first, comma as decimal mark or between thousands) is asked, never guessed.
#include "ingest/mapping.hpp"

#include <set>
#include <span>

namespace pricing::ingest {

// What the values of one column look like.
struct column_profile {
  std::int64_t filled = 0;
  std::int64_t numbers_point = 0, numbers_comma = 0;   // readable with that decimal mark
  std::int64_t evidence_point = 0, evidence_comma = 0; // readable only so
  std::array<std::int64_t, 3> dates{};                 // by date_order
  std::int64_t named_months = 0;
  std::int64_t integers = 0;
  std::int64_t codes = 0; // three capitals: a currency
  std::int64_t dollars = 0, euros = 0, pounds = 0;
  std::int64_t length_total = 0;
  std::set<std::string> distinct; // up to distinct_max values, cut at 100 bytes
  static constexpr std::size_t distinct_max = 2'000;
};

// Feed rows of a file (all, or the first tens of thousands), then suggest.
class column_profiler {
 public:
  explicit column_profiler(std::size_t columns) : profiles_(columns) {}
  void feed(std::span<const std::string_view> cells);
  const std::vector<column_profile>& profiles() const { return profiles_; }
  std::int64_t rows() const { return rows_; }
  const std::vector<std::vector<std::string>>& first_rows() const { return first_rows_; }

 private:
  std::vector<column_profile> profiles_;
  std::vector<std::vector<std::string>> first_rows_; // up to 2,000, to look at columns together
  std::int64_t rows_ = 0;
};

struct suggestion {
  mapping proposed;
  std::vector<std::string> questions; // for a person to answer before the mapping can be used; empty: none
};
BOOST_DESCRIBE_STRUCT(suggestion, (), (proposed, questions))

suggestion suggest_mapping(const std::vector<std::string>& columns, const column_profiler& profiler,
                           std::string_view file_name, std::string_view default_currency);

// "engineers estimate": the normalized name stands for the buyer's own estimate and not for a supplier.
bool sounds_like_estimate(std::string_view normalized_supplier);

} // namespace pricing::ingest
