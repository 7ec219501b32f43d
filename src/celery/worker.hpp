#pragma once
// A Celery worker on one event loop, with a pool of threads for CPU handlers.
//
//   celery::task_table tasks;  tasks.cpu(add, …);
//   celery::worker worker(io, config, redis_config, tasks);
//   worker.stop_on_signals();                 // as Celery: SIGTERM warm, SIGQUIT or a second SIGINT cold
//   co_await worker.run();                    // until stopped
//
// What it promises: a message is reserved by one script and stays reserved until its result and everything that
// follows from it (callbacks, the next of a chain, a retry) are written with the acknowledgement by one other. Killed
// at any moment, it loses nothing; the message runs again after the visibility timeout, so a handler may run more than
// once (at least once; with task_options.acks_late = false at most once).
#include "celery/config.hpp"
#include "celery/task_table.hpp"
#include "redis/config.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace pricing::celery {

namespace asio = boost::asio;

enum class shutdown {
  warm, // stop consuming, let running tasks end
  cold, // give everything back now; CPU handlers that ignore cancelled() are left behind
};

enum class ended {
  stopped,
  memory_limit, // drained; the supervisor should start a new process
  stuck_thread, // a handler ignored its hard limit; the process must end with _exit
};

struct worker_counts {
  std::size_t running = 0; // begun and not over
  std::size_t waiting = 0; // reserved, not begun
  std::size_t held = 0;    // for an ETA or a rate limit
  std::int64_t processed = 0, failed = 0, retried = 0, revoked = 0, refused = 0;
};

class worker {
 public:
  // tasks must outlive it. Throws std::invalid_argument for a configuration out of its limits.
  worker(asio::io_context& io, config c, redis::config connection, const task_table& tasks);
  ~worker();
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;

  asio::awaitable<ended> run();
  void stop(shutdown how);
  void stop_on_signals();

  // True while messages are really being consumed: the last round with Redis succeeded a moment ago.
  bool ready(std::chrono::seconds within = std::chrono::seconds(5)) const;
  worker_counts counts() const;
  const std::string& node() const;

  // For metrics: called on the loop after each task with its name, "SUCCESS"/"FAILURE"/"RETRY"/"REVOKED"/"IGNORED", how
  // long it waited since it was received here and how long it ran, in seconds.
  void on_task_end(std::function<void(std::string_view task, std::string_view state, double wait_s, double run_s)> f);

 private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace pricing::celery
