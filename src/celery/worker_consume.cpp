// Messages in: reserve what can run, hold what may not run yet, start the rest.
#include "celery/worker_state.hpp"

#include "core/log.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cmath>

#include <unistd.h>

namespace pricing::celery {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

steady_clock::duration seconds(double s) {
  return std::chrono::duration_cast<steady_clock::duration>(std::chrono::duration<double>(std::min(s, 1e8)));
}

constexpr std::size_t wakers_max = 64; // lists beyond are found by the poll of each second

} // namespace

// As many as threads are free, and more only while tasks are so short that they begin within prefetch_ms.
std::size_t worker::state::room() const {
  if (!io_waiting.empty() || finishing.size() > 20'000)
    return 0;
  const double ahead = pool->size() * (settings.prefetch_ms / 1e3) / std::max(mean_runtime_s, 1e-6);
  const auto extra = static_cast<std::size_t>(std::min<double>(ahead, settings.batch_max * 4));
  const auto capacity = pool->size() + extra;
  const auto in_hand = on_pool + to_submit.size() + checks_open;
  if (in_hand >= capacity)
    return 0;
  const auto free = std::min<std::size_t>(capacity - in_hand, static_cast<std::size_t>(settings.batch_max));
  // Rounds are worth their while when they bring a batch.
  return extra > 0 && free * 2 < std::min<std::size_t>(capacity, static_cast<std::size_t>(settings.batch_max)) ? 0
                                                                                                               : free;
}

void worker::state::wake_consumer() {
  consumer_woken = true;
  consumer_timer.cancel();
}

asio::awaitable<void> worker::state::consume() {
  auto backoff = 50ms;
  const auto rest = [this](std::chrono::milliseconds most) -> asio::awaitable<void> {
    if (!std::exchange(consumer_woken, false)) {
      boost::system::error_code ec;
      consumer_timer.expires_after(most);
      co_await consumer_timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
      consumer_woken = false;
    }
  };
  while (!stopping) {
    if (redeclare) {
      auto connected = co_await connect();
      if (!connected) {
        log::warning("redis is away", {{"error", json::string(connected.error().message)}});
        co_await pause(backoff);
        backoff = std::min(backoff * 2, 2'000ms);
        continue;
      }
      backoff = 50ms;
    }
    const auto n = room();
    if (n == 0) {
      co_await rest(1s);
      continue;
    }
    auto got = co_await queues.reserve(n);
    if (!got) {
      log::warning("messages cannot be reserved", {{"error", json::string(got.error().message)}});
      redeclare = true;
      co_await pause(backoff);
      continue;
    }
    last_round = steady_clock::now();
    for (auto& one : *got)
      accept(std::move(one));
    submit();
    if (!got->empty())
      continue;
    idle = true;
    for (const auto& t : waker_timers)
      t->cancel();
    co_await rest(1s);
    idle = false;
  }
  consumer_done = true;
  stop_timer.cancel();
}

// One connection per list that waits for a message while the worker is idle. BLMOVE of a list onto its own end leaves
// it as it was: a blocking look that, unlike BRPOP, cannot lose what it saw.
void worker::state::start_wakers() {
  ++waker_generation;
  for (const auto& t : waker_timers)
    t->cancel();
  for (const auto& c : waker_clients)
    c->disconnect();
  waker_timers.clear(), waker_clients.clear();
  for (const auto& list : queues.lists())
    if (waker_clients.size() < wakers_max)
      asio::co_spawn(io, wake_on(list, waker_generation), asio::detached);
}

asio::awaitable<void> worker::state::wake_on(std::string list, std::uint64_t generation) {
  const auto self = shared_from_this();
  const auto mine = std::make_shared<redis::client>(io, connection);
  const auto timer = std::make_shared<asio::steady_timer>(io);
  waker_clients.push_back(mine);
  waker_timers.push_back(timer);
  while (!stopping && generation == waker_generation) {
    boost::system::error_code ec;
    if (!idle) {
      timer->expires_after(1h);
      co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, ec));
      continue;
    }
    std::vector<std::string> words{"BLMOVE", list, list, "RIGHT", "RIGHT", "5"};
    auto seen = co_await mine->command(std::move(words), 8s);
    if (stopping || generation != waker_generation)
      break;
    if (!seen)
      co_await pause(500ms);
    else if (!seen->is_null() && idle) {
      idle = false;
      wake_consumer();
    }
  }
}

