#pragma once
// The inside of a worker, shared by worker.cpp (life), worker_consume.cpp (messages in), worker_finish.cpp (results
// out) and worker_control.cpp (remote control). Everything runs on the loop unless it says otherwise.
#include "celery/broker.hpp"
#include "celery/control_message.hpp"
#include "celery/events.hpp"
#include "celery/job.hpp"
#include "celery/limits.hpp"
#include "celery/task_pool.hpp"
#include "celery/worker.hpp"
#include "redis/subscriber.hpp"

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <map>
#include <unordered_map>

namespace pricing::celery {

using job_ptr = std::shared_ptr<job>;

struct worker::state : std::enable_shared_from_this<state> {
  state(asio::io_context& io, config c, redis::config connection, const task_table& tasks);

  // worker.cpp
  asio::awaitable<ended> run();
  asio::awaitable<result<void>> connect();
  asio::awaitable<void> housekeep();
  asio::awaitable<void> one_second();
  asio::awaitable<void> mingle();
  asio::awaitable<void> shut_down();
  asio::awaitable<void> pause(std::chrono::milliseconds d);
  void stop(shutdown how);
  void watch_signals();
  bool over_memory() const;

  // worker_consume.cpp
  asio::awaitable<void> consume();
  void wake_consumer();
  std::size_t room() const;
  void start_wakers();
  asio::awaitable<void> wake_on(std::string list, std::uint64_t generation);
  void accept(reserved r);
  void refuse(const message& m, reserved r, std::string reason, const exception_info& e);
  void revoke_unrun(const message& m, reserved r, const char* why, bool expired);
  void schedule(job_ptr j);
  void hold(job_ptr j, steady_time until);
  asio::awaitable<void> skip_if_done(job_ptr j);
  void begin(job_ptr j);
  void run_held();
  void submit();
  asio::awaitable<void> run_io(job_ptr j);
  void start_io();
  void run_cpu(job& j); // on a thread of the pool
  void progress(job& running, const json::value& v);
  void set_limits(const job_ptr& j);
  void check_limits();
  asio::awaitable<void> give_back(std::vector<job_ptr> jobs);
  void give_back_stalled();
  void terminate(std::string_view id);

  // worker_finish.cpp
  void ended_on_pool(std::vector<job_ptr> jobs);
  void settle(const job_ptr& j);
  void announce(const job& j);
  void push_finished(finished f);
  void kick_flush();
  asio::awaitable<void> flush();
  asio::awaitable<void> finish_batch(std::vector<finished> batch);
  asio::awaitable<void> finish_chord(job_ptr j);
  asio::awaitable<void> chord_body(const job& j, std::string group, std::vector<operation>& follow, bool saved);
  asio::awaitable<result<json::array>> saved_group_results(std::string group);
  void forget(const job_ptr& j);

  // worker_control.cpp
  void on_control(const std::string& text);
  asio::awaitable<void> answer(control_request r);
  json::value perform(const control_request& r);
  json::value stats() const;
  json::array requests(bool active) const;
  json::array scheduled() const;
  json::array active_queues() const;
  json::value registered(const json::object& arguments) const;
  json::value query(const json::object& arguments) const;
  json::value configuration() const;
  json::value revoke(const json::object& arguments);
  json::value set_rate_limit(const json::object& arguments);
  json::value set_time_limit(const json::object& arguments);
  void change_queues(std::vector<std::string> queues);

  asio::io_context& io;
  const config settings;
  const redis::config connection;
  const task_table& tasks;
  const std::string node;
  redis::client redis;
  broker queues;
  logical_clock clock;
  event_sender events;
  redis::subscriber control;
  conclude_context conclusion;

  // What is held: by tag.
  std::unordered_map<std::string_view, job_ptr> jobs;
  std::multimap<steady_time, job_ptr> held;
  std::deque<job_ptr> io_waiting;
  std::vector<job_ptr> to_submit;
  std::vector<finished> finishing;
  std::multimap<steady_time, std::weak_ptr<job>> limits;
  std::map<std::string, std::optional<rate_limiter>, std::less<>> rates;
  std::map<std::string, time_limits, std::less<>> changed_limits;
  revoked_set revoked;
  std::size_t on_pool = 0, on_loop = 0, chords_open = 0, checks_open = 0;
  double mean_runtime_s = 1e9; // of CPU tasks; unknown is long
  steady_time last_round{}, last_end{};

  worker_counts counts;
  std::map<std::string, std::int64_t, std::less<>> totals;
  std::function<void(std::string_view, std::string_view, double, double)> on_end;
  const steady_time born = std::chrono::steady_clock::now();

  asio::steady_timer consumer_timer, held_timer, limits_timer, tick_timer, stop_timer;
  std::vector<std::shared_ptr<asio::steady_timer>> waker_timers;
  std::vector<std::shared_ptr<redis::client>> waker_clients;
  std::uint64_t waker_generation = 0;
  asio::signal_set signals;
  bool consumer_woken = false, idle = false, flushing = false, redeclare = true;
  bool stopping = false, cold = false, consumer_done = false, housekeeper_done = false;
  int interrupts = 0;
  ended how_ended = ended::stopped;

  std::unique_ptr<task_pool> pool; // last: its threads end first
};

} // namespace pricing::celery
