#pragma once
// Tasks whose runs are kept as jobs. The row of the table `jobs` is the truth and the message only its errand: the row
// is written together with what asks for the work, the message is sent from it (and again when it seems lost), and a
// run begins by claiming the row. So a job runs once however often its message comes, and Redis may lose everything.
//
//   job_tasks work(options, connect, registry);
//   work.add(table, ingest::import_task, [&](const ingest::import_in& in, const progress_function& progress) {…});
//   celery::worker worker(…, table, …);
//   work.start(send);         // …
//   work.stop(8s);            // running jobs are put back; true when every handler has ended
//
// The kind of a job is its task's name without "pricing."; the task's keyword arguments are the row's payload and the
// organization_id. Any Celery client may call the task by name: its run gets a row too, under the message's id.
//
// An error that lies in the input (invalid_input, not_found, forbidden, too_large, unsupported_media) fails the job;
// any other error or exception is tried again, later each time. A job may run twice when a worker is cut off: handlers
// must be safe to run again.
#include "celery/task_table.hpp"
#include "jobs/job_queue.hpp"

#include <memory>

namespace prometheus {
class Registry;
}

namespace pricing::jobs {

using session_factory = std::function<std::unique_ptr<postgres::session>()>;

struct job_options {
  std::chrono::seconds lease{30};        // after which the job of a dead worker is sent again
  std::chrono::seconds lost_after{60};   // after which a message that nobody took is sent again
  std::chrono::milliseconds poll{1'000}; // between looks for due jobs when no notification comes
};

// A message to be sent for a job.
struct errand {
  std::string task, queue, task_id;
  boost::json::object kwargs;
};
// Puts messages on their queues; false when that failed, then they are sent again later. May block.
using send_function = std::function<bool(const std::vector<errand>&)>;

// "pricing.train" of "train", and back.
std::string task_name(std::string_view kind);
std::string kind_of(std::string_view task_name);

class job_tasks {
 public:
  job_tasks(job_options options, session_factory connect, prometheus::Registry& registry);
  ~job_tasks(); // as stop(0s)
  job_tasks(const job_tasks&) = delete;

  // result<Out> handler(const In&, const progress_function&), on a thread of the worker; one that wants to know its job
  // takes a third argument, the job's task_id. In has a member organization_id. Before start().
  template <class In, class Out, class F>
  void add(celery::task_table& table, const celery::task<In, Out>& t, F handler) {
    const std::string kind = kind_of(t.name);
    declare(kind, t.options.queue);
    table.cpu(t, [this, kind, handler = std::move(handler)](const In& in, celery::task_context& c) -> result<Out> {
      const body work = [&](const progress_function& progress) -> result<boost::json::value> {
        const result<Out> out = [&] {
          if constexpr (std::is_invocable_v<const F&, const In&, const progress_function&, std::string_view>)
            return handler(in, progress, c.id());
          else
            return handler(in, progress);
        }();
        if (!out)
          return out.error();
        return wire::to_value(*out);
      };
      const auto done = run(kind, in.organization_id, wire::to_value(in), c, work);
      if (!done)
        return done.error();
      return wire::decode<Out>(*done);
    });
  }

  // Begins to send due jobs and to renew the leases of running ones.
  void start(send_function send);
  // Sends no more, interrupts the running jobs at their next progress call and puts them back. A handler that has not
  // ended within `grace` keeps its thread, but its job is put back too: then false, and the process should end without
  // waiting. Idempotent.
  bool stop(std::chrono::milliseconds grace);
  // Has the database answered lately?
  bool healthy() const;

 private:
  class state;
  using body = std::function<result<boost::json::value>(const progress_function&)>;
  void declare(const std::string& kind, std::string_view queue);
  result<boost::json::value> run(const std::string& kind, organization_id organization, boost::json::value arguments,
                                 celery::task_context& c, const body& work);

  std::unique_ptr<state> state_;
};

} // namespace pricing::jobs