void worker::state::accept(reserved r) {
  message_limits sizes;
  sizes.envelope_bytes_max = sizes.body_bytes_max = static_cast<std::size_t>(settings.message_mb_max) << 20;
  auto m = message::parse(r.raw, sizes);
  if (!m) {
    ++counts.refused;
    log::warning("a message is set aside",
                 {{"queue", json::string(r.queue)}, {"reason", json::string(m.error().message)}});
    asio::co_spawn(io, queues.set_aside(std::move(r), m.error().message), asio::detached);
    return;
  }
  if (m->problem) {
    const bool disallowed = m->problem->code == errc::unsupported_media;
    const exception_info e{
        disallowed ? "ContentDisallowed" : "DecodeError", {json::string(m->problem->message)}, "kombu.exceptions"};
    return refuse(*m, std::move(r), m->problem->message, e);
  }
  const auto* entry = tasks.find(m->task);
  if (!entry)
    return refuse(*m, std::move(r), "the task is not registered here",
                  {"NotRegistered", {json::string(m->task)}, "celery.exceptions"});
  if (m->expires && system_clock{}.now() > *m->expires)
    return revoke_unrun(*m, std::move(r), "expired", true);
  const auto now = steady_clock::now();
  if (revoked.contains(m->id, now))
    return revoke_unrun(*m, std::move(r), "revoked", false);

  auto j = std::make_shared<job>(std::move(*m), std::move(r), *entry);
  j->received = now;
  if (j->msg.redelivered && !j->msg.chord() && settings.deduplicate && j->stores_result()) {
    ++checks_open;
    jobs.emplace(j->from.tag, j);
    asio::co_spawn(io, skip_if_done(std::move(j)), asio::detached);
    return;
  }
  jobs.emplace(j->from.tag, j);
  schedule(std::move(j));
}

// Stored twice: as the task's result for its caller, and in the dead letter for the operator.
void worker::state::refuse(const message& m, reserved r, std::string reason, const exception_info& e) {
  ++counts.refused;
  log::warning("a message is refused", {{"queue", json::string(r.queue)},
                                        {"task", json::string(m.task)},
                                        {"id", json::string(m.id)},
                                        {"reason", json::string(reason)}});
  finished f;
  f.tag = r.tag, f.redelivered = m.redelivered;
  if (!m.id.empty() && !m.ignore_result)
    f.operations.push_back(
        {operation::kind::result, queues.keys().task_meta(m.id), failure_record(m, task_state::failure, e)});
  append_failure_consequences(m, e, conclusion, f.operations);
  f.operations.push_back({operation::kind::push, queues.keys().dead_letter(),
                          to_python_json(json::object{{"reason", reason}, {"queue", r.queue}, {"message", r.raw}})});
  std::string members = R"("exception": )";
  append_json_string(members, repr(e));
  events.task("task-failed", m.id, members + R"(, "traceback": null)");
  push_finished(std::move(f));
}

void worker::state::revoke_unrun(const message& m, reserved r, const char* why, bool expired) {
  ++counts.revoked;
  const exception_info e{"TaskRevokedError", {why}, "celery.exceptions"};
  finished f;
  f.tag = r.tag, f.redelivered = m.redelivered;
  if (!m.ignore_result)
    f.operations.push_back(
        {operation::kind::result, queues.keys().task_meta(m.id), failure_record(m, task_state::revoked, e)});
  append_failure_consequences(m, e, conclusion, f.operations);
  events.task("task-revoked", m.id,
              std::string(R"("terminated": false, "signum": null, "expired": )") + (expired ? "true" : "false"));
  if (!m.chord() || m.group.empty())
    return push_finished(std::move(f));
  // A part of a chord that never runs still counts as one.
  auto j = std::make_shared<job>(message::parse(r.raw).value(), std::move(r), *tasks.find(m.task));
  j->end = job_end::revoked;
  j->result_json = to_python_json(to_json(e));
  j->result = std::move(f.operations);
  ++chords_open;
  asio::co_spawn(io, finish_chord(std::move(j)), asio::detached);
}

