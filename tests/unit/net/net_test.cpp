#include "net/cpu_pool.hpp"
#include "net/runtime.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <csignal>
#include <future>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

namespace pricing::net {
namespace {

using namespace std::chrono_literals;

// The loop outlives the pool: the pool's thread may be about to wake it when the last result has been taken.
template <class F>
void run(asio::io_context& io, F body) {
  std::exception_ptr failed;
  asio::co_spawn(io, body(), [&](std::exception_ptr e) { failed = e; });
  io.run();
  if (failed)
    std::rethrow_exception(failed);
}

TEST(cpu_pool, returns_values_errors_and_exceptions_to_the_callers_thread) {
  asio::io_context io;
  cpu_pool pool(2, 4);
  run(io, [&]() -> asio::awaitable<void> {
    const auto here = std::this_thread::get_id();
    std::thread::id there;
    const auto value = co_await pool.run([&] {
      there = std::this_thread::get_id();
      return std::string("done");
    });
    EXPECT_EQ(value.value(), "done");
    EXPECT_NE(there, here);
    EXPECT_EQ(std::this_thread::get_id(), here);
    const auto failed = co_await pool.run([]() -> result<int> { return not_found("nothing"); });
    EXPECT_EQ(failed.error().code, errc::not_found);
    const auto nothing = co_await pool.run([] {});
    EXPECT_TRUE(nothing);
    bool thrown = false;
    try {
      co_await pool.run([]() -> int { throw std::runtime_error("broken"); });
    } catch (const std::runtime_error&) {
      thrown = true;
    }
    EXPECT_TRUE(thrown);
    EXPECT_EQ(pool.pending(), 0u);
  });
}

TEST(cpu_pool, says_unavailable_when_its_queue_is_full) {
  asio::io_context io;
  cpu_pool pool(1, 1);
  std::promise<void> gate;
  auto opened = gate.get_future().share();
  int good = 0;
  const auto wait = [&]() -> asio::awaitable<void> {
    const auto work = [opened] { opened.wait(); };
    const auto r = co_await pool.run(work);
    good += r ? 1 : 0;
  };
  const auto third = [&]() -> asio::awaitable<void> {
    const auto r = co_await pool.run([] {});
    EXPECT_EQ(r.error().code, errc::unavailable);
    EXPECT_EQ(r.error().retry_after_s, 1);
    gate.set_value();
  };
  asio::co_spawn(io, wait(), asio::detached);
  asio::co_spawn(io, wait(), asio::detached);
  asio::co_spawn(io, third(), asio::detached);
  io.run();
  EXPECT_EQ(good, 2);
}

TEST(run_threads, stops_every_thread_on_sigterm_newest_step_first) {
  std::atomic<int> started = 0;
  std::mutex mutex;
  std::vector<std::string> steps;
  std::thread killer([&] {
    while (started < 2)
      std::this_thread::sleep_for(1ms);
    ::kill(::getpid(), SIGTERM);
  });
  run_threads(2, [&](io_thread& t) {
    for (std::string name : {"first", "second"})
      t.on_stop([&, name]() -> asio::awaitable<void> {
        co_await sleep_for(5ms);
        const std::lock_guard lock(mutex);
        if (t.index() == 0)
          steps.push_back(name);
      });
    asio::post(t.io(), [&] { ++started; });
    t.run();
  });
  killer.join();
  EXPECT_EQ(steps, (std::vector<std::string>{"second", "first"}));
}

TEST(run_threads, rethrows_and_stops_the_others_when_one_fails) {
  EXPECT_THROW(run_threads(2,
                           [&](io_thread& t) {
                             if (t.index() == 1)
                               throw std::runtime_error("the port is taken");
                             t.run();
                           }),
               std::runtime_error);
  EXPECT_THROW(run_threads(2,
                           [&](io_thread& t) {
                             if (t.index() == 1)
                               t.spawn([]() -> asio::awaitable<void> {
                                 co_await sleep_for(1ms);
                                 throw std::runtime_error("a task failed");
                               });
                             t.run();
                           }),
               std::runtime_error);
}

TEST(run_threads, leaves_waiting_coroutines_alone_at_the_end) {
  // Its frame refers to a local of the thread that is gone when the context goes.
  struct guard {
    int* value;
    ~guard() { *value = 2; }
  };
  std::thread stopper;
  run_threads(1, [&](io_thread& t) {
    auto value = std::make_unique<int>(1);
    t.spawn([&value]() -> asio::awaitable<void> {
      const guard g{value.get()};
      co_await sleep_for(1h);
    });
    stopper = std::thread([&t] {
      std::this_thread::sleep_for(20ms);
      t.request_stop();
    });
    t.run();
  });
  stopper.join();
}

} // namespace
} // namespace pricing::net
