// Periodic jobs on a real PostgreSQL.
#include "jobs/schedule.hpp"

#include "support/postgres_server.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <random>
#include <thread>

using namespace pricing;
using namespace pricing::jobs;
using namespace std::chrono_literals;

namespace {

timestamp at(const char* day, std::chrono::minutes time) {
  return timestamp(*parse_date(day)) + time;
}

constexpr auto days_of_week = std::chrono::days(7);

class schedule_test : public testing::Test {
 protected:
  void add_price(organization_id of) {
    session.begin(of);
    session.execute("insert into price_observations (organization_id, item_id, observed_on, kind, price, currency, "
                    "upload_id, source_row, row_key) values ($1, 1, '2026-01-02', 1, 5, 'USD', 1, 1, 1)",
                    of);
    session.commit();
  }
  // When the runs of a kind were due, in order of their making.
  std::vector<std::string> runs(const std::string& kind) {
    session.begin(organization);
    auto found = session.query<std::string>("select to_char(due_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') from jobs "
                                            "where kind = $1 order by id",
                                            kind);
    session.commit();
    return found;
  }
  void add_schedule(const std::string& kind, const std::string& rule, const std::string& catch_up, timestamp from) {
    const auto next = recurrence::parse(rule, "Europe/Berlin", from).value().next(from);
    session.begin(organization);
    session.execute(
        "insert into schedules (organization_id, name, kind, payload, rule, time_zone, catch_up, anchor_at, "
        "next_due) values ($1, $2, $2, '{\"a\":1}', $3, 'Europe/Berlin', $4, $5, $6)",
        organization, kind, rule, catch_up, from, next);
    session.commit();
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
  schedule first(own, {});
  ASSERT_TRUE(first.lead());
  first.tick(at("2026-11-22", 12h)); // a Sunday
  EXPECT_EQ(count("jobs"), 0);
  first.tick(at("2026-11-23", 1h + 59min));
  EXPECT_EQ(count("jobs"), 0);
  first.tick(at("2026-11-23", 2h));
  first.tick(at("2026-11-23", 2h + 1min));
  first.tick(at("2026-11-23", 1h)); // the clock is set back
  EXPECT_EQ(runs("refresh_market"), days{"2026-11-23 02:00"});
  schedule restarted(own, {});
  ASSERT_TRUE(restarted.lead());
  restarted.tick(at("2026-11-23", 23h));
  restarted.tick(at("2026-11-24", 2h));
  EXPECT_EQ(runs("refresh_market"), (days{"2026-11-23 02:00", "2026-11-24 02:00"}));
  EXPECT_EQ(runs("train"), days{"2026-11-23 03:00"});
}

TEST_F(schedule_test, makes_up_for_what_was_missed_as_the_schedule_says) {
  const auto start = at("2026-11-23", 0h);
  add_schedule("all", "every 6 h", "all", start);
  add_schedule("latest", "every 6 h", "latest", start);
  add_schedule("none", "every 6 h", "none", start);
  schedule s(own, {});
  ASSERT_TRUE(s.lead());
  s.tick(at("2026-11-24", 0h) + 5min + 1s); // a day later, and a little late for the last
  EXPECT_EQ(runs("all"), (days{"2026-11-23 06:00", "2026-11-23 12:00", "2026-11-23 18:00", "2026-11-24 00:00"}));
  EXPECT_EQ(runs("latest"), days{"2026-11-24 00:00"});
  EXPECT_EQ(runs("none"), days{});
  s.tick(at("2026-11-24", 6h) + 1min);
  EXPECT_EQ(runs("none"), days{"2026-11-24 06:00"});
  EXPECT_EQ(count("jobs where payload = '{\"a\":1}' and state = 'queued'"), 8);
}

TEST_F(schedule_test, an_avalanche_comes_in_parts_and_whole) {
  add_schedule("all", "every 1 min", "all", at("2026-11-22", 0h));
  schedule s(own, {});
  ASSERT_TRUE(s.lead());
  EXPECT_EQ(s.tick(at("2026-11-23", 0h)).enqueued.at("all"), 1000);
  EXPECT_EQ(s.tick(at("2026-11-23", 0h)).enqueued.at("all"), 440);
  EXPECT_TRUE(s.tick(at("2026-11-23", 0h)).enqueued.empty());
}

TEST_F(schedule_test, a_switched_off_schedule_rests_and_one_that_cannot_be_read_is_switched_off) {
  add_schedule("off", "every 1 h", "all", at("2026-11-22", 0h));
  add_schedule("lost", "every 1 h", "all", at("2026-11-22", 0h));
  session.begin(organization);
  session.execute("update schedules set enabled = false where name = 'off'");
  session.execute("update schedules set time_zone = 'Mars/Olympus' where name = 'lost'");
  session.commit();
  schedule s(own, {});
  ASSERT_TRUE(s.lead());
  s.tick(at("2026-11-23", 0h));
  EXPECT_EQ(count("jobs"), 0);
  EXPECT_EQ(count("schedules where enabled"), 0);
}

// Two beats take turns for a week. Their connections are cut at random moments, also in the middle of a tick, their
// clocks differ by up to a minute, and each run must be there once.
TEST_F(schedule_test, a_week_of_killed_beats_misses_and_doubles_nothing) {
  const auto start = at("2026-10-21", 0h), end = start + days_of_week; // the clocks go back on the 25th
  const std::vector<std::pair<std::string, std::string>> rules{
      {"five", "every 5 min"}, {"quarter", "*/15 * * * *"}, {"night", "30 2 * * *"}, {"week", "0 6 * * mon"}};
  for (const auto& [kind, rule] : rules)
    add_schedule(kind, rule, "all", start);
  struct beat {
    std::unique_ptr<postgres::session> session;
    std::unique_ptr<schedule> acts;
  };
  std::array<beat, 2> beats;
  std::mt19937 random(7);
  std::atomic<bool> over = false;
  int cut = 0;
  std::thread killer([&] {
    postgres::session kills(server.app_url());
    std::mt19937 moment(11);
    while (!over) {
      std::this_thread::sleep_for(std::chrono::microseconds(moment() % 100'000));
      cut += static_cast<int>(
          kills.query<bool>("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted")
              .size());
    }
  });
  for (auto now = start; now < end; now += 1min) {
    for (auto& b : beats) {
      try {
        if (!b.session) {
          b.session = std::make_unique<postgres::session>(server.app_url());
          b.acts = std::make_unique<schedule>(*b.session, schedule_options{.housekeeping = 24h});
        }
        if (b.acts->lead())
          b.acts->tick(now + std::chrono::seconds(random() % 60));
      } catch (const std::exception&) {
        b = {};
      }
    }
  }
  over = true;
  killer.join();
  for (int tries = 0; tries < 50; ++tries) { // the last beat ends its work
    postgres::session last(server.app_url());
    schedule acts(last, {});
    if (acts.lead() && acts.tick(end).enqueued.empty())
      break;
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_GT(cut, 20);
  for (const auto& [kind, rule] : rules) {
    days expected;
    for (const auto t : recurrence::parse(rule, "Europe/Berlin", start).value().between(start, end, 10'000)) {
      auto text = to_string(t).substr(0, 16);
      text[10] = ' ';
      expected.push_back(text);
    }
    EXPECT_GE(expected.size(), 1u);
    EXPECT_EQ(runs(kind), expected) << kind;
  }
}

TEST_F(schedule_test, leaves_organizations_without_prices_alone) {
  schedule s(own, {});
  ASSERT_TRUE(s.lead());
  s.tick(at("2026-11-23", 3h));
  s.tick(at("2026-12-23", 3h));
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
  leader.tick(at("2026-11-22", 3h));
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