// Redelivered: perhaps only its acknowledgement was lost.
asio::awaitable<void> worker::state::skip_if_done(job_ptr j) {
  const auto self = shared_from_this();
  auto stored = co_await redis.get(queues.keys().task_meta(j->msg.id));
  --checks_open;
  if (stored && *stored) {
    const auto outcome = parse_outcome(**stored);
    if (outcome && outcome->state == task_state::success) {
      log::info("a redelivered task has succeeded before", {{"id", json::string(j->msg.id)}});
      forget(j);
      push_finished({j->from.tag, true, {}});
      co_return;
    }
  }
  schedule(std::move(j));
  submit();
}

void worker::state::schedule(job_ptr j) {
  if (events.tasks_enabled) {
    std::string members = R"("name": )";
    append_json_string(members, j->msg.shadow.empty() ? j->msg.task : j->msg.shadow);
    for (const auto& [name, text] :
         {std::pair(R"(, "args": )", j->msg.argsrepr), std::pair(R"(, "kwargs": )", j->msg.kwargsrepr),
          std::pair(R"(, "root_id": )", j->msg.root_id)})
      members += name, append_json_string(members, text);
    const auto nullable = [&](const char* name, const std::string& text) {
      members += name;
      text.empty() ? void(members += "null") : append_json_string(members, text);
    };
    nullable(R"(, "parent_id": )", std::string(j->msg.parent_id));
    members += R"(, "retries": )" + std::to_string(j->msg.retries);
    nullable(R"(, "eta": )", j->msg.eta ? to_iso(*j->msg.eta) : "");
    nullable(R"(, "expires": )", j->msg.expires ? to_iso(*j->msg.expires) : "");
    events.task("task-received", j->msg.id, members);
  }
  if (j->msg.eta) {
    const auto away = *j->msg.eta - system_clock{}.now();
    if (away > 0us)
      return hold(std::move(j), steady_clock::now() + away);
  }
  begin(std::move(j));
}

// Near: here, with its reservation kept fresh. Far, or too many: parked in Redis until shortly before.
void worker::state::hold(job_ptr j, steady_time until) {
  const auto away = until - steady_clock::now();
  if (away <= std::chrono::seconds(settings.eta_hold_s) && held.size() < static_cast<std::size_t>(settings.held_max)) {
    held.emplace(until, std::move(j));
    counts.held = held.size();
    run_held();
    return;
  }
  // Brought back when it can be held here, or when it is due.
  const auto early =
      away > std::chrono::seconds(settings.eta_hold_s) ? std::chrono::seconds(settings.eta_hold_s / 2) : 0s;
  const auto back = system_clock{}.now() + std::chrono::duration_cast<std::chrono::microseconds>(away - early);
  std::vector<std::pair<returned, timestamp>> one;
  one.emplace_back(returned{j->from.tag, j->from.list, j->from.raw}, back);
  forget(j);
  asio::co_spawn(io, queues.park(std::move(one)), asio::detached);
}

void worker::state::run_held() {
  const auto now = steady_clock::now();
  std::vector<job_ptr> due;
  while (!held.empty() && held.begin()->first <= now) {
    due.push_back(std::move(held.begin()->second));
    held.erase(held.begin());
  }
  counts.held = held.size();
  for (auto& j : due) {
    if (j->msg.expires && system_clock{}.now() > *j->msg.expires) {
      forget(j);
      revoke_unrun(j->msg, j->from, "expired", true);
    } else if (revoked.contains(j->msg.id, now)) {
      forget(j);
      revoke_unrun(j->msg, j->from, "revoked", false);
    } else {
      begin(std::move(j));
    }
  }
  if (!due.empty())
    submit();
  if (held.empty())
    return;
  held_timer.expires_at(held.begin()->first);
  held_timer.async_wait([weak = weak_from_this()](const boost::system::error_code& ec) {
    if (const auto self = weak.lock(); self && !ec && !self->stopping)
      self->run_held();
  });
}

