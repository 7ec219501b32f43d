#include "postgres/pool.hpp"

#include "postgres/migrations.hpp"
#include "postgres/session.hpp"
#include "support/postgres_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include <fstream>

namespace pricing::postgres {
namespace {

test::postgres_server& server() {
  return test::postgres_server::instance();
}

config settings() {
  config c;
  c.url = server().app_url();
  return c;
}

// Runs body on one event loop until it ends.
void run(std::function<asio::awaitable<void>(pool&)> body, const config& c = settings()) {
  asio::io_context io;
  std::exception_ptr failure;
  bool ended = false;
  {
    pool database(io, c);
    asio::co_spawn(io, body(database), [&](std::exception_ptr e) { failure = e, ended = true, io.stop(); });
    io.run_for(std::chrono::seconds(30));
  }
  io.restart();
  io.run_for(std::chrono::seconds(1));
  if (failure)
    std::rethrow_exception(failure);
  ASSERT_TRUE(ended) << "the coroutine did not end in time";
}

TEST(postgres_pool, answers_many_coroutines_and_keeps_errors_apart) {
  const auto organization = server().new_organization();
  int good = 0, bad = 0;
  std::function body = [&](pool& database) -> asio::awaitable<void> {
    int left = 200;
    for (int i = 0; i < 200; ++i) {
      std::function one = [&, i]() -> asio::awaitable<void> {
        auto got =
            co_await database.query_one<std::int64_t>(organization, "select 100 / $1::bigint", std::int64_t{i % 10});
        if (i % 10 == 0)
          bad += !got && got.error().code == errc::invalid_input;
        else
          good += got && *got == 100 / (i % 10);
        --left;
      };
      asio::co_spawn(
          co_await asio::this_coro::executor, [](auto f) -> asio::awaitable<void> { co_await f(); }(one),
          asio::detached);
    }
    while (left > 0)
      co_await net::sleep_for(std::chrono::milliseconds(5));
  };
  run(body);
  EXPECT_EQ(good, 180);
  EXPECT_EQ(bad, 20);
}

TEST(postgres_pool, answers_past_a_slow_statement) {
  int answered = 0;
  bool slow_ended = false;
  std::function body = [&](pool& database) -> asio::awaitable<void> {
    std::function slow = [&]() -> asio::awaitable<void> {
      EXPECT_TRUE(co_await database.query_one<int>(organization_id{}, "select 1 from (select pg_sleep(1.5)) s"));
      slow_ended = true;
    };
    asio::co_spawn(
        co_await asio::this_coro::executor, [](auto f) -> asio::awaitable<void> { co_await f(); }(slow),
        asio::detached);
    co_await net::sleep_for(std::chrono::milliseconds(50));
    while (!slow_ended && answered < 5)
      answered += (co_await database.query_one<int>(organization_id{}, "select 1")).has_value();
    EXPECT_FALSE(slow_ended);
    while (!slow_ended)
      co_await net::sleep_for(std::chrono::milliseconds(20));
  };
  run(body);
  EXPECT_EQ(answered, 5);
}

// What waits too long is told so, keeps the connection whole, and those who come later are answered.
TEST(postgres_pool, sheds_what_waits_too_long_and_goes_on) {
  auto narrow = settings();
  narrow.shared_connections = 1;
  narrow.pipeline_max = 2;
  narrow.wait_ms = 200;
  int good = 0, shed = 0;
  std::function body = [&](pool& database) -> asio::awaitable<void> {
    const auto before = co_await database.query_one<int>(organization_id{}, "select pg_backend_pid()");
    int left = 6;
    for (int i = 0; i < 6; ++i) {
      std::function one = [&]() -> asio::awaitable<void> {
        const auto got = co_await database.query_one<int>(organization_id{}, "select 1 from (select pg_sleep(0.5)) s");
        good += got.has_value();
        shed += !got && got.error().code == errc::unavailable;
        --left;
      };
      asio::co_spawn(
          co_await asio::this_coro::executor, [](auto f) -> asio::awaitable<void> { co_await f(); }(one),
          asio::detached);
    }
    while (left > 0)
      co_await net::sleep_for(std::chrono::milliseconds(5));
    const auto after = co_await database.query_one<int>(organization_id{}, "select pg_backend_pid()");
    EXPECT_EQ(before.value(), after.value());
  };
  run(body, narrow);
  EXPECT_EQ(good, 2);
  EXPECT_EQ(shed, 4);
}

// Behind a slow statement a short deadline passes; the slow one is not cut off by it.
TEST(postgres_pool, gives_up_a_statement_without_giving_up_the_connection) {
  auto narrow = settings();
  narrow.shared_connections = 1;
  bool slow_good = false, done = false;
  std::function body = [&](pool& database) -> asio::awaitable<void> {
    std::function slow = [&]() -> asio::awaitable<void> {
      const auto got = co_await database.query_one<int>(organization_id{}, "select 1 from (select pg_sleep(3)) s");
      slow_good = got.has_value();
      done = true;
    };
    asio::co_spawn(
        co_await asio::this_coro::executor, [](auto f) -> asio::awaitable<void> { co_await f(); }(slow),
        asio::detached);
    co_await net::sleep_for(std::chrono::milliseconds(50));
    const auto late = co_await database.query_one<int>(
        {organization_id{}, net::deadline_in(std::chrono::milliseconds(50))}, "select 1");
    EXPECT_FALSE(late);
    while (!done)
      co_await net::sleep_for(std::chrono::milliseconds(20));
  };
  run(body, narrow);
  EXPECT_TRUE(slow_good);
}

TEST(postgres_pool, rolls_back_when_the_body_returns_an_error) {
  const auto organization = server().new_organization();
  std::function body = [&](pool& database) -> asio::awaitable<void> {
    std::function inside = [&](transaction& t) -> asio::awaitable<result<int>> {
      auto added = co_await t.execute(
          "insert into suppliers (organization_id, name, normalized_name) values ($1, 'a', 'a')", organization);
      EXPECT_TRUE(added);
      co_return conflict("no");
    };
    auto outcome = co_await database.in_transaction<int>(organization, inside);
    EXPECT_FALSE(outcome);
    auto count = co_await database.query_one<std::int64_t>(organization, "select count(*) from suppliers");
    EXPECT_EQ(count.value(), 0);
  };
  run(body);
}

TEST(postgres_pool, reconnects_after_its_backend_was_killed) {
  std::function body = [&](pool& database) -> asio::awaitable<void> {
    auto pid = co_await database.query_one<int>(organization_id{}, "select pg_backend_pid()");
    session superuser(server().superuser_url());
    superuser.query<bool>("select pg_terminate_backend($1)", pid.value());
    result<int> again = not_found("");
    for (int tries = 0; tries < 100 && !again; ++tries) {
      co_await net::sleep_for(std::chrono::milliseconds(20));
      again = co_await database.query_one<int>(organization_id{}, "select pg_backend_pid()");
    }
    EXPECT_NE(again.value(), pid.value());
  };
  auto one = settings();
  one.shared_connections = 1;
  run(body, one);
}

TEST(postgres_session, isolates_two_organizations) {
  const auto one = server().new_organization(), two = server().new_organization();
  session s(server().app_url());
  s.begin(one);
  s.execute("insert into suppliers (organization_id, name, normalized_name) values ($1, 'a', 'a')", one);
  s.commit();
  s.begin(two);
  EXPECT_EQ(s.query<std::int64_t>("select count(*) from suppliers").at(0), 0);
  EXPECT_EQ(s.execute("update suppliers set name = 'b' where organization_id = $1", one), 0);
  EXPECT_THROW(s.execute("insert into suppliers (organization_id, name, normalized_name) values ($1, 'c', 'c')", one),
               database_error);
  s.rollback();
  EXPECT_EQ(s.query<std::int64_t>("select count(*) from suppliers").at(0), 0) << "no organization sees nothing";
  s.begin(one);
  EXPECT_EQ(s.query<std::int64_t>("select count(*) from suppliers").at(0), 1);
}

TEST(postgres_session, keeps_decimals_exact_in_both_directions) {
  session s(server().app_url());
  for (const char* text : {"0", "1", "-0.0001", "12345.6789", "10000", "922337203685477.5807", "-99999999.9999"}) {
    const auto value = decimal::parse(text).value();
    EXPECT_EQ(s.query<decimal>("select $1::numeric", value).at(0), value) << text;
    EXPECT_EQ(s.query<std::string>("select trim_scale($1::numeric)::text", value).at(0), text);
    EXPECT_EQ(s.query<decimal>("select $1::text::numeric", text).at(0), value) << text;
  }
}

TEST(postgres_migrations, refuse_a_changed_file) {
  session owner(server().empty_database());
  const auto folder = std::filesystem::temp_directory_path() / "pricing-migrations-test";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "001_a.sql") << "create table a (id int)";
  EXPECT_EQ(migrate(owner, folder).value().applied, 1);
  EXPECT_EQ(migrate(owner, folder).value().applied, 0);
  std::ofstream(folder / "001_a.sql") << "create table b (id int)";
  const auto changed = migrate(owner, folder);
  std::filesystem::remove_all(folder);
  ASSERT_FALSE(changed);
  EXPECT_NE(changed.error().message.find("was changed"), std::string::npos);
}

} // namespace
} // namespace pricing::postgres
