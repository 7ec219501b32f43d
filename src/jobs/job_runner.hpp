#pragma once
// The working threads of one process: each claims a job, runs its handler, stores how it ended, and goes on. One more
// thread listens for new jobs, renews the leases and keeps the metrics. A lost database is tried again every second.
//
//   jobs::job_runner runner(options, connect, {{"import", run_import}}, registry);
//   …
//   runner.stop(8s);   // running jobs are put back; true when every handler has ended
#include "jobs/job_queue.hpp"

#include <map>
#include <memory>

namespace prometheus {
class Registry;
}

namespace pricing::jobs {

using session_factory = std::function<std::unique_ptr<postgres::session>()>;

struct runner_options {
  unsigned threads = 2;
  std::chrono::seconds lease{30};        // after which the job of a dead worker is taken by another
  std::chrono::milliseconds poll{2'000}; // between looks at the queue when no notification comes
};

class job_runner {
 public:
  // Starts at once.
  job_runner(runner_options options, session_factory connect, std::map<std::string, job_handler> handlers,
             prometheus::Registry& registry);
  ~job_runner(); // stops and waits for the handlers to end
  job_runner(const job_runner&) = delete;

  // Takes no more jobs, interrupts the running ones at their next progress call and puts them back into the queue. A
  // handler that has not ended within `grace` keeps its thread, but its job is put back too: then false, and the
  // process should end without waiting. Idempotent.
  bool stop(std::chrono::milliseconds grace);
  // Has the database answered lately?
  bool healthy() const;

 private:
  class state;
  std::unique_ptr<state> state_;
};

} // namespace pricing::jobs
