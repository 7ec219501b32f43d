#pragma once
// The process's threads. Each runs one single-threaded io_context and owns what is built on it: connections, pools and
// services are locals of the function given to run_threads, so nothing is shared and nothing is locked.
//
//   net::run_threads(config.threads, [&](net::io_thread& thread) {
//     postgres::pool database(thread.io(), config.postgres);     // locals in dependency order
//     http::server server(thread, site, make_router(database));
//     thread.run();                                              // returns after SIGTERM or SIGINT and a drained stop
//   });
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <vector>

namespace pricing::net {

namespace asio = boost::asio;
using deadline = std::chrono::steady_clock::time_point;

inline deadline deadline_in(std::chrono::steady_clock::duration d) {
  return std::chrono::steady_clock::now() + d;
}

class io_thread {
 public:
  explicit io_thread(unsigned index);
  ~io_thread();
  asio::io_context& io() { return *io_; }
  unsigned index() const { return index_; }

  // Called when the process is asked to stop, newest first, each awaited before the next.
  void on_stop(std::function<asio::awaitable<void>()> step) { stop_steps_.push_back(std::move(step)); }
  // Starts a coroutine; an exception that leaves it is logged and ends the process's run.
  void spawn(std::function<asio::awaitable<void>()> body);
  // Runs until request_stop() has been called and every on_stop step has returned.
  void run();
  // From any thread; idempotent.
  void request_stop();

 private:
  asio::awaitable<void> stop();

  std::unique_ptr<asio::io_context> io_;
  unsigned index_;
  bool stopping_ = false;
  std::exception_ptr failure_;
  std::vector<std::function<asio::awaitable<void>()>> stop_steps_;
};

// Runs body on `count` threads (the caller's among them), each with its own io_thread. SIGTERM and SIGINT ask all of
// them to stop; so does an exception leaving one body, which is rethrown here once all have ended.
void run_threads(unsigned count, const std::function<void(io_thread&)>& body);

// Waits without blocking the thread.
asio::awaitable<void> sleep_for(std::chrono::steady_clock::duration d);

} // namespace pricing::net