void worker::state::begin(job_ptr j) {
  const auto rate = rates.find(j->msg.task);
  if (rate != rates.end() && rate->second)
    if (const auto next = rate->second->take(steady_clock::now()))
      return hold(std::move(j), *next);
  if (!j->entry.options.acks_late) {
    j->acknowledged = true;
    push_finished({j->from.tag, j->msg.redelivered, {}});
  }
  if (j->entry.cpu) {
    to_submit.push_back(std::move(j));
    return;
  }
  io_waiting.push_back(std::move(j));
  start_io();
}

void worker::state::submit() {
  if (to_submit.empty())
    return;
  on_pool += to_submit.size();
  for (const auto& j : to_submit)
    set_limits(j);
  pool->submit(std::exchange(to_submit, {}));
}

void worker::state::start_io() {
  while (!io_waiting.empty() && on_loop < static_cast<std::size_t>(settings.io_concurrency)) {
    auto j = std::move(io_waiting.front());
    io_waiting.pop_front();
    ++on_loop;
    set_limits(j);
    auto* slot = j.get();
    asio::co_spawn(io, run_io(std::move(j)), asio::bind_cancellation_slot(slot->cancel.slot(), asio::detached));
  }
}

// On a thread of the pool.
void worker::state::run_cpu(job& j) {
  j.started = steady_clock::now();
  j.started_unix = to_unix(system_clock{}.now());
  j.begun = true;
  try {
    j.outcome.emplace(j.entry.cpu(j.msg, j.context));
  } catch (const std::exception& e) {
    j.outcome.emplace(error{errc::internal, e.what()});
  } catch (...) {
    j.outcome.emplace(error{errc::internal, "the handler threw something that is no exception"});
  }
  j.runtime_s = std::chrono::duration<double>(steady_clock::now() - j.started).count();
  conclude(j, conclusion);
  j.over = true;
}

asio::awaitable<void> worker::state::run_io(job_ptr j) {
  const auto self = shared_from_this();
  j->started = steady_clock::now();
  j->started_unix = to_unix(system_clock{}.now());
  j->begun = true;
  try {
    auto r = co_await j->entry.io(j->msg, j->context);
    j->outcome.emplace(std::move(r));
  } catch (const boost::system::system_error& e) {
    const bool stopped = e.code() == asio::error::operation_aborted;
    j->outcome.emplace(error{stopped ? errc::timeout : errc::internal, e.what()});
  } catch (const std::exception& e) {
    j->outcome.emplace(error{errc::internal, e.what()});
  }
  j->runtime_s = std::chrono::duration<double>(steady_clock::now() - j->started).count();
  --on_loop;
  conclude(*j, conclusion);
  j->over = true;
  settle(j);
  kick_flush();
  start_io();
  wake_consumer();
}

// From any thread; the write happens on the loop.
void worker::state::progress(job& running, const json::value& v) {
  const auto text = to_python_json(v);
  result_record r;
  r.id = running.msg.id, r.custom_state = "PROGRESS", r.result_json = text, r.parent_id = running.msg.parent_id;
  asio::post(io, [this, weak = running.weak_from_this(), record = encode(r)]() mutable {
    const auto j = weak.lock();
    const auto now = steady_clock::now();
    if (!j || j->abandoned || j->over || now - j->progress_written < 200ms || !j->stores_result())
      return;
    j->progress_written = now;
    finished f;
    f.operations.push_back({operation::kind::result, queues.keys().task_meta(j->msg.id), std::move(record)});
    push_finished(std::move(f));
    kick_flush();
  });
}

void worker::state::set_limits(const job_ptr& j) {
  if (j->entry.options.track_started && j->stores_result()) {
    const auto text = to_python_json(json::object{{"pid", getpid()}, {"hostname", node}});
    result_record r;
    r.id = j->msg.id, r.state = task_state::started, r.result_json = text, r.parent_id = j->msg.parent_id;
    finished f;
    f.operations.push_back({operation::kind::result, queues.keys().task_meta(j->msg.id), encode(r)});
    push_finished(std::move(f));
  }
  events.task("task-started", j->msg.id);
  if (const auto changed = changed_limits.find(j->msg.task); changed != changed_limits.end()) {
    if (!j->msg.limits.soft_s)
      j->msg.limits.soft_s = changed->second.soft_s;
    if (!j->msg.limits.hard_s)
      j->msg.limits.hard_s = changed->second.hard_s;
  }
  job_access::on_progress(j->context, [this, running = j.get()](const json::value& v) { progress(*running, v); });
  const auto now = steady_clock::now();
  if (const double s = j->soft_limit_s(); s > 0) {
    job_access::set_soft(j->context, now + seconds(s));
    if (j->entry.io)
      limits.emplace(now + seconds(s), j);
  }
  if (const double s = j->hard_limit_s(); s > 0) {
    j->hard = now + seconds(s);
    limits.emplace(j->hard, j);
    limits.emplace(j->hard + std::chrono::seconds(settings.hard_limit_grace_s), j);
  }
  if (!limits.empty())
    check_limits();
}

