#include "operations/demo_catalog.hpp"
#include "operations/demo_data.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

using namespace pricing;
using namespace pricing::operations;

namespace {

// The quoting that demo_data writes: fields with commas in double quotes.
std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields(1);
  bool inside = false;
  for (const char c : line) {
    if (c == '"')
      inside = !inside;
    else if (c == ',' && !inside)
      fields.emplace_back();
    else
      fields.back() += c;
  }
  return fields;
}

const std::string& history() {
  static const std::string text = [] {
    std::ostringstream out;
    write_demo_history({}, out);
    return out.str();
  }();
  return text;
}

std::vector<std::vector<std::string>> rows_of(const std::string& text) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    rows.push_back(fields_of(line));
  rows.erase(rows.begin());
  return rows;
}

TEST(demo_data, gives_the_same_bytes_for_the_same_seed_and_others_for_another) {
  std::ostringstream again, other;
  write_demo_history({}, again);
  EXPECT_EQ(again.str(), history());
  write_demo_history({.seed = 2}, other);
  EXPECT_NE(other.str(), history());
}

TEST(demo_data, is_large_enough_to_learn_from_and_small_enough_to_load_while_one_waits) {
  std::ostringstream out;
  const auto counts = write_demo_history({}, out);
  EXPECT_GE(counts.rows, 60'000);
  EXPECT_LE(counts.rows, 100'000);
  EXPECT_GE(counts.items, 200);
  EXPECT_EQ(counts.suppliers, 40);
  EXPECT_GT(counts.bad_rows, counts.rows / 3'000);
  EXPECT_LT(counts.bad_rows, counts.rows / 500);
  EXPECT_EQ(static_cast<std::size_t>(counts.rows), rows_of(out.str()).size());
}

TEST(demo_data, every_row_has_the_columns_of_the_header) {
  for (const auto& row : rows_of(history()))
    ASSERT_EQ(row.size(), 12u) << row.front();
}

TEST(demo_data, names_are_unique_and_priced) {
  std::set<std::string> names;
  for (const auto& item : demo_catalog()) {
    EXPECT_TRUE(names.insert(item.name).second) << item.name << " appears twice";
    EXPECT_EQ(item.name.find('{'), std::string::npos) << item.name;
    EXPECT_GT(item.price, 0);
  }
  const auto suppliers = demo_supplier_names();
  EXPECT_EQ(std::set<std::string>(suppliers.begin(), suppliers.end()).size(), suppliers.size());
}

TEST(demo_data, five_years_end_before_the_last_day) {
  std::string first = "9", last;
  for (const auto& row : rows_of(history())) {
    if (row[0] == "2023-02-30") // one of the spoiled rows
      continue;
    first = std::min(first, row[0]);
    last = std::max(last, row[0]);
  }
  EXPECT_LT(first, "2021-01-31");
  EXPECT_GE(first, "2020-12-01");
  EXPECT_LT(last, "2026-01-01");
  EXPECT_GT(last, "2025-12-01");
}

TEST(demo_data, larger_quantities_are_cheaper) {
  // Log price against log quantity of one frequent item: the least-squares slope is near the catalog's −0.20.
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (const auto& row : rows_of(history()))
    if (row[5] == "Pavement, Removal" && row[11] != "0" && std::isdigit(row[7][0]) && std::isdigit(row[9][0])) {
      const double q = std::log(std::stod(row[7])), p = std::log(std::stod(row[9]));
      n += 1, x += q, y += p, xx += q * q, xy += q * p;
    }
  ASSERT_GT(n, 200);
  const double slope = (n * xy - x * y) / (n * xx - x * x);
  EXPECT_LT(slope, -0.12);
  EXPECT_GT(slope, -0.28);
}

TEST(demo_data, prices_rise_over_the_years) {
  std::map<std::string, std::vector<double>> by_year;
  for (const auto& row : rows_of(history()))
    if (row[5] == "HMA, Leveling Course" && row[11] != "0" && std::isdigit(row[9][0]))
      by_year[row[0].substr(0, 4)].push_back(std::stod(row[9]));
  const auto median = [](std::vector<double> v) {
    std::nth_element(v.begin(), v.begin() + static_cast<long>(v.size() / 2), v.end());
    return v[v.size() / 2];
  };
  EXPECT_GT(median(by_year["2025"]), 1.05 * median(by_year["2021"]));
}

TEST(demo_data, the_proposal_has_forty_lines_an_overpriced_and_an_unbalanced_bidder) {
  std::ostringstream out;
  const auto counts = write_demo_proposal({}, out);
  EXPECT_EQ(counts.rows, 40 * 4);
  EXPECT_EQ(counts.bad_rows, 0);
  std::map<std::string, std::map<std::string, double>> by_line; // line number → rank → price
  for (const auto& row : rows_of(out.str()))
    by_line[row[3]][row[11]] = std::stod(row[9]);
  ASSERT_EQ(by_line.size(), 40u);
  int dear = 0, line = 0;
  double early = 0, late = 0;
  for (const auto& [number, prices] : by_line) {
    dear += prices.at("2") > 1.4 * prices.at("1");
    (line < 12   ? early
     : line > 25 ? late
                 : early) += line < 12 || line > 25 ? std::log(prices.at("3") / prices.at("1")) : 0;
    ++line;
  }
  EXPECT_GE(dear, 4);
  EXPECT_GT(early / 12, 0.2);
  EXPECT_LT(late / 14, -0.2);
}

} // namespace
