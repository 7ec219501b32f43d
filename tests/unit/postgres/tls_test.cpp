// The link to PostgreSQL under TLS is the connection string's: a real server, our own authority, and what is refused.
#include "postgres/pool.hpp"
#include "postgres/session.hpp"
#include "support/certificates.hpp"
#include "support/postgres_server.hpp"
#include "support/process.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

namespace pricing::postgres {
namespace {

using namespace std::chrono_literals;

class postgres_tls : public testing::Test {
 protected:
  void SetUp() override {
    const auto cluster = (ours.folder / "cluster").string(), log = (ours.folder / "log").string();
    ASSERT_EQ(test::wait_process(test::start_process({test::postgres_binary("initdb"), "-D", cluster, "-U", "postgres",
                                                      "-A", "trust", "--no-sync", "--locale=C.UTF-8", "-E", "UTF8"},
                                                     log, true)),
              0)
        << test::read_text(log);
    pid = test::start_process({test::postgres_binary("postgres"), "-D", cluster, "-k", ours.folder.string(), "-p",
                               std::to_string(port), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c",
                               "ssl=on", "-c", "ssl_cert_file=" + ours.certificate.string(), "-c",
                               "ssl_key_file=" + ours.key.string()},
                              log, true);
    for (int tries = 0;; ++tries) {
      try {
        const session probe(url(ours));
        break;
      } catch (const database_error&) {
        ASSERT_LT(tries, 200) << test::read_text(log);
        std::this_thread::sleep_for(50ms);
      }
    }
  }
  void TearDown() override { test::stop_process(pid, SIGINT); }

  std::string url(const test::certificates& of, const std::string& host = "localhost hostaddr=127.0.0.1") const {
    return "host=" + host + " port=" + std::to_string(port) +
           " user=postgres dbname=postgres sslmode=verify-full sslrootcert=" + of.ca.string();
  }
  test::certificates ours{true};
  const int port = test::free_port();
  int pid = 0;
};

constexpr auto encrypted_sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";

TEST_F(postgres_tls, is_verified_by_sessions_and_pools_and_refused_with_another_authority) {
  session one(url(ours));
  EXPECT_TRUE(one.query<bool>(encrypted_sql).at(0));

  const auto through_pool = [](const std::string& where) {
    asio::io_context io;
    config c;
    c.url = where;
    c.statement_timeout_ms = 2'000;
    pool database(io, c);
    result<bool> encrypted = not_found("");
    const auto body = [&]() -> asio::awaitable<void> {
      encrypted = co_await database.query_one<bool>(organization_id{}, encrypted_sql);
    };
    asio::co_spawn(io, body(), [&](std::exception_ptr) { io.stop(); });
    io.run_for(20s);
    return encrypted;
  };
  const auto good = through_pool(url(ours));
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_TRUE(*good);

  const test::certificates theirs(true);
  EXPECT_THROW(session{url(theirs)}, database_error);
  EXPECT_FALSE(through_pool(url(theirs)));
  EXPECT_THROW((session{url(ours, "db.example.com hostaddr=127.0.0.1")}), database_error) << "another name";
}

} // namespace
} // namespace pricing::postgres
