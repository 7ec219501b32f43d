#pragma once
// A generated sample for users without data of their own: bid tabulations of a road and bridge builder, as CSV.
//
// Called by pricing-ctl demo-data; the files then travel the same way as a user's own (src/ingest). Nothing in them is
// real. Pure: the same options give the same bytes.
//
// Price of a bid, in logs: the item's level + its cost group's price path + season + region + slope · quantity
// against usual + the project's own level + the supplier's level, overall and per cost group + noise; 0.4 % of the
// lines are outliers. The owner's estimate ("Eng Est", rank 0) knows the level of half a year before and no supplier.
#include "core/clock.hpp"

#include <cstdint>
#include <iosfwd>

namespace pricing::operations {

struct demo_options {
  std::uint64_t seed = 20'260'101;
  date until = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}; // no letting on or after this day
  int years = 5;
};

struct demo_counts {
  int rows = 0;     // below the header
  int bad_rows = 0; // rows with a value that no mapping can read: they belong in quarantine
  int proposals = 0;
  int items = 0;
  int suppliers = 0;
};

// Header: letting_date,call,proposal_id,line_num,section,item_description,unit,quantity,vendor_name,bid_price,
// ext_amount,vendor_rank. Dates ISO, decimal point, prices in US dollars per unit.
demo_counts write_demo_history(const demo_options& options, std::ostream& out);

// One proposal of 40 lines and three bidders, let on `until`, in the same columns: the first bidder is fair, the second
// overprices five lines by half and more, the third shifts money from late sections to early ones (unbalanced).
demo_counts write_demo_proposal(const demo_options& options, std::ostream& out);

} // namespace pricing::operations
