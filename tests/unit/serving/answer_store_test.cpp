// Answers kept in a real Redis, and nobody waits where there is none.
#include "serving/answer_store.hpp"

#include "net/runtime.hpp"
#include "support/redis_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>
#include <prometheus/counter.h>
#include <prometheus/registry.h>

using namespace pricing;
using namespace pricing::serving;
using namespace std::chrono_literals;

namespace {

// The store outlives the loop's run, as it must.
template <class F>
void run(redis::config where, const answers_config& settings, answers_series& counted, F body) {
  boost::asio::io_context io;
  answer_store store(io, std::move(where), settings, counted);
  bool ended = false;
  boost::asio::co_spawn(io, body(store), [&](std::exception_ptr e) {
    EXPECT_FALSE(e);
    ended = true;
    io.stop();
  });
  io.run_for(30s);
  EXPECT_TRUE(ended);
}

redis::config here() {
  redis::config c;
  c.socket = test::redis_server::instance().socket();
  return c;
}

// Asks until Redis has been found, or for two seconds.
boost::asio::awaitable<std::optional<std::string>> find_in_time(answer_store& store, std::string key) {
  std::optional<std::string> found;
  for (int i = 0; i < 200 && !found; ++i) {
    found = co_await store.find(key);
    if (!found) {
      store.keep(key, "kept");
      co_await net::sleep_for(10ms);
    }
  }
  co_return found;
}

TEST(answer_store, finds_what_it_kept_and_tells_parts_apart) {
  EXPECT_NE(answer_store::key_of({"ab", "c"}), answer_store::key_of({"a", "bc"}));
  EXPECT_EQ(answer_store::key_of({"ab", "c"}), answer_store::key_of({"ab", "c"}));
  prometheus::Registry registry;
  answers_series counted(registry);
  run(here(), {.timeout_ms = 2'000, .answer_bytes_max = 100}, counted,
      [&](answer_store& store) -> boost::asio::awaitable<void> {
        const std::string key = answer_store::key_of({"finds"});
        const auto found = co_await find_in_time(store, key);
        EXPECT_EQ(found.value_or(""), "kept");
        const std::string large = answer_store::key_of({"large"});
        store.keep(large, std::string(101, 'x'));
        co_await net::sleep_for(50ms);
        const auto none = co_await store.find(large);
        EXPECT_FALSE(none);
      });
  EXPECT_GE(counted.hits.Value(), 1);
  EXPECT_EQ(counted.not_kept.Value(), 1);
}

TEST(answer_store, lets_nobody_wait_for_a_redis_that_is_not_there) {
  prometheus::Registry registry;
  answers_series counted(registry);
  redis::config nowhere;
  nowhere.socket = "/nonexistent/redis.sock";
  run(nowhere, {}, counted, [&](answer_store& store) -> boost::asio::awaitable<void> {
    for (int i = 0; i < 1'000; ++i) {
      store.keep("ml:answer:x", "answer");
      const auto none = co_await store.find("ml:answer:x");
      EXPECT_FALSE(none);
    }
  });
  EXPECT_EQ(counted.unavailable.Value(), 1'000);
  EXPECT_EQ(counted.kept.Value(), 0);
}

TEST(answer_store, goes_on_without_a_redis_that_is_lost_and_finds_it_again) {
  prometheus::Registry registry;
  answers_series counted(registry);
  run(here(), {.timeout_ms = 2'000, .retry_ms = 20}, counted, [&](answer_store& store) -> boost::asio::awaitable<void> {
    const std::string key = answer_store::key_of({"lost"});
    const auto before = co_await find_in_time(store, key);
    EXPECT_EQ(before.value_or(""), "kept");
    test::redis_server::instance().restart();
    const auto none = co_await store.find(key); // away, or empty
    EXPECT_FALSE(none);
    const auto after = co_await find_in_time(store, key);
    EXPECT_EQ(after.value_or(""), "kept");
  });
}

TEST(answer_store, can_be_switched_off) {
  prometheus::Registry registry;
  answers_series counted(registry);
  run(here(), {.ttl_s = 0}, counted, [&](answer_store& store) -> boost::asio::awaitable<void> {
    EXPECT_FALSE(store.is_on());
    co_await net::sleep_for(20ms);
    store.keep("ml:answer:off", "answer");
    const auto none = co_await store.find("ml:answer:off");
    EXPECT_FALSE(none);
  });
  EXPECT_EQ(counted.unavailable.Value(), 0);
}

} // namespace
