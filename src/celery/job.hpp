#pragma once
// A message on its way through a worker.
#include "celery/broker.hpp"
#include "celery/limits.hpp"
#include "celery/task_table.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <atomic>

namespace pricing::celery {

enum class job_end { success, failure, retry, revoked, ignored };

struct job : std::enable_shared_from_this<job> {
  job(message m, reserved r, const task_entry& e) : msg(std::move(m)), from(std::move(r)), entry(e), context(msg) {}

  message msg;
  reserved from;
  const task_entry& entry;
  task_context context;

  steady_time received{}, started{}, hard{};
  double started_unix = 0;
  std::atomic<bool> begun = false;      // a thread or the loop runs it
  bool acknowledged = false;            // before its end: early, or after its hard limit
  bool abandoned = false;               // its result is stored already; what it returns is dropped
  std::atomic<bool> terminated = false; // revoked while it ran
  std::atomic<bool> over = false;       // concluded
  steady_time progress_written{};
  asio::cancellation_signal cancel; // of an I/O handler

  // Set by the one who ran it, read by the loop afterwards.
  std::optional<handler_result> outcome;
  job_end end = job_end::success;
  std::string result_json;       // or the exception's
  std::vector<operation> result; // what stores it
  std::vector<operation> follow; // what goes out with the acknowledgement
  std::string event_text;        // repr of result or exception
  double runtime_s = 0;

  double soft_limit_s() const { return msg.limits.soft_s.value_or(entry.options.soft_limit_s); }
  double hard_limit_s() const { return msg.limits.hard_s.value_or(entry.options.hard_limit_s); }
  bool stores_result() const { return !msg.ignore_result && !entry.options.ignore_result; }
};

// The one door to what a handler asked for through its context.
class job_access {
 public:
  static void cancel(task_context& c) { c.cancelled_ = true; }
  static void revoke(task_context& c) { c.revoked_ = c.cancelled_ = true; }
  static void set_soft(task_context& c, steady_time at) { c.soft_ = at; }
  static void on_progress(task_context& c, std::function<void(const json::value&)> f) { c.on_progress_ = std::move(f); }
  static const std::vector<signature>& children(const task_context& c) { return c.children_; }
  static const std::optional<double>& retry_in(const task_context& c) { return c.retry_in_s_; }
  static bool ignored(const task_context& c) { return c.ignored_; }
  static const std::optional<exception_info>& exception(const task_context& c) { return c.exception_; }
};

// Decides how a job ended and prepares every write that follows from it. Pure but for the clock and ids; runs on the
// thread that ran the handler.
struct conclude_context {
  const key_names& keys;
  const broker& queues; // for its pure operations_of
  std::string origin;
  std::function<std::string(std::string_view)> queue_of;
  std::atomic<bool> describe = false; // fill event_text
};
void conclude(job& j, const conclude_context& c);

// Failure of a message that never ran: unknown task, bad body, expired, revoked.
std::string failure_record(const message& m, task_state state, const exception_info& e);
// Writes that follow a failure beyond its own record: the rest of the chain fails too, errbacks are sent.
void append_failure_consequences(const message& m, const exception_info& e, const conclude_context& c,
                                 std::vector<operation>& out);

// Seconds before retry number `retries` + 1: backoff * 2^retries up to the maximum, full jitter.
double retry_pause_s(const task_options& o, int retries);

} // namespace pricing::celery
