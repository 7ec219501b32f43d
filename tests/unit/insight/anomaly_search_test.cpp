// Strange prices among ordinary ones, on histories made here.
#include "insight/anomaly_search.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

using namespace pricing;
using namespace pricing::insight;

namespace {

constexpr int items = 30;

// Sixty lettings of ten lines with four bids each; the last one is the load that is looked at.
struct market {
  learn::price_history history;
  std::vector<examined_price> load;
};

struct change {
  int bid = -1; // of the last letting, 0 to 39
  double price_factor = 1;
  double quantity_factor = 1; // of its line
};

market make_market(std::vector<change> changes = {}) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> noise(0, 0.1);
  learn::history_builder b;
  for (int i = 0; i < items; ++i)
    b.add(learn::item_row{{i + 1}, "item " + std::to_string(i), "ft", "all"});
  struct bid {
    std::int64_t item;
    double price, quantity;
    int supplier;
  };
  std::vector<bid> last;
  const auto start = std::chrono::sys_days(std::chrono::year(2022) / 1 / 5);
  for (int letting = 0; letting < 60; ++letting) {
    b.add(learn::event_row{{letting + 1}, "north"});
    for (int line = 0; line < 10; ++line) {
      const int item = (letting * 10 + line) % items;
      double quantity = std::round(std::exp(4 + 0.3 * noise(random) * 10));
      if (letting == 59)
        for (const auto& c : changes)
          quantity *= c.bid / 4 == line && c.bid >= 0 ? c.quantity_factor : 1;
      for (int supplier = 1; supplier <= 4; ++supplier) {
        double price = (10 + item) * std::exp(noise(random)) * (1 + 0.03 * supplier);
        if (letting == 59) {
          for (const auto& c : changes)
            price *= c.bid == line * 4 + supplier - 1 ? c.price_factor : 1;
          last.push_back({item + 1, price, quantity, supplier});
        }
        b.add({.item = {item + 1},
               .supplier = {supplier},
               .event = {letting + 1},
               .observed_on = start + std::chrono::days(14 * letting),
               .line = line + 1,
               .rank = supplier,
               .price = price,
               .quantity = quantity});
      }
    }
  }
  market out{b.build(), {}};
  for (const auto& p : last) {
    const auto lines = out.history.lines_of(out.history.index_of({p.item}));
    const auto line = static_cast<std::uint32_t>(&lines.back() - out.history.lines().data());
    const auto supplier = std::ranges::find(out.history.suppliers(), supplier_id{p.supplier});
    out.load.push_back(
        {line, static_cast<std::uint32_t>(supplier - out.history.suppliers().begin()), p.price, p.quantity});
  }
  return out;
}

search_report search(const market& m, std::span<const examined_price> load) {
  const learn::market_view view(m.history);
  return find_strange_prices(price_context(view), load);
}

TEST(anomaly_search, finds_a_misplaced_decimal_point_and_says_what_it_costs) {
  const auto m = make_market({{.bid = 7, .price_factor = 10}});
  const auto report = search(m, m.load);
  EXPECT_EQ(report.examined, 40U);
  ASSERT_FALSE(report.found.empty());
  const auto& found = report.found.front();
  EXPECT_EQ(found.row, 7U);
  EXPECT_NEAR(m.load[7].price / found.expected, 10, 4);
  EXPECT_NEAR(found.excess, (m.load[7].price - found.expected) * m.load[7].quantity, 1e-6);
  EXPECT_LE(found.q, 0.1);
  ASSERT_FALSE(found.reasons.empty());
  const auto ratio = std::ranges::find(found.reasons, "price_ratio", &anomaly_reason::feature);
  ASSERT_NE(ratio, found.reasons.end());
  EXPECT_NE(ratio->text.find("times the expected price"), std::string::npos) << ratio->text;
}

TEST(anomaly_search, finds_little_among_ordinary_prices) {
  const auto m = make_market();
  EXPECT_LE(search(m, m.load).found.size(), 1U); // one in ten of those found may be ordinary
}

TEST(anomaly_search, holds_a_first_load_against_itself) {
  const auto m = make_market();
  std::vector<examined_price> all;
  for (std::uint32_t l = 0; l < m.history.lines().size(); ++l) {
    const auto& line = m.history.lines()[l];
    for (std::uint32_t i = line.first; i < line.first + line.count; ++i)
      all.push_back({l, m.history.supplier()[i], std::exp(static_cast<double>(m.history.log_price()[i])),
                     std::exp(static_cast<double>(line.log_quantity))});
  }
  std::set<std::size_t> spoilt; // one in sixty: by ranks alone, a few among thousands cannot be told from chance
  for (std::size_t i = 200; i < all.size(); i += 60)
    if (spoilt.insert(i).second)
      all[i].price *= 20;
  const auto report = search(m, all);
  EXPECT_GT(report.left_out, 0U); // an item's first line has nothing before it
  ASSERT_GE(report.found.size(), spoilt.size() / 2);
  const auto right = std::ranges::count_if(report.found, [&](const auto& f) { return spoilt.contains(f.row); });
  EXPECT_GE(right, static_cast<std::ptrdiff_t>(0.8 * static_cast<double>(report.found.size())));
}

TEST(anomaly_search, says_why_nothing_was_looked_at) {
  learn::history_builder b;
  b.add(learn::item_row{{1}, "pipe", "ft", ""});
  b.add({.item = {1}, .supplier = {1}, .observed_on = std::chrono::sys_days(), .price = 5, .quantity = 1});
  const market m{b.build(), {{0, 0, 5, 1}}};
  const auto report = search(m, m.load);
  EXPECT_EQ(report.examined, 0U);
  EXPECT_EQ(report.left_out, 1U);
  EXPECT_TRUE(report.why_not);
}

TEST(anomaly_search, puts_features_into_words) {
  EXPECT_EQ(in_words(price_feature::price_ratio, std::log(3.1), 0), "3.1 times the expected price");
  EXPECT_EQ(in_words(price_feature::price_ratio, std::log(0.38), 0), "62 % below the expected price");
  EXPECT_EQ(in_words(price_feature::quantity, std::log(1.0 / 12), 0), "quantity is 1/12 of the usual");
  EXPECT_EQ(in_words(price_feature::bidders, 0, std::log(5)), "1 bidder, usually 5");
}

} // namespace
