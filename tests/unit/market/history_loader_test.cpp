#include "market/history_loader.hpp"

#include "support/postgres_server.hpp"

#include <gtest/gtest.h>

#include <cmath>

using namespace pricing;
using namespace pricing::market;

namespace {

class history_loader : public testing::Test {
 protected:
  // Two bids and an estimate on one line, a purchase without quantity, a price in another currency.
  void fill(organization_id organization) {
    session.begin(organization);
    const auto category = session.query<std::int64_t>(
        "insert into categories (organization_id, name) values ($1, 'Pipe') returning id", organization);
    item = session
               .query<std::int64_t>("insert into items (organization_id, name, normalized_name, unit, category_id) "
                                    "values ($1, 'Pipe 12', 'pipe 12', 'ft', $2) returning id",
                                    organization, category.at(0))
               .at(0);
    event = session
                .query<std::int64_t>("insert into events (organization_id, reference, occurred_on, place) "
                                     "values ($1, 'L-1', '2026-03-01', 'North') returning id",
                                     organization)
                .at(0);
    add(organization, 11, 1, 1, 1, "10.5", "4", "USD", 1);
    add(organization, 12, 1, 2, 1, "12.25", "4", "USD", 2);
    add(organization, std::nullopt, 2, std::nullopt, 1, "11", "4", "USD", 3);
    add(organization, 11, 4, std::nullopt, std::nullopt, "9", std::nullopt, "USD", 4);
    add(organization, 11, 1, 1, 1, "8", "4", "EUR", 5);
    session.commit();
  }
  void add(organization_id organization, std::optional<std::int64_t> supplier, short kind, std::optional<short> rank,
           std::optional<int> line, const char* price, std::optional<std::string> quantity, const char* currency,
           std::int64_t key) {
    const auto in_event = line ? std::optional(event) : std::nullopt;
    session.execute("insert into price_observations (organization_id, item_id, supplier_id, event_id, observed_on, "
                    "line, kind, rank, price, quantity, currency, upload_id, source_row, row_key) values "
                    "($1, $2, $3, $4, '2026-03-01', $5, $6, $7, $8::text::numeric, $9::text::numeric, $10, 1, 1, $11)",
                    organization, item, supplier, in_event, line, kind, rank, price, quantity, currency, key);
  }
  test::postgres_server& server = test::postgres_server::instance();
  postgres::session session{server.app_url()};
  std::int64_t item = 0, event = 0;
};

TEST_F(history_loader, reads_what_was_stored_and_nothing_of_others) {
  const auto organization = server.new_organization(), other = server.new_organization();
  fill(other);
  fill(organization);
  const auto loaded = load_history(session, organization);
  const auto& h = loaded.prices;
  EXPECT_EQ(h.size(), 4U);
  EXPECT_EQ(h.left_out(), 0U);
  ASSERT_EQ(h.items().size(), 1U);
  EXPECT_EQ(h.items()[0].id.value, item);
  EXPECT_EQ(h.items()[0].normalized_name, "pipe 12");
  EXPECT_EQ(h.items()[0].category, "Pipe");
  ASSERT_EQ(h.events().size(), 1U);
  EXPECT_EQ(h.events()[0].place, "North");
  EXPECT_EQ(loaded.newest_on, *parse_date("2026-03-01"));
  ASSERT_EQ(h.lines().size(), 2U);
  const auto& bid_line = h.lines()[0].event == learn::no_index ? h.lines()[1] : h.lines()[0];
  EXPECT_EQ(bid_line.bids, 2);
  EXPECT_NEAR(std::exp(bid_line.low), 10.5, 1e-5);
  EXPECT_NEAR(std::exp(bid_line.estimate), 11, 1e-5);
  EXPECT_NEAR(std::exp(bid_line.log_quantity), 4, 1e-5);
  const auto& purchase = h.lines()[0].event == learn::no_index ? h.lines()[0] : h.lines()[1];
  EXPECT_NEAR(purchase.log_quantity, 0, 1e-6);
}

TEST_F(history_loader, names_equal_rows_alike_and_changed_rows_anew) {
  const auto organization = server.new_organization();
  const auto empty = load_history(session, organization);
  EXPECT_EQ(empty.prices.size(), 0U);
  EXPECT_EQ(empty.newest_on, date{});
  fill(organization);
  const auto first = load_history(session, organization).snapshot;
  EXPECT_NE(first, empty.snapshot);
  EXPECT_EQ(first, load_history(session, organization).snapshot);
  session.begin(organization);
  session.execute("update price_observations set supplier_id = 13 where row_key = 2");
  session.commit();
  EXPECT_NE(first, load_history(session, organization).snapshot);
}

} // namespace
