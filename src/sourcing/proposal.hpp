#pragma once
// A proposal to judge (lines with the prices of one or more bidders) and the verdict on it, as the API shows them.
// Verdict formula: domain.md 4 (conformal interval), unbalanced bids: 12. Money is decimal, statistics are numbers.
#include "core/clock.hpp"
#include "core/decimal.hpp"
#include "wire/json.hpp"

#include <boost/describe.hpp>

#include <optional>
#include <string>
#include <vector>

namespace pricing::sourcing {

inline constexpr std::size_t lines_max = 2'000;
inline constexpr std::size_t bidders_max = 50;

struct quoted_price {
  wire::text<1, 200> supplier;
  decimal price;
};
BOOST_DESCRIBE_STRUCT(quoted_price, (), (supplier, price))

struct proposal_line {
  std::optional<std::int64_t> item_id; // known item, or
  std::optional<wire::text<1, 500>> description;
  wire::text<0, 50> unit;
  decimal quantity;
  std::optional<wire::text<0, 50>> line;
  std::optional<wire::text<0, 100>> section;
  wire::list<quoted_price, bidders_max> prices;
};
BOOST_DESCRIBE_STRUCT(proposal_line, (), (item_id, description, unit, quantity, line, section, prices))

struct proposal {
  std::optional<wire::text<0, 200>> name;
  std::optional<date> on;                   // the day the prices are for; today when absent
  std::optional<wire::text<3, 3>> currency; // of the prices; must be the organization's
  std::optional<wire::text<0, 100>> place;  // where the work is, as in the events' place
  wire::list<proposal_line, lines_max> lines;
};
BOOST_DESCRIBE_STRUCT(proposal, (), (name, on, currency, place, lines))

// One part of the way from the category's level to the expected price. money is per unit of the item; the parts add
// up to the expected price.
struct reason {
  std::string name;
  std::string label;
  decimal money;
  double share = 0; // exp(contribution) − 1: 0.12 raises the price by 12 %
};
BOOST_DESCRIBE_STRUCT(reason, (), (name, label, money, share))

// verdict: fair, high, very_high, low, suspiciously_low, too_little_data.
struct judged_quote {
  std::string supplier;
  decimal price;
  std::string verdict;
  std::optional<double> ratio;            // price / expected
  std::optional<decimal> excess;          // (price − expected) · quantity
  std::optional<double> tail_probability; // share of comparable prices at least this far up
};
BOOST_DESCRIBE_STRUCT(judged_quote, (), (supplier, price, verdict, ratio, excess, tail_probability))

struct judged_line {
  std::string line;
  std::optional<std::string> section;
  std::string description;
  std::string unit;
  decimal quantity;
  std::optional<std::int64_t> item_id;
  std::optional<std::string> item_name;
  double match_score = 0; // 1 when the item is the same, less when it is only similar
  std::optional<decimal> expected;
  std::optional<decimal> low90;
  std::optional<decimal> low50;
  std::optional<decimal> high50;
  std::optional<decimal> high90;
  std::string source; // model, benchmark or none
  double effective_n = 0;
  std::int64_t bids = 0;
  std::string note;
  std::vector<reason> reasons;
  std::vector<judged_quote> quotes;
};
BOOST_DESCRIBE_STRUCT(judged_line, (),
                      (line, section, description, unit, quantity, item_id, item_name, match_score, expected, low90,
                       low50, high50, high90, source, effective_n, bids, note, reasons, quotes))

struct unbalanced_flag {
  std::string line;
  std::string description;
  std::string reason;
  decimal money;
};
BOOST_DESCRIBE_STRUCT(unbalanced_flag, (), (line, description, reason, money))

struct unbalanced_check {
  double score = 0;
  bool rank_reversal = false;
  std::string note;
  std::vector<unbalanced_flag> flags;
};
BOOST_DESCRIBE_STRUCT(unbalanced_check, (), (score, rank_reversal, note, flags))

struct judged_bidder {
  std::string supplier;
  std::optional<std::int64_t> supplier_id;
  int rank = 0; // by total; whoever left lines out stands behind those who did not
  std::int64_t lines_priced = 0;
  decimal total;            // every line of the proposal that the bidder priced
  decimal comparable_total; // of these, the lines with an expected price
  decimal expected_total;   // what those comparable lines should cost
  decimal low90_total;
  decimal high90_total;
  decimal excess; // Σ max(0, price − expected) · quantity over lines judged high or very high
  unbalanced_check unbalanced;
};
BOOST_DESCRIBE_STRUCT(judged_bidder, (),
                      (supplier, supplier_id, rank, lines_priced, total, comparable_total, expected_total, low90_total,
                       high90_total, excess, unbalanced))

struct verdict {
  std::int64_t id = 0;
  std::string name;
  date on{};
  std::string currency;
  std::optional<std::string> model_version;
  bool model_available = false;
  std::optional<std::string> notice; // why something is missing, and what to do
  std::vector<judged_bidder> bidders;
  std::vector<judged_line> lines;
};
BOOST_DESCRIBE_STRUCT(verdict, (), (id, name, on, currency, model_version, model_available, notice, bidders, lines))

// Of a list. total_excess and worst are those of the best-ranked bidder: with whom one would talk first.
struct verdict_summary {
  std::int64_t id = 0;
  std::string name;
  date on{};
  std::int64_t lines = 0;
  decimal total_excess;
  std::string worst; // name of a verdict
  timestamp created_at{};
};
BOOST_DESCRIBE_STRUCT(verdict_summary, (), (id, name, on, lines, total_excess, worst, created_at))

// What a proposal must fulfil before it is judged: something in every line to recognize it by, quantities above zero,
// one price per bidder and line, amounts below a hundred billion. Fails with the field of every breach (the first 20).
result<void> check(const proposal& p);

} // namespace pricing::sourcing
