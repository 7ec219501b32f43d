// The link to Redis under TLS: a real server, our own authority, and whatever must be refused.
#include "redis/client.hpp"
#include "redis/subscriber.hpp"
#include "support/certificates.hpp"
#include "support/process.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include <csignal>
#include <functional>
#include <thread>

namespace pricing::redis {
namespace {

using namespace std::chrono_literals;

class redis_tls : public testing::Test {
 protected:
  void SetUp() override {
    pid = test::start_process({"redis-server", "--port", "0", "--bind", "127.0.0.1", "--tls-port", std::to_string(port),
                               "--tls-cert-file", ours.certificate.string(), "--tls-key-file", ours.key.string(),
                               "--tls-ca-cert-file", ours.ca.string(), "--tls-auth-clients", "no", "--save", "",
                               "--dir", ours.folder.string()},
                              ours.folder / "log", false);
    for (int tries = 0; !reaches(good()); ++tries) {
      ASSERT_LT(tries, 200) << test::read_text(ours.folder / "log");
      std::this_thread::sleep_for(20ms);
    }
  }
  void TearDown() override { test::stop_process(pid, SIGTERM); }

  config good() const {
    config c;
    c.host = "localhost";
    c.port = port;
    c.tls = true;
    c.tls_ca_file = ours.ca.string();
    c.timeout_ms = 5'000;
    return c;
  }
  static void run(asio::io_context& io, const std::function<asio::awaitable<void>()>& body) {
    bool ended = false;
    asio::co_spawn(io, body(), [&](std::exception_ptr e) {
      ended = true;
      EXPECT_FALSE(e);
      io.stop();
    });
    io.run_for(20s);
    EXPECT_TRUE(ended);
  }
  static bool reaches(const config& c) {
    asio::io_context io;
    client cache(io, c);
    bool answered = false;
    run(io, [&]() -> asio::awaitable<void> {
      const auto got = co_await cache.get("a");
      answered = got.has_value();
    });
    return answered;
  }

  test::certificates ours{false};
  const int port = test::free_port();
  int pid = 0;
};

TEST_F(redis_tls, carries_commands_large_values_and_messages) {
  asio::io_context io;
  client cache(io, good());
  std::string heard;
  subscriber ears(io, good(), [&](const std::string&, const std::string& text) { heard = text; }, {});
  run(io, [&]() -> asio::awaitable<void> {
    const std::string large(3 << 20, 'x');
    const auto kept = co_await cache.set("large", large, 60s);
    EXPECT_TRUE(kept);
    const auto got = co_await cache.get("large");
    EXPECT_TRUE(got && *got == large);
    const auto subscribed = co_await ears.subscribe("news");
    EXPECT_TRUE(subscribed);
    std::vector<std::string> words{"PUBLISH", "news", "hello"};
    const auto told = co_await cache.command(std::move(words));
    EXPECT_TRUE(told);
    for (int i = 0; heard.empty() && i < 200; ++i) {
      asio::steady_timer wait(io, 10ms);
      co_await wait.async_wait(asio::use_awaitable);
    }
    EXPECT_EQ(heard, "hello");
    cache.disconnect();
    const auto again = co_await cache.get("large");
    EXPECT_TRUE(again);
  });
}

TEST_F(redis_tls, refuses_whom_it_cannot_trust) {
  auto c = good();
  c.host = "127.0.0.1"; // the certificate has the address as well
  EXPECT_TRUE(reaches(c));
  const test::certificates theirs(false);
  c.tls_ca_file = theirs.ca.string();
  EXPECT_FALSE(reaches(c)) << "another authority";
  c = good();
  c.tls_server_name = "redis.example.com";
  EXPECT_FALSE(reaches(c)) << "another name";
  c.tls_server_name = "localhost";
  EXPECT_TRUE(reaches(c));
  c.tls_ca_file.clear();
  EXPECT_FALSE(reaches(c)) << "the system's authorities do not know ours";
  c.tls_ca_file = "/nonexistent/ca.pem";
  EXPECT_FALSE(reaches(c)) << "no such file";
  c = good();
  c.tls = false;
  EXPECT_FALSE(reaches(c)) << "no plain text";
}

} // namespace
} // namespace pricing::redis
