#pragma once
// The quality report of an upload (domain.md, Ingestion): weights completeness .25, consistency .20, validity .20,
// timeliness .15, uniqueness .10, accuracy .10; grades A to D at 90, 80, 70, 60, below F. Every loss names its cells.
#include "ingest/convert.hpp"

#include <boost/describe.hpp>

namespace pricing::ingest {

struct quality_dimension {
  std::string name;
  double weight = 0;
  double score = 0; // 0..100
  std::int64_t lost_cells = 0;
  std::vector<std::string> examples; // "row 17, bid_price: ..."; at most ten
};
BOOST_DESCRIBE_STRUCT(quality_dimension, (), (name, weight, score, lost_cells, examples))

struct quality_report {
  double score = 0;
  std::string grade;
  std::vector<quality_dimension> dimensions;
};
BOOST_DESCRIBE_STRUCT(quality_report, (), (score, grade, dimensions))

// Feed every row of the file, then ask.
class quality_meter {
 public:
  // `today` is the day of the upload; `columns` are the file's headers.
  quality_meter(const bound_mapping& m, std::vector<std::string> columns, date today);

  void rejected(std::int64_t row, const rejection& why);
  void duplicate(std::int64_t row);
  // `median_price` of the item's history before this upload; 0 without one.
  void accepted(std::int64_t row, const typed_row& r, std::span<const std::string_view> cells, double median_price);

  // `duplicates`: of the whole file, as stored (those found by the database are not fed row by row).
  quality_report report(std::int64_t duplicates) const;

 private:
  struct loss {
    std::int64_t cells = 0;
    std::vector<std::string> examples;
    void add(std::string example);
  };
  std::string cell_name(std::int64_t row, int column) const;

  std::vector<std::string> columns_;
  std::vector<int> mapped_;
  date today_;
  int price_column_, amount_column_, date_column_;
  std::int64_t rows_ = 0, accepted_ = 0, with_amount_ = 0, with_history_ = 0;
  date newest_{};
  loss completeness_, consistency_, validity_, timeliness_, uniqueness_, accuracy_;
};

} // namespace pricing::ingest
