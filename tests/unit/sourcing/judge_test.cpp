// The verdict on a proposal, without a database.
#include "sourcing/judge.hpp"

#include <gtest/gtest.h>

#include <cmath>

using namespace pricing;
using namespace pricing::sourcing;

namespace {

decimal dec(const char* text) {
  return decimal::parse(text).value();
}

// Ten lines of quantity 10; each bidder's price for line i.
proposal ten_lines(const std::vector<std::pair<std::string, std::vector<std::string>>>& bidders) {
  proposal p;
  for (std::size_t i = 0; i < 10; ++i) {
    proposal_line line;
    line.description = wire::text<1, 500>{"Item " + std::to_string(i + 1)};
    line.unit.value = "ft";
    line.quantity = dec("10");
    for (const auto& [name, prices] : bidders)
      if (!prices[i].empty())
        line.prices.push_back({{name}, dec(prices[i].c_str())});
    p.lines.push_back(std::move(line));
  }
  return p;
}

std::vector<std::string> all(const std::string& price) {
  return std::vector<std::string>(10, price);
}

// Expects 100, knows 200 comparable prices spread by 0.2.
models::predicted_line expectation(const proposal_line& line) {
  models::predicted_line out;
  out.source = "model";
  out.expected = dec("100");
  out.low90 = dec("72"), out.low50 = dec("87"), out.high50 = dec("114"), out.high90 = dec("139");
  out.effective_n = 200, out.bids = 200, out.log_scale = 0.2;
  out.reasons = {{"quantity", "Quantity", dec("-3"), -0.03}};
  for (const auto& price : asked_prices(line)) {
    const double z = std::log(price.to_double() / 100) / 0.2;
    out.tails.push_back({std::max(1 / 201., 0.5 * std::erfc(z / std::sqrt(2.))),
                         std::max(1 / 201., 0.5 * std::erfc(-z / std::sqrt(2.))), 200});
  }
  return out;
}

std::vector<models::predicted_line> expectations(const proposal& p) {
  std::vector<models::predicted_line> out;
  for (const auto& line : p.lines)
    out.push_back(expectation(line));
  return out;
}

std::vector<std::optional<known_item>> items(const proposal& p) {
  std::vector<std::optional<known_item>> out;
  for (std::size_t i = 0; i < p.lines.size(); ++i)
    out.push_back(known_item{static_cast<std::int64_t>(i) + 1, p.lines[i].description->value, "ft"});
  return out;
}

verdict judged(const proposal& p) {
  return judge_proposal(p, items(p), expectations(p));
}

const judged_bidder& bidder(const verdict& v, const std::string& name) {
  for (const auto& b : v.bidders)
    if (b.supplier == name)
      return b;
  throw std::runtime_error("no bidder " + name);
}

TEST(judge_proposal, judges_each_price_by_its_own_tail) {
  auto prices = all("100");
  prices[0] = "130", prices[1] = "170", prices[2] = "76", prices[3] = "55";
  const auto v = judged(ten_lines({{"A", prices}}));
  const char* expected[] = {"high", "very_high", "low", "suspiciously_low", "fair"};
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_EQ(v.lines[i].quotes.at(0).verdict, expected[i]) << i;
  EXPECT_DOUBLE_EQ(*v.lines[1].quotes[0].ratio, 1.7);
  EXPECT_EQ(*v.lines[1].quotes[0].excess, dec("700"));
  EXPECT_EQ(*v.lines[3].quotes[0].excess, dec("-450"));
  EXPECT_LT(*v.lines[1].quotes[0].tail_probability, 0.025);
  EXPECT_EQ(v.lines[0].reasons.at(0).money, dec("-3"));
  EXPECT_EQ(v.bidders.at(0).excess, dec("1000")) << "only of lines judged high";
  EXPECT_EQ(worst_of(v), "very_high");
}

TEST(judge_proposal, sums_exactly_and_ranks_by_total) {
  const auto v = judged(ten_lines({{"Dear", all("104.05")}, {"Cheap", all("99.99")}}));
  ASSERT_EQ(v.bidders.size(), 2U);
  EXPECT_EQ(v.bidders[0].supplier, "Cheap");
  EXPECT_EQ(v.bidders[0].rank, 1);
  EXPECT_EQ(v.bidders[0].total, dec("9999"));
  EXPECT_EQ(v.bidders[1].total, dec("10405"));
  EXPECT_EQ(v.bidders[1].expected_total, dec("10000"));
  EXPECT_LT(v.bidders[1].low90_total, dec("10000"));
  EXPECT_GT(v.bidders[1].low90_total, dec("7200")) << "errors of the lines cancel in part";
  EXPECT_GT(v.bidders[1].high90_total, dec("10000"));
  EXPECT_LT(v.bidders[1].high90_total, dec("13900"));
}

TEST(judge_proposal, an_incomplete_bid_stands_behind_the_complete_ones) {
  auto some = all("50");
  some[9] = "";
  const auto v = judged(ten_lines({{"Some", some}, {"All", all("100")}}));
  EXPECT_EQ(v.bidders[0].supplier, "All");
  EXPECT_EQ(bidder(v, "Some").rank, 2);
  EXPECT_EQ(bidder(v, "Some").lines_priced, 9);
  EXPECT_EQ(bidder(v, "Some").expected_total, dec("9000"));
  EXPECT_NE(bidder(v, "Some").unbalanced.note.find("1 of 10 lines"), std::string::npos);
}

TEST(judge_proposal, a_price_of_nothing_is_suspicious_and_keeps_the_others_evidence) {
  auto zero = all("100");
  zero[0] = "0";
  const auto v = judged(ten_lines({{"Zero", zero}, {"High", all("170")}}));
  EXPECT_EQ(v.lines[0].quotes[0].verdict, "suspiciously_low");
  EXPECT_EQ(v.lines[0].quotes[1].verdict, "very_high");
}

TEST(judge_proposal, says_so_where_there_is_nothing_to_compare) {
  const auto p = ten_lines({{"A", all("100")}});
  std::vector<std::optional<known_item>> known(10);
  known[1] = known_item{7, "Mobilization", "lsum", false};
  const std::vector<models::predicted_line> nothing(10);
  const auto v = judge_proposal(p, known, nothing);
  EXPECT_EQ(v.lines[0].quotes[0].verdict, "too_little_data");
  EXPECT_FALSE(v.lines[0].expected);
  EXPECT_FALSE(v.lines[0].quotes[0].ratio);
  EXPECT_NE(v.lines[0].note.find("No item of this name"), std::string::npos);
  EXPECT_NE(v.lines[1].note.find("Lump sums"), std::string::npos);
  EXPECT_EQ(v.bidders[0].total, dec("10000"));
  EXPECT_EQ(v.bidders[0].comparable_total, dec("0"));
  EXPECT_NE(v.bidders[0].unbalanced.note.find("Too few lines"), std::string::npos);
  EXPECT_EQ(worst_of(v), "too_little_data");
}

TEST(judge_proposal, finds_an_unbalanced_bid_and_the_turn_of_ranks) {
  auto front = all("95");
  front[0] = "400";
  const auto v = judged(ten_lines({{"Front", front}, {"Even", all("126")}}));
  const auto& found = bidder(v, "Front");
  ASSERT_EQ(found.rank, 1) << "1255 · 10 against 1260 · 10";
  ASSERT_EQ(found.unbalanced.flags.size(), 1U);
  EXPECT_EQ(found.unbalanced.flags[0].line, "1");
  EXPECT_NE(found.unbalanced.flags[0].reason.find("4.2 times"), std::string::npos) << found.unbalanced.flags[0].reason;
  EXPECT_EQ(found.unbalanced.flags[0].money, dec("3050"));
  EXPECT_TRUE(found.unbalanced.rank_reversal);
  EXPECT_NE(found.unbalanced.note.find("line 1"), std::string::npos);
  EXPECT_TRUE(bidder(v, "Even").unbalanced.flags.empty());
  EXPECT_NEAR(bidder(v, "Even").unbalanced.score, 0, 1e-9);
}

market::item_benchmark_row benchmark(double n) {
  const double middle = std::log(50.0);
  return {.item_id = 1,
          .as_of = *parse_date("2026-01-15"),
          .reference_quantity = 100,
          .slope = -0.5,
          .q05 = middle - 0.5,
          .q25 = middle - 0.2,
          .q50 = middle,
          .q75 = middle + 0.2,
          .q95 = middle + 0.5,
          .effective_n = n,
          .newest_on = *parse_date("2025-12-10"),
          .bids = 90};
}

TEST(predict_from, reads_tails_off_the_quantiles_at_the_lines_quantity) {
  proposal_line line;
  line.quantity = dec("400"); // half the price of the reference quantity
  for (const double log_ratio : {0.0, 0.5, 0.2, -0.5, 5.0})
    line.prices.push_back(
        {{"B" + std::to_string(line.prices.size())}, decimal::from_double(25 * std::exp(log_ratio)).value()});
  const auto p = predict_from(benchmark(60), line);
  EXPECT_EQ(p.source, "benchmark");
  EXPECT_EQ(*p.expected, dec("25"));
  ASSERT_EQ(p.tails.size(), 5U);
  EXPECT_NEAR(p.tails[0].upper, 0.5, 1e-3);
  EXPECT_NEAR(p.tails[1].upper, 0.05, 1e-3);
  EXPECT_NEAR(p.tails[2].upper, 0.25, 1e-3);
  EXPECT_NEAR(p.tails[3].lower, 0.05, 1e-3);
  EXPECT_DOUBLE_EQ(p.tails[4].upper, 1 / 61.0) << "no more certain than its prices";
  EXPECT_EQ(p.tails[4].n, 60);
}

TEST(predict_from, says_nothing_where_the_price_leaves_all_bounds) {
  proposal_line line;
  line.quantity = decimal::from_units(1);
  auto wild = benchmark(60);
  wild.slope = -60;
  EXPECT_EQ(predict_from(wild, line).source, "none");
}

TEST(check, names_every_breach) {
  auto p = ten_lines({{"A", all("100")}});
  p.lines[1].description.reset();
  p.lines[2].quantity = dec("0");
  p.lines[3].prices.push_back({{"A"}, dec("1")});
  p.lines[4].prices[0].price = dec("900000000000");
  p.lines[5].prices[0].supplier.value = " ";
  const auto answer = check(p);
  ASSERT_FALSE(answer);
  std::vector<std::string> paths;
  for (const auto& d : answer.error().details)
    paths.push_back(d.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"lines[1].description", "lines[2].quantity", "lines[3].prices[1].supplier",
                                             "lines[4].prices[0].price", "lines[5].prices[0].supplier"}));
  EXPECT_TRUE(check(ten_lines({{"A", all("1")}})));
  EXPECT_FALSE(check(proposal{}));
  EXPECT_FALSE(check(ten_lines({{"A", all("")}}))) << "no price at all";
}

} // namespace
