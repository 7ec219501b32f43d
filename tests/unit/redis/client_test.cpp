#include "redis/client.hpp"

#include "support/redis_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include <functional>

namespace pricing::redis {
namespace {

TEST(redis_resp, parses_byte_by_byte) {
  resp_parser parser;
  const std::string bytes = "*3\r\n$2\r\nab\r\n:-7\r\n$-1\r\n";
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    parser.feed(bytes.substr(i, 1));
    ASSERT_FALSE(parser.next()) << i;
  }
  parser.feed("\n");
  const auto v = parser.next();
  ASSERT_TRUE(v);
  ASSERT_EQ(v->list.size(), 3u);
  EXPECT_EQ(v->list[0].text, "ab");
  EXPECT_EQ(v->list[1].integer, -7);
  EXPECT_EQ(v->list[2].type, value::kind::null);
}

TEST(redis_resp, refuses_lies_about_length_and_depth) {
  for (const std::string bytes : {"$99999999999\r\n", "*-5\r\n", "$2\r\nabcd", "?x\r\n", "\r\n", ":1x\r\n",
                                  "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"}) {
    resp_parser parser;
    parser.feed(bytes);
    EXPECT_THROW(parser.next(), std::runtime_error) << bytes;
  }
}

TEST(redis_client, keeps_values_limits_rates_and_survives_a_restart) {
  auto& server = test::redis_server::instance();
  asio::io_context io;
  config c;
  c.socket = server.socket();
  client cache(io, c);
  bool ended = false;
  std::function body = [&]() -> asio::awaitable<void> {
    auto kept = co_await cache.set("a", "1", std::chrono::seconds(60));
    EXPECT_TRUE(kept);
    auto got = co_await cache.get("a");
    EXPECT_EQ(got.value(), "1");
    auto none = co_await cache.get("b");
    EXPECT_EQ(none.value(), std::nullopt);
    std::vector<bool> allowed;
    for (int i = 0; i < 4; ++i) {
      auto one = co_await cache.allow("limit", 3, std::chrono::milliseconds(60'000));
      allowed.push_back(one->allowed);
      EXPECT_EQ(one->remaining, std::max(0, 2 - i));
      EXPECT_NEAR(one->reset_s, 60, 1);
    }
    EXPECT_EQ(allowed, (std::vector<bool>{true, true, true, false}));
    server.restart();
    result<std::int64_t> after = not_found("");
    for (int i = 0; i < 3 && !after; ++i)
      after = co_await cache.incr("n");
    EXPECT_EQ(after.value(), 1);
  };
  asio::co_spawn(io, body(), [&](std::exception_ptr e) {
    ended = true;
    EXPECT_FALSE(e);
    io.stop();
  });
  io.run_for(std::chrono::seconds(20));
  EXPECT_TRUE(ended);
}

} // namespace
} // namespace pricing::redis
