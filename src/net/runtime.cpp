#include "net/runtime.hpp"

#include "core/log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <mutex>
#include <thread>

namespace pricing::net {
namespace {

std::string describe(std::exception_ptr e) {
  try {
    std::rethrow_exception(e);
  } catch (const std::exception& x) {
    return x.what();
  } catch (...) {
    return "unknown exception";
  }
}

} // namespace

io_thread::io_thread(unsigned index) : io_(std::make_unique<asio::io_context>(1)), index_(index) {}

// Coroutines that still wait refer to services that are gone by now: destroying their frames would touch these. And a
// pool's thread may still be about to wake the loop that it has just given a result. So the context is kept, unused, to
// the end of the process.
io_thread::~io_thread() {
  static std::mutex mutex;
  static auto* const kept = new std::vector<std::unique_ptr<asio::io_context>>;
  const std::lock_guard lock(mutex);
  kept->push_back(std::move(io_));
}

void io_thread::spawn(std::function<asio::awaitable<void>()> body) {
  // The function object must outlive its coroutine, whose frame refers to it.
  auto kept = std::make_shared<std::function<asio::awaitable<void>()>>(std::move(body));
  asio::co_spawn(*io_, (*kept)(), [this, kept](std::exception_ptr e) {
    if (!e)
      return;
    log::error("a background task failed", {{"error", describe(e).c_str()}});
    if (!failure_)
      failure_ = e;
    request_stop();
  });
}

void io_thread::request_stop() {
  asio::post(*io_, [this] {
    if (stopping_)
      return;
    stopping_ = true;
    asio::co_spawn(*io_, stop(), [this](std::exception_ptr e) {
      if (e)
        log::error("stopping failed", {{"error", describe(e).c_str()}});
      io_->stop();
    });
  });
}

asio::awaitable<void> io_thread::stop() {
  while (!stop_steps_.empty()) {
    auto step = std::move(stop_steps_.back());
    stop_steps_.pop_back();
    co_await step();
  }
}

void io_thread::run() {
  using namespace std::chrono_literals;
  {
    const auto work = asio::make_work_guard(*io_);
    io_->run();
  }
  io_->restart();
  // What the stop steps set free ends now; what still waits is abandoned.
  io_->run_for(50ms);
  if (failure_)
    std::rethrow_exception(failure_);
}

void run_threads(unsigned count, const std::function<void(io_thread&)>& body) {
  count = std::max(1u, count);
  std::vector<std::unique_ptr<io_thread>> threads;
  for (unsigned i = 0; i < count; ++i)
    threads.push_back(std::make_unique<io_thread>(i));
  const auto stop_all = [&] {
    for (auto& t : threads)
      t->request_stop();
  };

  std::mutex failure_mutex;
  std::exception_ptr failure;
  const auto run_one = [&](io_thread& t) {
    try {
      body(t);
    } catch (...) {
      const std::lock_guard lock(failure_mutex);
      if (!failure)
        failure = std::current_exception();
    }
    stop_all();
  };

  // The signals wake a context of their own, so that a busy thread 0 delays nobody's stop.
  asio::io_context signals_io(1);
  asio::signal_set signals(signals_io, SIGTERM, SIGINT);
  std::function<void(const boost::system::error_code&, int)> on_signal = [&](const boost::system::error_code& ec,
                                                                             int number) {
    if (ec)
      return;
    log::info("stopping", {{"signal", number}});
    stop_all();
  };
  signals.async_wait([&](const boost::system::error_code& ec, int number) { on_signal(ec, number); });
  std::thread signal_thread([&] { signals_io.run(); });

  std::vector<std::thread> others;
  for (unsigned i = 1; i < count; ++i)
    others.emplace_back([&, i] { run_one(*threads[i]); });
  run_one(*threads[0]);
  for (auto& t : others)
    t.join();
  signals_io.stop();
  signal_thread.join();
  if (failure)
    std::rethrow_exception(failure);
}

asio::awaitable<void> sleep_for(std::chrono::steady_clock::duration d) {
  asio::steady_timer timer(co_await asio::this_coro::executor, d);
  co_await timer.async_wait(asio::use_awaitable);
}

} // namespace pricing::net
