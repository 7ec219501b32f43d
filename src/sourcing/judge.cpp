#include "sourcing/judge.hpp"

#include "economics/unbalanced.hpp"
#include "economics/verdict.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <unordered_map>

namespace pricing::sourcing {
namespace {

constexpr std::size_t balance_lines_min = 5; // with fewer a bidder has no level of his own
// Errors of the lines of one proposal go together in part (place, season, a bidder's own costs); assumed, not measured.
constexpr double error_correlation = 0.3;

std::optional<decimal> money(double value) {
  const auto exact = decimal::from_double(value);
  return exact ? std::optional(*exact) : std::nullopt;
}

std::optional<decimal> times(decimal quantity, decimal price) {
  const auto amount = multiply(quantity, price);
  return amount ? std::optional(*amount) : std::nullopt;
}

std::string percent(double share) {
  return std::to_string(std::lround(share * 100)) + " %";
}

// Quotes -----------------------------------------------------------------------------------------------------------

// A price of zero or below has no logarithm, but lies below every comparable one.
std::optional<economics::tail_evidence> evidence_of(const models::predicted_line& prediction, const decimal& price,
                                                    std::size_t asked) {
  if (!prediction.expected)
    return std::nullopt;
  if (price.units() <= 0)
    return economics::tail_evidence{1, 1 / (prediction.effective_n + 1), prediction.effective_n};
  if (asked >= prediction.tails.size())
    return std::nullopt;
  const auto& tail = prediction.tails[asked];
  return economics::tail_evidence{tail.upper, tail.lower, tail.n};
}

judged_quote judge_quote(const proposal_line& line, const quoted_price& quoted,
                         const models::predicted_line& prediction, std::size_t asked) {
  judged_quote out{.supplier = quoted.supplier.value,
                   .price = quoted.price,
                   .verdict = {},
                   .ratio = {},
                   .excess = {},
                   .tail_probability = {}};
  const auto evidence = evidence_of(prediction, quoted.price, asked);
  const auto judged = economics::judge(evidence);
  out.verdict = economics::to_string(judged);
  if (judged != economics::quote_verdict::too_little_data)
    out.tail_probability = evidence->upper;
  if (prediction.expected && prediction.expected->units() > 0) {
    out.ratio = quoted.price.to_double() / prediction.expected->to_double();
    out.excess = times(line.quantity, quoted.price - *prediction.expected);
  }
  return out;
}

bool is_dear(const judged_quote& q) {
  return q.verdict == "high" || q.verdict == "very_high";
}

// Lines ------------------------------------------------------------------------------------------------------------

std::string note_of(const proposal_line& line, const std::optional<known_item>& item,
                    const models::predicted_line& prediction) {
  std::string out;
  const auto say = [&](const std::string& sentence) { out += (out.empty() ? "" : " ") + sentence; };
  if (!item)
    say("No item of this name and unit is in your history.");
  else if (item->match_score < 1)
    say("Judged as \"" + item->name + "\", the most alike item (" + percent(item->match_score) + " certain).");
  else if (line.unit.value.empty() && !item->unit.empty())
    say("No unit was given; judged per " + item->unit + ".");
  if (!prediction.expected)
    say(item && !item->is_priced
            ? "Lump sums and allowances differ from project to project; their prices do not compare."
            : "There are too few comparable prices to say what it should cost.");
  else if (prediction.source == "benchmark")
    say("Compared with the benchmark of " + std::to_string(prediction.bids) + " earlier prices" +
        (prediction.newest_on ? ", the newest of " + to_string(*prediction.newest_on) + "." : "."));
  return out;
}

judged_line judge_line(const proposal_line& line, std::size_t position, const std::optional<known_item>& item,
                       const models::predicted_line& prediction) {
  judged_line out;
  out.line = line.line && !line.line->value.empty() ? line.line->value : std::to_string(position + 1);
  if (line.section && !line.section->value.empty())
    out.section = line.section->value;
  out.description = line.description && !line.description->value.empty() ? line.description->value
                                                                         : (item ? item->name : std::string());
  out.unit = line.unit.value.empty() && item ? item->unit : line.unit.value;
  out.quantity = line.quantity;
  if (item) {
    out.item_id = item->id;
    out.item_name = item->name;
    out.match_score = item->match_score;
  }
  out.expected = prediction.expected;
  out.low90 = prediction.low90, out.low50 = prediction.low50;
  out.high50 = prediction.high50, out.high90 = prediction.high90;
  out.source = prediction.expected ? prediction.source : "none";
  out.effective_n = prediction.effective_n;
  out.bids = prediction.bids;
  out.note = note_of(line, item, prediction);
  for (const auto& r : prediction.reasons)
    out.reasons.push_back({r.name, r.label, r.money, r.share});
  std::size_t asked = 0;
  for (const auto& quoted : line.prices) {
    out.quotes.push_back(judge_quote(line, quoted, prediction, asked));
    asked += quoted.price.units() > 0;
  }
  return out;
}

// Bidders ----------------------------------------------------------------------------------------------------------

// One bidder's way through the lines, before the ranking.
struct bid {
  judged_bidder shown;
  std::vector<economics::bid_line> lines; // one per line of the proposal; price 0 where he named none
  double expected = 0;                    // of comparable lines
  double below = 0, below_squared = 0;    // Σ (expected − low90) · quantity, and of its square
  double above = 0, above_squared = 0;
  std::size_t judged = 0;
};

void add_expectation(bid& to, const models::predicted_line& prediction, double quantity) {
  const double expected = prediction.expected->to_double();
  to.expected += prediction.expected_total.value_or(*prediction.expected).to_double() * quantity;
  if (prediction.low90 && prediction.high90) {
    const double below = (expected - prediction.low90->to_double()) * quantity;
    const double above = (prediction.high90->to_double() - expected) * quantity;
    to.below += below, to.below_squared += below * below;
    to.above += above, to.above_squared += above * above;
  }
}

void add_quote(bid& to, std::size_t i, const proposal_line& line, const judged_quote& quote,
               const models::predicted_line& prediction) {
  const auto amount = times(line.quantity, quote.price).value_or(decimal{});
  to.shown.total = to.shown.total + amount;
  ++to.shown.lines_priced;
  to.lines[i].price = quote.price.to_double();
  if (!prediction.expected)
    return;
  ++to.judged;
  to.shown.comparable_total = to.shown.comparable_total + amount;
  add_expectation(to, prediction, line.quantity.to_double());
  if (is_dear(quote) && quote.excess && quote.excess->units() > 0)
    to.shown.excess = to.shown.excess + *quote.excess;
}

// Half-width of a sum whose parts' errors go together in part.
double spread_of(double sum, double sum_squared) {
  return std::sqrt(error_correlation * sum * sum + (1 - error_correlation) * sum_squared);
}

void finish_totals(bid& b) {
  b.shown.expected_total = money(b.expected).value_or(decimal{});
  b.shown.low90_total = money(std::max(0.0, b.expected - spread_of(b.below, b.below_squared))).value_or(decimal{});
  b.shown.high90_total = money(b.expected + spread_of(b.above, b.above_squared)).value_or(decimal{});
}

std::vector<economics::bid_line> empty_bid(const proposal& p, std::span<const models::predicted_line> predictions) {
  std::vector<economics::bid_line> out(p.lines.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].quantity = p.lines[i].quantity.to_double();
    out[i].expected = predictions[i].expected ? predictions[i].expected->to_double() : 0;
    if (predictions[i].log_scale > 0)
      out[i].log_scale = predictions[i].log_scale;
  }
  return out;
}

std::vector<bid> collect_bids(const proposal& p, std::span<const models::predicted_line> predictions,
                              const std::vector<judged_line>& lines) {
  std::vector<bid> out;
  std::unordered_map<std::string_view, std::size_t> position;
  const auto blank = empty_bid(p, predictions);
  for (std::size_t i = 0; i < lines.size(); ++i)
    for (const auto& quote : lines[i].quotes) {
      const auto [known, is_new] = position.emplace(quote.supplier, out.size());
      if (is_new) {
        out.emplace_back();
        out.back().shown.supplier = quote.supplier;
        out.back().lines = blank;
      }
      add_quote(out[known->second], i, p.lines[i], quote, predictions[i]);
    }
  for (auto& b : out)
    finish_totals(b);
  return out;
}

void rank(std::vector<bid>& bids) {
  std::stable_sort(bids.begin(), bids.end(), [](const bid& a, const bid& b) {
    if (a.shown.lines_priced != b.shown.lines_priced)
      return a.shown.lines_priced > b.shown.lines_priced;
    return a.shown.total < b.shown.total;
  });
  for (std::size_t i = 0; i < bids.size(); ++i)
    bids[i].shown.rank = static_cast<int>(i) + 1;
}

// Unbalanced bids --------------------------------------------------------------------------------------------------

std::string compared(double ratio) {
  char text[80];
  if (ratio >= 1)
    std::snprintf(text, sizeof text, "%.1f times as dear as this bidder's other lines", ratio);
  else
    std::snprintf(text, sizeof text, "%.0f %% below the level of this bidder's other lines", (1 - ratio) * 100);
  return text;
}

std::string balance_note(const bid& b, const economics::unbalanced_report& report, std::size_t lines,
                         const std::vector<judged_line>& judged) {
  std::string out;
  const auto missing = lines - static_cast<std::size_t>(b.shown.lines_priced);
  if (missing > 0)
    out = "Leaves " + std::to_string(missing) + " of " + std::to_string(lines) + " lines without a price. ";
  if (b.judged < balance_lines_min)
    return out + "Too few lines have an expected price to tell whether the bid is balanced.";
  if (report.rank_reversal) {
    out += "The lowest place turns if the quantity is 20 % off in line ";
    for (std::size_t i = 0; i < report.reversal_lines.size(); ++i)
      out += (i ? ", " : "") + judged[report.reversal_lines[i]].line;
    return out + ".";
  }
  return out + (report.flags.empty() ? "Balanced: no line stands far off this bidder's own level."
                                     : "Some lines stand far off this bidder's own level.");
}

void describe_balance(bid& b, const economics::unbalanced_report& report, const std::vector<judged_line>& lines) {
  auto& out = b.shown.unbalanced;
  out.note = balance_note(b, report, lines.size(), lines);
  if (b.judged < balance_lines_min)
    return;
  out.score = report.score;
  out.rank_reversal = report.rank_reversal;
  for (const auto& f : report.flags)
    out.flags.push_back(
        {lines[f.line].line, lines[f.line].description, compared(f.ratio), money(f.money).value_or(decimal{})});
}

// Only bids on every line can change places.
void check_balance(std::vector<bid>& bids, const std::vector<judged_line>& lines) {
  std::vector<std::vector<economics::bid_line>> whole;
  for (const auto& b : bids)
    if (static_cast<std::size_t>(b.shown.lines_priced) == lines.size())
      whole.push_back(b.lines);
  const auto together = economics::examine_all(whole);
  for (std::size_t i = 0; i < bids.size(); ++i) // ranked: the whole ones come first
    describe_balance(bids[i], i < together.size() ? together[i] : economics::examine(bids[i].lines), lines);
}

// Benchmarks -------------------------------------------------------------------------------------------------------

struct quantile_point {
  double z = 0; // of the normal distribution
  double log_price = 0;
};

// Where a log price lies, in normal deviates: linear between quantiles and beyond the outer ones.
double deviate_of(const std::array<quantile_point, 5>& points, double log_price) {
  std::size_t i = 1;
  while (i + 1 < points.size() && log_price > points[i].log_price)
    ++i;
  const auto &a = points[i - 1], &b = points[i];
  const double width = std::max(b.log_price - a.log_price, 1e-4);
  return a.z + (b.z - a.z) * (log_price - a.log_price) / width;
}

models::price_tail tail_of(const std::array<quantile_point, 5>& points, double log_price, double n) {
  const double z = deviate_of(points, log_price), least = 1 / (n + 1);
  return {std::max(least, 0.5 * std::erfc(z / std::sqrt(2.0))), std::max(least, 0.5 * std::erfc(-z / std::sqrt(2.0))),
          n};
}

} // namespace