void worker::state::check_limits() {
  const auto now = steady_clock::now();
  while (!limits.empty() && limits.begin()->first <= now) {
    const auto at = limits.begin()->first;
    const auto j = limits.begin()->second.lock();
    limits.erase(limits.begin());
    if (!j || j->over)
      continue;
    if (j->hard == steady_time{} || at < j->hard) {
      j->cancel.emit(asio::cancellation_type::terminal); // soft limit of an I/O handler
    } else if (!j->abandoned) {
      j->abandoned = true;
      job_access::cancel(j->context);
      const double limit = j->hard_limit_s();
      const exception_info e{
          "TimeLimitExceeded",
          {limit == std::floor(limit) ? json::value(static_cast<std::int64_t>(limit)) : json::value(limit)},
          "billiard.exceptions"};
      finished f{j->acknowledged ? "" : j->from.tag, j->msg.redelivered, {}};
      if (j->stores_result())
        f.operations.push_back({operation::kind::result, queues.keys().task_meta(j->msg.id),
                                failure_record(j->msg, task_state::failure, e)});
      append_failure_consequences(j->msg, e, conclusion, f.operations);
      j->acknowledged = true;
      push_finished(std::move(f));
      kick_flush();
      j->cancel.emit(asio::cancellation_type::terminal);
      log::error("a task exceeded its hard limit",
                 {{"task", json::string(j->msg.task)}, {"id", json::string(j->msg.id)}});
    } else if (at > j->hard) {
      log::error("a task ignores its hard limit; the process ends", {{"task", json::string(j->msg.task)}});
      how_ended = celery::ended::stuck_thread;
      stop(shutdown::cold);
    }
  }
  if (limits.empty())
    return;
  limits_timer.expires_at(limits.begin()->first);
  limits_timer.async_wait([weak = weak_from_this()](const boost::system::error_code& ec) {
    if (const auto self = weak.lock(); self && !ec)
      self->check_limits();
  });
}

asio::awaitable<void> worker::state::give_back(std::vector<job_ptr> list) {
  const auto self = shared_from_this();
  std::vector<returned> messages;
  for (const auto& j : list)
    if (!j->acknowledged) {
      j->acknowledged = true;
      messages.push_back({j->from.tag, j->from.list, j->from.raw});
    }
  for (const auto& j : list)
    forget(j);
  if (messages.empty())
    co_return;
  for (int tries = 0; tries < 5; ++tries) {
    auto given = co_await queues.restore(messages);
    if (given) {
      log::info("messages are given back", {{"count", *given}});
      co_return;
    }
    co_await pause(100ms);
  }
  log::warning("messages could not be given back; they return after the visibility timeout",
               {{"count", messages.size()}});
}

// A long task among short ones: what waits behind it is for other workers.
void worker::state::give_back_stalled() {
  if (on_pool <= pool->size() || steady_clock::now() - last_end < 500ms)
    return;
  auto back = pool->withdraw();
  if (back.empty())
    return;
  on_pool -= back.size();
  mean_runtime_s = 1e9;
  asio::co_spawn(io, give_back(std::move(back)), asio::detached);
}

void worker::state::terminate(std::string_view id) {
  for (const auto& [tag, j] : jobs)
    if (j->msg.id == id && j->begun) {
      j->terminated = true;
      job_access::revoke(j->context);
      j->cancel.emit(asio::cancellation_type::terminal);
    }
}

} // namespace pricing::celery
