#include "ingest/quality.hpp"

#include <algorithm>
#include <cmath>

namespace pricing::ingest {
namespace {

constexpr std::size_t examples_max = 10;
constexpr double days_fresh = 90, days_stale = 3 * 365.25;

double share_kept(std::int64_t lost, std::int64_t of) {
  return of == 0 ? 100 : std::max(0.0, 100 * (1 - static_cast<double>(lost) / static_cast<double>(of)));
}

} // namespace

void quality_meter::loss::add(std::string example) {
  ++cells;
  if (examples.size() < examples_max)
    examples.push_back(std::move(example));
}

quality_meter::quality_meter(const bound_mapping& m, std::vector<std::string> columns, date today)
    : columns_(std::move(columns)),
      today_(today),
      price_column_(m.column[static_cast<std::size_t>(field::price)]),
      amount_column_(m.column[static_cast<std::size_t>(field::amount)]),
      date_column_(m.column[static_cast<std::size_t>(field::observed_on)]) {
  for (const int column : m.column)
    if (column >= 0)
      mapped_.push_back(column);
}

std::string quality_meter::cell_name(std::int64_t row, int column) const {
  std::string out = "row " + std::to_string(row);
  if (column >= 0 && static_cast<std::size_t>(column) < columns_.size())
    out += ", " + columns_[static_cast<std::size_t>(column)];
  return out;
}

void quality_meter::rejected(std::int64_t row, const rejection& why) {
  ++rows_;
  validity_.add(cell_name(row, why.column) + ": " + why.reason);
}

void quality_meter::duplicate(std::int64_t row) {
  if (uniqueness_.examples.size() < examples_max)
    uniqueness_.examples.push_back("row " + std::to_string(row) + ": repeats an earlier row");
}

void quality_meter::accepted(std::int64_t row, const typed_row& r, std::span<const std::string_view> cells,
                             double median_price) {
  ++rows_;
  ++accepted_;
  newest_ = std::max(newest_, r.observed_on);
  for (const int column : mapped_)
    if (static_cast<std::size_t>(column) >= cells.size() || cells[static_cast<std::size_t>(column)].empty())
      completeness_.add(completeness_.examples.size() < examples_max ? cell_name(row, column) + ": empty"
                                                                     : std::string{});
  if (r.amount && r.quantity) {
    ++with_amount_;
    const double product = r.price.to_double() * r.quantity->to_double(), amount = r.amount->to_double();
    if (std::abs(product - amount) > 0.01 + 0.005 * std::abs(amount))
      consistency_.add(consistency_.examples.size() < examples_max
                           ? cell_name(row, amount_column_) + ": " + r.amount->to_string() + " is not quantity x price"
                           : std::string{});
  }
  if (r.observed_on > today_)
    timeliness_.add(cell_name(row, date_column_) + ": lies in the future");
  const double price = r.price.to_double();
  if (median_price > 0) {
    ++with_history_;
    if (price < 0.5 * median_price || price > 2 * median_price)
      accuracy_.add(accuracy_.examples.size() < examples_max
                        ? cell_name(row, price_column_) + ": " + r.price.to_string() + " against a median of " +
                              std::to_string(median_price)
                        : std::string{});
  }
}

quality_report quality_meter::report(std::int64_t duplicates) const {
  quality_report out;
  const auto add = [&](const char* name, double weight, double score, std::int64_t lost, const loss& l) {
    out.dimensions.push_back({name, weight, std::round(score * 10) / 10, lost, l.examples});
    out.score += weight * score;
  };
  const auto cells = accepted_ * static_cast<std::int64_t>(mapped_.size());
  const double age = accepted_ == 0 ? days_stale : static_cast<double>((today_ - newest_).count());
  const double fresh = 100 * std::clamp((days_stale - age) / (days_stale - days_fresh), 0.0, 1.0);
  add("completeness", .25, share_kept(completeness_.cells, cells), completeness_.cells, completeness_);
  add("consistency", .20, share_kept(consistency_.cells, with_amount_), consistency_.cells, consistency_);
  add("validity", .20, share_kept(validity_.cells, rows_), validity_.cells, validity_);
  add("timeliness", .15, std::min(fresh, share_kept(timeliness_.cells, accepted_)), timeliness_.cells, timeliness_);
  add("uniqueness", .10, share_kept(duplicates, rows_), duplicates, uniqueness_);
  add("accuracy", .10, share_kept(accuracy_.cells, with_history_), accuracy_.cells, accuracy_);
  if (timeliness_.examples.empty() && fresh < 100 && accepted_ > 0)
    out.dimensions[3].examples.push_back("the newest row is of " + pricing::to_string(newest_));
  out.score = std::round(out.score * 10) / 10;
  out.grade = out.score >= 90 ? "A" : out.score >= 80 ? "B" : out.score >= 70 ? "C" : out.score >= 60 ? "D" : "F";
  return out;
}

} // namespace pricing::ingest
