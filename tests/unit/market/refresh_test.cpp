#include "market/refresh.hpp"

#include "market/derive.hpp"
#include "support/postgres_server.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace pricing;
using namespace pricing::market;
using learn::price_kind;

namespace {

date day(const char* iso) {
  return *parse_date(iso);
}

// An event's line: item, event, day, quantity and the price of each supplier 1, 2, …
void add_line(learn::history_builder& b, std::int64_t item, std::int64_t event, date on, double quantity,
              std::initializer_list<double> prices, bool ranked = true) {
  std::int64_t supplier = 0;
  for (const double price : prices) {
    ++supplier;
    b.add({.item = {item},
           .supplier = {supplier},
           .event = {event},
           .observed_on = on,
           .line = static_cast<int>(item),
           .rank = ranked ? static_cast<int>(supplier) : 0,
           .price = price,
           .quantity = quantity});
  }
}

TEST(market_derive, benchmark_is_the_median_of_equal_bids_by_hand) {
  learn::history_builder b;
  b.add(learn::item_row{{7}, "pipe", "ft", "pipes"});
  b.add(learn::event_row{{1}, "north"});
  add_line(b, 7, 1, day("2026-06-01"), 10, {8, 9, 10, 11, 30});
  const auto h = b.build();
  const auto items = derive_items(h, {}, day("2026-07-01"));
  ASSERT_EQ(items.benchmarks.size(), 1U);
  const auto& row = items.benchmarks[0];
  EXPECT_EQ(row.item_id, 7);
  EXPECT_NEAR(std::exp(row.q50), 10, 1e-4); // five bids of one day and quantity weigh the same
  EXPECT_NEAR(std::exp(row.q25), 9, 1e-4);
  EXPECT_NEAR(std::exp(row.q75), 11, 1e-4);
  EXPECT_NEAR(row.reference_quantity, 10, 1e-4);
  EXPECT_NEAR(row.effective_n, 5, 1e-6);
  EXPECT_EQ(row.newest_on, day("2026-06-01"));
  EXPECT_EQ(row.bids, 5);
}

TEST(market_derive, leaves_out_items_with_too_few_prices_and_estimates) {
  learn::history_builder b;
  b.add(learn::item_row{{7}, "pipe", "ft", ""});
  b.add(learn::event_row{{1}, ""});
  add_line(b, 7, 1, day("2026-06-01"), 10, {8, 9});
  b.add({.item = {7},
         .event = {1},
         .observed_on = day("2026-06-01"),
         .line = 7,
         .kind = price_kind::estimate,
         .price = 8,
         .quantity = 10});
  EXPECT_TRUE(derive_items(b.build(), {}, day("2026-07-01")).benchmarks.empty());
}

TEST(market_derive, moves_a_benchmark_with_the_quantity) {
  item_benchmark_row row;
  row.reference_quantity = 10, row.slope = -0.5, row.q05 = std::log(5), row.q50 = std::log(8), row.q95 = std::log(16);
  EXPECT_NEAR(at_quantity(row, 10).expected, 8, 1e-9);
  EXPECT_NEAR(at_quantity(row, 40).expected, 4, 1e-9); // 8 · (40 / 10)^−0.5
  EXPECT_NEAR(at_quantity(row, 40).high90, 8, 1e-9);
}

TEST(market_derive, learns_that_large_quantities_are_cheaper) {
  learn::history_builder b;
  b.add(learn::item_row{{7}, "pipe", "ft", "pipes"});
  std::mt19937 random(3);
  for (int e = 1; e <= 200; ++e) {
    b.add(learn::event_row{{e}, ""});
    const double quantity = std::exp(std::uniform_real_distribution(0.0, 6.0)(random));
    const double price = 100 * std::pow(quantity, -0.3);
    add_line(b, 7, e, day("2024-01-01") + std::chrono::days(e * 4), quantity, {price, price * 1.05, price * 1.1});
  }
  const auto rows = derive_items(b.build(), {}, day("2026-07-01")).benchmarks;
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_NEAR(rows[0].slope, -0.3, 0.02);
  EXPECT_NEAR(at_quantity(rows[0], 100).expected, 105 * std::pow(100, -0.3), 1);
}

// Twenty items, three bids a month each, prices growing by one percent a month.
learn::price_history growing_market() {
  learn::history_builder b;
  std::mt19937 random(4);
  std::normal_distribution<double> noise(0, 0.02);
  for (int item = 1; item <= 20; ++item)
    b.add(learn::item_row{{item}, "item", "ft", "c"});
  for (int month = 0; month < 24; ++month) {
    b.add(learn::event_row{{month + 1}, ""});
    const date on = std::chrono::year(2024 + month / 12) / std::chrono::month(month % 12 + 1) / 15;
    for (int item = 1; item <= 20; ++item) {
      const double fair = 10 * item * std::pow(1.01, month) * std::exp(noise(random));
      add_line(b, item, month + 1, on, 5, {fair * 0.9, fair, fair * 1.2});
    }
  }
  return b.build();
}

TEST(market_derive, index_follows_prices_and_benchmarks_follow_the_index) {
  const auto h = growing_market();
  const auto index = derive_index(h);
  ASSERT_EQ(index.months.size(), 24U);
  EXPECT_EQ(index.months[0].month, day("2024-01-01"));
  EXPECT_DOUBLE_EQ(index.months[0].value, 100);
  const auto& last = index.months.back();
  EXPECT_NEAR(last.value, 100 * std::pow(1.01, 23), 2);
  EXPECT_NEAR(last.own_value, 100 * std::pow(1.01, 23), 4);
  EXPECT_LE(last.lower, last.value);
  EXPECT_GE(last.upper, last.value);
  EXPECT_EQ(last.matched_items, 20);
  const auto items = derive_items(h, index, day("2026-01-01"));
  ASSERT_EQ(items.benchmarks.size(), 20U);
  // Earlier prices are brought to today's level: the median is today's fair price.
  EXPECT_NEAR(std::exp(items.benchmarks[4].q50), 50 * std::pow(1.01, 23), 2);
  ASSERT_EQ(items.sparklines.size(), 20U);
  ASSERT_EQ(items.sparklines[0].medians.size(), 8U); // quarters
  EXPECT_LT(items.sparklines[0].medians.front(), items.sparklines[0].medians.back());
}

// Every third month an item is half as dear and much is bought; in the month after it, next to nothing.
TEST(market_derive, own_index_does_not_drift_when_prices_only_bounce) {
  constexpr double price[] = {1, 0.5, 1}, quantity[] = {10, 50, 1};
  learn::history_builder b;
  for (int item = 1; item <= 30; ++item)
    b.add(learn::item_row{{item}, "item", "ft", "c"});
  for (int month = 0; month < 49; ++month) {
    b.add(learn::event_row{{month + 1}, ""});
    const date on = std::chrono::year(2017 + month / 12) / std::chrono::month(month % 12 + 1) / 15;
    for (int item = 1; item <= 30; ++item) {
      const int phase = (month + item) % 3;
      add_line(b, item, month + 1, on, quantity[phase], {10 * item * price[phase]});
    }
  }
  const auto months = derive_index(b.build(), 0).months;
  ASSERT_EQ(months.size(), 49U);
  EXPECT_NEAR(months[48].own_value, 100, 3); // the same prices as in the first month; a plain chain loses most of it
}

// In one month one item of thirty is bid at a thousand times its price, with most of the money behind it.
TEST(market_derive, own_index_is_not_carried_by_a_slip_of_the_decimal_point) {
  learn::history_builder b;
  for (int item = 1; item <= 30; ++item)
    b.add(learn::item_row{{item}, "item", "ft", "c"});
  for (int month = 0; month < 12; ++month) {
    b.add(learn::event_row{{month + 1}, ""});
    const date on = std::chrono::year(2020) / std::chrono::month(month + 1) / 15;
    for (int item = 1; item <= 30; ++item)
      add_line(b, item, month + 1, on, 10, {item == 3 && month == 6 ? 30'000.0 : 10.0 * item});
  }
  for (const auto& month : derive_index(b.build(), 0).months)
    EXPECT_NEAR(month.own_value, 100, 0.1);
}

TEST(market_derive, no_index_from_a_handful_of_items) {
  learn::history_builder b;
  b.add(learn::item_row{{7}, "pipe", "ft", ""});
  b.add(learn::event_row{{1}, ""});
  add_line(b, 7, 1, day("2026-06-01"), 10, {8, 9, 10});
  const auto index = derive_index(b.build());
  EXPECT_TRUE(index.months.empty());
  EXPECT_EQ(index.log_on(20'000), 0);
}

TEST(market_derive, places_suppliers_around_the_median_of_their_lines) {
  const auto h = growing_market(); // suppliers 1, 2, 3 bid 10 % below, at and 20 % above
  const auto found = derive_suppliers(h, {}, {});
  ASSERT_EQ(found.suppliers.size(), 3U);
  const auto of = [&](std::int64_t id) {
    return *std::find_if(found.suppliers.begin(), found.suppliers.end(),
                         [&](const auto& s) { return s.supplier.value == id; });
  };
  EXPECT_NEAR(of(1).position.value(), std::log(0.9), 1e-5);
  EXPECT_NEAR(of(2).position.value(), 0, 1e-5);
  EXPECT_NEAR(of(3).position.value(), std::log(1.2), 1e-5);
  EXPECT_NEAR(of(3).spread.value(), 0, 1e-3);
  EXPECT_EQ(of(1).wins, 24);
  EXPECT_EQ(of(1).events, 24);
  EXPECT_EQ(of(2).wins, 0);
  EXPECT_EQ(of(2).bids, 24 * 20);
  EXPECT_EQ(of(2).last_on, day("2025-12-15"));
  EXPECT_EQ(found.items.size(), 60U);
}

TEST(market_derive, wins_are_lowest_totals_where_nothing_is_ranked) {
  learn::history_builder b;
  b.add(learn::item_row{{1}, "a", "ft", ""});
  b.add(learn::item_row{{2}, "b", "ft", ""});
  b.add(learn::event_row{{1}, ""});
  add_line(b, 1, 1, day("2026-06-01"), 1, {10, 20, 1}, false); // the third bids on one line only
  add_line(b, 2, 1, day("2026-06-01"), 1, {30, 15}, false);
  const auto found = derive_suppliers(b.build(), {}, {});
  std::int64_t wins[4] = {};
  for (const auto& s : found.suppliers)
    wins[s.supplier.value] = s.wins;
  EXPECT_EQ(wins[1], 0);
  EXPECT_EQ(wins[2], 1);
  EXPECT_EQ(wins[3], 0);
}

class market_refresh : public testing::Test {
 protected:
  // Twelve items and two years of monthly events with three bidders at 0.9, 1 and 1.2 times the price.
  void fill() {
    session.begin(organization);
    session.execute("insert into suppliers (organization_id, name, normalized_name) select $1, 'S' || n, 's' || n from "
                    "generate_series(1, 3) n",
                    organization);
    session.execute("insert into items (organization_id, name, normalized_name, unit) select $1, 'I' || n, 'i' || n, "
                    "'ft' from generate_series(1, 12) n",
                    organization);
    session.execute("insert into events (organization_id, reference, occurred_on) select $1, 'E' || n, date "
                    "'2024-01-10' + make_interval(months => n) from generate_series(0, 23) n",
                    organization);
    session.execute(
        "insert into price_observations (organization_id, item_id, supplier_id, event_id, observed_on, line, kind, "
        "rank, price, quantity, currency, upload_id, source_row, row_key) "
        "select $1, i.id, s.id, e.id, e.occurred_on, 1, 1, substr(s.name, 2)::int, "
        "substr(i.name, 2)::int * 10 * (array[0.9, 1, 1.2])[substr(s.name, 2)::int], 4, 'USD', 1, 1, "
        "row_number() over () from items i, suppliers s, events e",
        organization);
    session.execute("insert into item_statistics (organization_id, item_id) select organization_id, id from items");
    session.commit();
  }
  template <class Row>
  Row one(const std::string& sql) {
    session.begin(organization);
    auto rows = session.query<Row>(sql);
    session.commit();
    return rows.at(0);
  }
  test::postgres_server& server = test::postgres_server::instance();
  const organization_id organization = server.new_organization();
  postgres::session session{server.app_url()};
};

TEST_F(market_refresh, writes_every_derived_table_and_replaces_it) {
  fill();
  std::vector<std::string> steps;
  const auto report = refresh_market(session, organization, day("2026-01-15"),
                                     [&](std::string_view s, double) { steps.emplace_back(s); });
  EXPECT_EQ(report.observations, 12 * 24 * 3);
  EXPECT_EQ(report.benchmarks, 12);
  EXPECT_EQ(report.months, 24);
  EXPECT_EQ(steps.back(), "done");
  const auto again = refresh_market(session, organization, day("2026-01-15"));
  EXPECT_EQ(again.supplier_items, 36);
  EXPECT_EQ(one<std::int64_t>("select count(*) from supplier_items"), 36);
  EXPECT_EQ(one<std::int64_t>("select count(*) from item_benchmarks"), 12);
  EXPECT_EQ(one<std::int64_t>("select count(*) from market_index where value between 99.9 and 100.1"), 24);
  EXPECT_NEAR(
      one<double>("select exp(q50) from item_benchmarks b join items i on i.id = b.item_id where i.name = 'I5'"), 50,
      1e-3);
  EXPECT_NEAR(one<double>("select exp(position) from supplier_statistics t join suppliers s on s.id = t.supplier_id "
                          "where s.name = 'S3'"),
              1.2, 1e-4);
  EXPECT_EQ(one<std::int64_t>("select wins from supplier_statistics t join suppliers s on s.id = t.supplier_id "
                              "where s.name = 'S1'"),
            24);
  EXPECT_EQ(one<std::string>("select low::text from supplier_items t join suppliers s on s.id = t.supplier_id "
                             "join items i on i.id = t.item_id where s.name = 'S1' and i.name = 'I7'"),
            "63.0000");
  EXPECT_EQ(one<std::string>("select sparkline::text from item_statistics t join items i on i.id = t.item_id where "
                             "i.name = 'I2'"),
            "{20,20,20,20,20,20,20,20}");
}

TEST_F(market_refresh, of_an_organization_without_prices_empties_its_tables_only) {
  fill();
  refresh_market(session, organization, day("2026-01-15"));
  const auto other = server.new_organization();
  EXPECT_EQ(refresh_market(session, other, day("2026-01-15")).benchmarks, 0);
  EXPECT_EQ(one<std::int64_t>("select count(*) from item_benchmarks"), 12);
}

} // namespace
