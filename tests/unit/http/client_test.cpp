#include "http/client.hpp"

#include "running_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

namespace pricing::http {
namespace {

using namespace std::chrono_literals;
using test::running_server;

route public_route(method verb, std::string path, handler handle) {
  return raw_route(verb, std::move(path), {.is_public = true}, std::move(handle));
}

running_server::make_routes routes() {
  return [](net::io_thread&) {
    return std::vector<route>{
        public_route(method::post, "/echo",
                     [](context& c) -> asio::awaitable<result<response>> { co_return response::text(c.request.body); }),
        public_route(method::get, "/slow",
                     [](context&) -> asio::awaitable<result<response>> {
                       co_await net::sleep_for(300ms);
                       co_return response::text("slow");
                     }),
        public_route(method::get, "/large", [](context&) -> asio::awaitable<result<response>> {
          co_return response::text(std::string(3 << 20, 'l'));
        })};
  };
}

// Runs one coroutine to its end.
template <class F>
void run(F body) {
  asio::io_context io;
  std::exception_ptr failed;
  asio::co_spawn(io, body(io), [&](std::exception_ptr e) {
    failed = e;
    io.stop();
  });
  io.run_for(20s);
  if (failed)
    std::rethrow_exception(failed);
}

client_config to(const running_server& s) {
  return {.base_url = "http://127.0.0.1:" + std::to_string(s.port())};
}

TEST(http_client, sends_and_receives_over_one_connection) {
  running_server server({.connections_max = 1}, routes());
  run([&](asio::io_context& io) -> asio::awaitable<void> {
    client c(io, to(server));
    for (int i = 0; i < 3; ++i) {
      client_request r{.verb = method::post, .target = "/echo", .body = "hello " + std::to_string(i)};
      const auto a = co_await c.send(r, net::deadline_in(5s));
      EXPECT_TRUE(a) << (a ? "" : a.error().message);
      if (!a)
        co_return;
      EXPECT_EQ(a->status, 200);
      EXPECT_EQ(a->body, r.body);
      EXPECT_EQ(a->header("content-type"), "text/plain; charset=utf-8");
    }
    client_request large{.target = "/large"};
    const auto a = co_await c.send(large, net::deadline_in(5s));
    EXPECT_TRUE(a && a->body.size() == 3u << 20);
  });
}

TEST(http_client, fails_with_timeout_at_the_deadline) {
  running_server server({}, routes());
  run([&](asio::io_context& io) -> asio::awaitable<void> {
    client c(io, to(server));
    client_request r{.target = "/slow"};
    const auto a = co_await c.send(r, net::deadline_in(100ms));
    EXPECT_TRUE(!a && a.error().code == errc::timeout);
  });
}

TEST(http_client, fails_with_unavailable_when_nobody_listens) {
  run([&](asio::io_context& io) -> asio::awaitable<void> {
    client_config nobody{.base_url = "http://127.0.0.1:1"};
    client c(io, nobody);
    client_request r;
    const auto a = co_await c.send(r, net::deadline_in(1s));
    EXPECT_TRUE(!a && a.error().code == errc::unavailable);
  });
}

TEST(http_client, sends_again_when_a_kept_connection_was_closed) {
  running_server server({.idle_timeout_s = 1}, routes());
  run([&](asio::io_context& io) -> asio::awaitable<void> {
    client c(io, to(server));
    client_request r{.verb = method::post, .target = "/echo", .body = "x"};
    EXPECT_TRUE(co_await c.send(r, net::deadline_in(5s)));
    co_await net::sleep_for(1300ms);
    EXPECT_TRUE(co_await c.send(r, net::deadline_in(5s)));
  });
}

TEST(http_client, lets_requests_above_its_limit_wait_or_fail) {
  running_server server({}, routes());
  run([&](asio::io_context& io) -> asio::awaitable<void> {
    auto settings = to(server);
    settings.connections_max = 1;
    settings.waiting_max = 1;
    client c(io, settings);
    int good = 0, busy = 0;
    const auto one = [&]() -> asio::awaitable<void> {
      client_request r{.target = "/slow"};
      const auto a = co_await c.send(r, net::deadline_in(5s));
      good += a ? 1 : 0;
      busy += !a && a.error().code == errc::unavailable ? 1 : 0;
    };
    for (int i = 0; i < 3; ++i)
      asio::co_spawn(io, one(), asio::detached);
    co_await net::sleep_for(1s);
    EXPECT_EQ(good, 2);
    EXPECT_EQ(busy, 1);
  });
}

} // namespace
} // namespace pricing::http
