// Where prices lie: a hypertable where TimescaleDB is loaded, else partitions by year; row-level security in both.
#include "postgres/session.hpp"
#include "support/postgres_server.hpp"

#include <gtest/gtest.h>

namespace pricing {
namespace {

TEST(layout_test, prices_lie_in_a_hypertable_or_in_partitions) {
  auto& server = test::postgres_server::instance();
  postgres::session owner(server.owner_url());
  const bool loaded = owner.query<bool>("select current_setting('timescaledb.disable_load', true) is not null").at(0);
  RecordProperty("timescaledb", loaded ? "loaded" : "not loaded");
  const bool offered =
      owner.query<bool>("select exists (select from pg_extension where extname = 'timescaledb')").at(0);
  EXPECT_EQ(offered, loaded);
  const bool parts =
      owner.query<bool>("select relkind = 'p' from pg_class where oid = 'price_observations'::regclass").at(0);
  EXPECT_EQ(parts, !loaded);
  if (loaded) {
    EXPECT_EQ(owner.query<std::string>("select hypertable_name::text from timescaledb_information.hypertables").at(0),
              "price_observations");
  }
  EXPECT_TRUE(owner
                  .query<bool>("select relrowsecurity and relforcerowsecurity from pg_class where oid = "
                               "'price_observations'::regclass")
                  .at(0));
}

TEST(layout_test, partitions_are_made_ahead_but_not_over_prices) {
  auto& server = test::postgres_server::instance();
  const auto organization = server.new_organization();
  postgres::session owner(server.owner_url());
  if (owner.query<bool>("select to_regclass('price_observations_other') is null").at(0))
    GTEST_SKIP() << "TimescaleDB keeps the prices";
  postgres::session session(server.app_url());
  session.begin(organization);
  session.execute("insert into items (organization_id, name, normalized_name, unit) values ($1, 'P', 'p', 'ft')",
                  organization);
  session.execute("insert into price_observations (organization_id, item_id, supplier_id, observed_on, kind, price, "
                  "quantity, currency, upload_id, source_row, row_key) select $1, id, 1, '2037-03-01', 4, 5, 1, 'USD', "
                  "1, 1, 1 from items where organization_id = $1",
                  organization);
  session.commit();
  const auto made = [&session](int year) { return session.query<int>("select keep_price_partitions($1)", year).at(0); };
  EXPECT_EQ(made(2038), 2) << "2036 and 2038; prices of 2037 lie in the default partition";
  EXPECT_EQ(made(2038), 0);
  EXPECT_EQ(made(2201), 0) << "no such year";
  session.begin(organization);
  EXPECT_EQ(
      session.query<std::int64_t>("select count(*) from price_observations where organization_id = $1", organization)
          .at(0),
      1);
  session.commit();
  {
    postgres::session busy(server.owner_url());
    busy.begin(organization);
    busy.execute("lock table price_observations in access share mode");
    EXPECT_EQ(made(2039), 0) << "left for the next time";
    busy.rollback();
  }
  EXPECT_EQ(made(2039), 1);
  for (const int year : {2036, 2038, 2039}) // other tests find the table as it was
    owner.execute("drop table price_observations_" + std::to_string(year));
}

} // namespace
} // namespace pricing
