// Periodic jobs on a real PostgreSQL.
#include "jobs/schedule.hpp"

#include "support/postgres_server.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <thread>

using namespace pricing;
using namespace pricing::jobs;
using namespace std::chrono_literals;

namespace {

timestamp at(const char* day, std::chrono::minutes time) {
  return timestamp(*parse_date(day)) + time;
}

class schedule_test : public testing::Test {
 protected:
  void add_price(organization_id of) {
    session.begin(of);
    session.execute("insert into price_observations (organization_id, item_id, observed_on, kind, price, currency, "
                    "upload_id, source_row, row_key) values ($1, 1, '2026-01-02', 1, 5, 'USD', 1, 1, 1)",
                    of);
    session.commit();
  }
  std::vector<std::string> runs(const std::string& kind) {
    session.begin(organization);
    auto found = session.query<std::string>("select payload->>'for' from jobs where kind = $1 order by id", kind);
    session.commit();
    return found;
  }
  std::int64_t count(const std::string& from) {
    session.begin(organization);
    const auto rows = session.query<std::int64_t>("select count(*) from " + from).at(0);
    session.commit();
    return rows;
  }
  using days = std::vector<std::string>;
  test::postgres_server& server = test::postgres_server::instance();
  const organization_id organization = server.new_organization();
  postgres::session session{server.app_url()};
  postgres::session own{server.app_url()}; // of the schedule
};

TEST_F(schedule_test, queues_each_night_and_each_week_once_across_restarts) {
  add_price(organization);
  schedule first(own, {.hour = 2});
  ASSERT_TRUE(first.lead());
  first.tick(at("2026-11-23", 1h + 59min)); // a Monday before the hour: what was due on Sunday is made up for
  EXPECT_EQ(runs("refresh_market"), days{"2026-11-22"});
  EXPECT_EQ(runs("train"), days{"2026-11-16"});
  first.tick(at("2026-11-23", 2h));
  first.tick(at("2026-11-23", 2h + 1min));
  EXPECT_EQ(runs("refresh_market"), (days{"2026-11-22", "2026-11-23"}));
  EXPECT_EQ(runs("train"), (days{"2026-11-16", "2026-11-23"}));
  session.begin(organization);
  session.execute("update jobs set state = 'succeeded', finished_at = '2026-11-23'");
  session.commit();
  schedule restarted(own, {.hour = 2});
  ASSERT_TRUE(restarted.lead());
  restarted.tick(at("2026-11-23", 23h));
  EXPECT_EQ(runs("refresh_market").size(), 2U);
  restarted.tick(at("2026-11-24", 2h));
  EXPECT_EQ(runs("refresh_market").back(), "2026-11-24");
  EXPECT_EQ(runs("train").size(), 2U);
}

TEST_F(schedule_test, leaves_organizations_without_prices_alone) {
  schedule s(own, {});
  ASSERT_TRUE(s.lead());
  s.tick(at("2026-11-23", 3h));
  EXPECT_EQ(count("jobs"), 0);
}

TEST_F(schedule_test, only_one_of_two_leads_until_it_ends) {
  add_price(organization);
  auto dying = std::make_unique<postgres::session>(server.app_url());
  schedule leader(*dying, {}), second(own, {});
  ASSERT_TRUE(leader.lead());
  EXPECT_FALSE(second.lead());
  EXPECT_TRUE(second.tick(at("2026-11-23", 3h)).enqueued.empty());
  EXPECT_EQ(count("jobs"), 0);
  leader.tick(at("2026-11-23", 3h));
  EXPECT_EQ(count("jobs"), 2);
  dying.reset();
  for (int i = 0; i < 100 && !second.lead(); ++i)
    std::this_thread::sleep_for(20ms);
  EXPECT_TRUE(second.lead());
  second.tick(at("2026-11-23", 4h));
  EXPECT_EQ(count("jobs"), 2);
}

TEST_F(schedule_test, clears_what_has_expired_and_nothing_else) {
  session.begin(organization);
  session.execute("insert into idempotency_keys (organization_id, key, method_path, request_hash, created_at) values "
                  "($1, 'old', 'POST /x', '', '2026-11-22 02:00Z'), ($1, 'new', 'POST /x', '', '2026-11-22 04:00Z')",
                  organization);
  const auto person = session.query<std::int64_t>("select add_user($1, 'Test', 'viewer', 'x')",
                                                  "clear" + std::to_string(organization.value) + "@example.com");
  session.execute("insert into refresh_tokens (organization_id, user_id, token_hash, family_hash, expires_at) values "
                  "($1, $2, 'old' || $1, 'f', '2026-11-23 02:59Z'), ($1, $2, 'new' || $1, 'f', '2026-11-23 03:01Z')",
                  organization, person.at(0));
  session.execute("insert into jobs (organization_id, kind, state, finished_at) values "
                  "($1, 'k', 'failed', '2026-08-01'), ($1, 'k', 'failed', '2026-11-01'), ($1, 'k', 'queued', null)",
                  organization);
  session.commit();
  schedule s(own, {});
  ASSERT_TRUE(s.lead());
  EXPECT_GE(s.tick(at("2026-11-23", 3h)).cleared, 3);
  EXPECT_EQ(count("idempotency_keys where key = 'new'"), 1);
  EXPECT_EQ(count("idempotency_keys"), 1);
  EXPECT_EQ(count("refresh_tokens where token_hash like 'new%'"), 1);
  EXPECT_EQ(count("refresh_tokens"), 1);
  EXPECT_EQ(count("jobs"), 2);
}

} // namespace