std::vector<decimal> asked_prices(const proposal_line& line) {
  std::vector<decimal> out;
  for (const auto& quoted : line.prices)
    if (quoted.price.units() > 0)
      out.push_back(quoted.price);
  return out;
}

models::predicted_line predict_from(const market::item_benchmark_row& benchmark, const proposal_line& line) {
  const auto band = market::at_quantity(benchmark, line.quantity.to_double());
  models::predicted_line out;
  out.expected = money(band.expected);
  out.low90 = money(band.low90), out.low50 = money(band.low50);
  out.high50 = money(band.high50), out.high90 = money(band.high90);
  if (!out.expected || out.expected->units() <= 0 || !out.low90 || !out.low50 || !out.high50 || !out.high90)
    return {};
  out.source = "benchmark";
  out.effective_n = benchmark.effective_n;
  out.bids = benchmark.bids;
  out.newest_on = benchmark.newest_on;
  out.log_scale = (benchmark.q75 - benchmark.q25) / 1.349;
  const std::array<quantile_point, 5> points = {{{-1.6449, std::log(band.low90)},
                                                 {-0.6745, std::log(band.low50)},
                                                 {0, std::log(band.expected)},
                                                 {0.6745, std::log(band.high50)},
                                                 {1.6449, std::log(band.high90)}}};
  for (const auto& price : asked_prices(line))
    out.tails.push_back(tail_of(points, std::log(price.to_double()), benchmark.effective_n));
  return out;
}

verdict judge_proposal(const proposal& p, std::span<const std::optional<known_item>> items,
                       std::span<const models::predicted_line> predictions) {
  verdict out;
  out.lines.reserve(p.lines.size());
  for (std::size_t i = 0; i < p.lines.size(); ++i)
    out.lines.push_back(judge_line(p.lines[i], i, items[i], predictions[i]));
  auto bids = collect_bids(p, predictions, out.lines);
  rank(bids);
  check_balance(bids, out.lines);
  for (auto& b : bids)
    out.bidders.push_back(std::move(b.shown));
  return out;
}

std::string worst_of(const verdict& v) {
  static constexpr std::array<std::string_view, 6> order = {"too_little_data",  "fair",     "low", "high",
                                                            "suspiciously_low", "very_high"};
  std::size_t worst = 0;
  for (const auto& line : v.lines)
    for (const auto& quote : line.quotes)
      if (!v.bidders.empty() && quote.supplier == v.bidders.front().supplier)
        worst = std::max(
            worst, static_cast<std::size_t>(std::find(order.begin(), order.end(), quote.verdict) - order.begin()));
  return std::string(order[std::min(worst, order.size() - 1)]);
}

} // namespace pricing::sourcing
