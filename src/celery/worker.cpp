// The life of a worker: connect, mingle, consume, keep house, shut down.
#include "celery/worker.hpp"

#include "celery/worker_state.hpp"
#include "core/log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <csignal>
#include <fstream>
#include <stdexcept>

#include <unistd.h>

namespace pricing::celery {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

std::string node_name(std::string_view configured) {
  char host[256] = "localhost";
  gethostname(host, sizeof host - 1);
  if (configured.empty())
    return std::string("pricing@") + host;
  return configured.find('@') == std::string_view::npos ? std::string(configured) + "@" + host
                                                        : std::string(configured);
}

const config& checked(const config& c) {
  const auto within = [](const char* name, int v, int min, int max) {
    if (v < min || v > max)
      throw std::invalid_argument(std::string("configuration: celery.") + name + " must be " + std::to_string(min) +
                                  " to " + std::to_string(max));
  };
  within("concurrency", c.concurrency, 1, 256);
  within("io_concurrency", c.io_concurrency, 1, 10'000);
  within("prefetch_ms", c.prefetch_ms, 0, 1'000);
  within("batch_max", c.batch_max, 1, 500);
  within("visibility_timeout_s", c.visibility_timeout_s, 1, 7 * 86'400);
  within("sweep_every_s", c.sweep_every_s, 1, 86'400);
  within("deliveries_max", c.deliveries_max, 1, 1'000'000);
  within("dead_letter_max", c.dead_letter_max, 1, 10'000'000);
  within("message_mb_max", c.message_mb_max, 1, 60);
  within("eta_hold_s", c.eta_hold_s, 1, 86'400);
  within("held_max", c.held_max, 1, 1'000'000);
  within("hard_limit_grace_s", c.hard_limit_grace_s, 1, 3'600);
  if (queue_names(c.queues).empty())
    throw std::invalid_argument("configuration: celery.queues names no queue");
  return c;
}

key_names names_of(const config& c, const redis::config& connection) {
  key_names out;
  out.prefix = c.prefix, out.result_prefix = c.result_prefix, out.database = connection.database;
  return out;
}

} // namespace

worker::state::state(asio::io_context& i, config c, redis::config r, const task_table& t)
    : io(i),
      settings(checked(c)),
      connection(r),
      tasks(t),
      node(node_name(c.node)),
      redis(i, r),
      queues(redis, names_of(c, r), {c.visibility_timeout_s, c.result_expires_s, c.deliveries_max, c.dead_letter_max}),
      events(i, redis, queues.keys(), node, clock),
      control(i, r, [this](const std::string&, const std::string& text) { on_control(text); }),
      conclusion{queues.keys(), queues, "gen" + std::to_string(getpid()) + "@" + node.substr(node.find('@') + 1),
                 [this, first = queue_names(c.queues).front()](std::string_view task) {
                   const auto* entry = tasks.find(task);
                   return entry && !entry->built_in ? std::string(entry->options.queue) : first;
                 },
                 c.task_events},
      consumer_timer(i),
      held_timer(i),
      limits_timer(i),
      tick_timer(i),
      stop_timer(i),
      signals(i) {
  events.tasks_enabled = c.task_events;
  for (const auto& [name, entry] : tasks.entries()) {
    auto rate = rate_limiter::parse(entry.options.rate_limit);
    if (!rate)
      throw std::invalid_argument(name + ": " + rate.error().message);
    if (*rate)
      rates.emplace(name, std::move(*rate));
  }
  pool = std::make_unique<task_pool>(
      i, [this](job& j) { run_cpu(j); }, [this](std::vector<job_ptr> done) { ended_on_pool(std::move(done)); },
      static_cast<unsigned>(c.concurrency));
}

asio::awaitable<void> worker::state::pause(std::chrono::milliseconds d) {
  asio::steady_timer timer(io, d);
  boost::system::error_code ec;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
}

// Also after a loss: what a failed over Redis has forgotten is told again.
asio::awaitable<result<void>> worker::state::connect() {
  const bool first = queues.queues().empty();
  auto names = first ? queue_names(settings.queues) : queues.queues();
  auto declared = co_await queues.declare(std::move(names));
  if (!declared)
    co_return declared.error();
  std::vector<std::string> bind{"SADD", queues.keys().binding("celery.pidbox"),
                                binding_member("", "", node + ".celery.pidbox")};
  auto bound = co_await redis.command(std::move(bind));
  if (!bound)
    co_return bound.error();
  // kombu publishes control to the channel of the exchange; its pattern has no wildcard.
  auto listening = co_await control.subscribe(queues.keys().control_channel());
  if (!listening)
    co_return listening.error();
  redeclare = false;
  if (waker_generation == 0 || first)
    start_wakers();
  co_return result<void>();
}

asio::awaitable<ended> worker::state::run() {
  const auto self = shared_from_this();
  for (auto backoff = 50ms; !stopping;) {
    auto connected = co_await connect();
    if (connected)
      break;
    log::warning("redis is away", {{"error", json::string(connected.error().message)}});
    co_await pause(backoff);
    backoff = std::min(backoff * 2, 2'000ms);
  }
  if (settings.mingle && !stopping)
    co_await mingle();
  if (!stopping) {
    co_await events.worker("worker-online", 0, 0);
    log::info("the worker consumes", {{"node", json::string(node)}, {"queues", json::string(settings.queues)}});
  }
  asio::co_spawn(io, housekeep(), asio::detached);
  co_await consume();
  co_await shut_down();
  co_return how_ended;
}

// Asks the workers that are there which tasks are revoked.
asio::awaitable<void> worker::state::mingle() {
  const auto mailbox = new_uuid();
  const auto& keys = queues.keys();
  const auto list = keys.queue(mailbox + ".reply.celery.pidbox");
  const auto member = binding_member(mailbox, "", mailbox + ".reply.celery.pidbox");
  control_request hello;
  hello.method = "hello";
  hello.arguments = {{"from_node", node}, {"revoked", json::object()}};
  hello.ticket = new_uuid(), hello.reply_exchange = "reply.celery.pidbox", hello.reply_key = mailbox;
  hello.clock = clock.forward(), hello.expires = to_unix(system_clock{}.now()) + 1;
  std::vector<std::vector<std::string>> ask;
  ask.push_back({"SADD", keys.binding("reply.celery.pidbox"), member});
  ask.push_back({"PUBLISH", keys.control_channel(), encode(hello)});
  auto asked = co_await redis.pipeline(std::move(ask));
  co_await pause(1s);
  std::vector<std::vector<std::string>> take;
  take.push_back({"LRANGE", list, "0", "-1"});
  take.push_back({"SREM", keys.binding("reply.celery.pidbox"), member});
  take.push_back({"DEL", list});
  auto taken = co_await redis.pipeline(std::move(take));
  if (!taken)
    co_return;
  for (const auto& text : (*taken)[0].list) {
    const auto reply = parse_plain(text.text);
    const auto* nodes = reply ? reply->body.if_object() : nullptr;
    if (!nodes)
      continue;
    for (const auto& [name, answer] : *nodes) {
      const auto* o = answer.if_object();
      const auto* ids = o ? o->if_contains("revoked") : nullptr;
      if (name == node || !ids || !ids->is_object())
        continue;
      for (const auto& [id, since] : ids->get_object())
        revoked.add(std::string(id), steady_clock::now());
      log::info("mingled", {{"node", json::string(name)}, {"revoked", ids->get_object().size()}});
    }
  }
}

asio::awaitable<void> worker::state::housekeep() {
  const auto self = shared_from_this();
  while (!consumer_done || !jobs.empty()) {
    boost::system::error_code ec;
    tick_timer.expires_after(1s);
    co_await tick_timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    if (cold)
      break;
    co_await one_second();
  }
  housekeeper_done = true;
  stop_timer.cancel();
}

asio::awaitable<void> worker::state::one_second() {
  const auto now = steady_clock::now();
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - born).count();
  give_back_stalled();
  if (age % 2 == 0)
    co_await events.worker("worker-heartbeat", on_pool + on_loop, counts.processed);
  const auto promoted = co_await queues.promote();
  if (promoted) {
    if (room() == 0)
      last_round = steady_clock::now(); // busy, and Redis answers
    if (*promoted > 0)
      wake_consumer();
  }
  if (age % std::max(1, settings.visibility_timeout_s / 4) == 0 && !jobs.empty()) {
    std::vector<std::string> tags;
    for (const auto& [tag, j] : jobs)
      tags.emplace_back(tag);
    auto refreshed = co_await queues.refresh(std::move(tags));
    if (!refreshed)
      log::warning("reservations cannot be kept fresh", {{"error", json::string(refreshed.error().message)}});
  }
  if (age % settings.sweep_every_s == 0) {
    const auto swept = co_await queues.sweep();
    if (swept && *swept > 0)
      log::warning("messages of lost workers are back in their queues", {{"count", *swept}});
  }
  if (over_memory() && !stopping) {
    log::warning("the memory limit is reached; the worker drains and ends", {{"limit_mb", settings.memory_mb_max}});
    how_ended = celery::ended::memory_limit;
    stop(shutdown::warm);
  }
}

bool worker::state::over_memory() const {
  if (settings.memory_mb_max <= 0)
    return false;
  std::ifstream in("/proc/self/statm");
  long total = 0, resident = 0;
  in >> total >> resident;
  return resident * (sysconf(_SC_PAGESIZE) / 1024) / 1024 > settings.memory_mb_max;
}

void worker::state::stop(shutdown how) {
  if (how == shutdown::cold && !std::exchange(cold, true)) {
    for (const auto& [tag, j] : jobs)
      job_access::cancel(j->context);
  }
  if (!std::exchange(stopping, true))
    log::info("the worker stops", {{"how", how == shutdown::warm ? "warm" : "cold"}});
  ++waker_generation;
  for (const auto& t : waker_timers)
    t->cancel();
  for (const auto& c : waker_clients)
    c->disconnect();
  wake_consumer();
  stop_timer.cancel();
  tick_timer.cancel();
}

// What was not begun goes back; what runs ends first, unless the shutdown is cold; the last results are written.
asio::awaitable<void> worker::state::shut_down() {
  const auto self = shared_from_this();
  const auto unrun = [this] {
    std::vector<job_ptr> out = pool->withdraw();
    on_pool -= out.size();
    for (auto& [at, j] : std::exchange(held, {}))
      out.push_back(j);
    for (auto& j : std::exchange(io_waiting, {}))
      out.push_back(j);
    for (auto& j : std::exchange(to_submit, {}))
      out.push_back(j);
    return out;
  };
  auto back = unrun();
  co_await give_back(std::move(back));
  const auto wait_a_moment = [this]() -> asio::awaitable<void> {
    boost::system::error_code ec;
    stop_timer.expires_after(100ms);
    co_await stop_timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  };
  auto cold_since = steady_time{};
  while (on_pool + on_loop + chords_open + checks_open > 0 || flushing || !finishing.empty()) {
    if (cold && cold_since == steady_time{}) {
      cold_since = steady_clock::now();
      for (const auto& [tag, j] : jobs)
        j->cancel.emit(asio::cancellation_type::terminal);
    }
    if (cold && steady_clock::now() - cold_since > 1s)
      break;
    kick_flush();
    if (checks_open == 0 && (!to_submit.empty() || !io_waiting.empty() || !held.empty())) {
      back = unrun();
      co_await give_back(std::move(back));
    }
    co_await wait_a_moment();
  }
  std::vector<job_ptr> rest;
  for (const auto& [tag, j] : jobs)
    rest.push_back(j);
  for (const auto& j : rest)
    j->abandoned = true;
  if (on_pool > 0 && how_ended == celery::ended::stopped)
    how_ended = celery::ended::stuck_thread;
  co_await give_back(std::move(rest));
  co_await events.flush();
  co_await events.worker("worker-offline", 0, counts.processed);
  std::vector<std::string> unbind{"SREM", queues.keys().binding("celery.pidbox"),
                                  binding_member("", "", node + ".celery.pidbox")};
  auto ignored = co_await redis.command(std::move(unbind));
  control.unsubscribe(queues.keys().control_channel());
  tick_timer.cancel();
  signals.cancel();
  while (!housekeeper_done)
    co_await wait_a_moment();
}

void worker::state::watch_signals() {
  signals.async_wait([weak = weak_from_this()](const boost::system::error_code& ec, int number) {
    const auto self = weak.lock();
    if (!self || ec)
      return;
    const bool again = number == SIGINT && ++self->interrupts > 1;
    self->stop(number == SIGQUIT || again ? shutdown::cold : shutdown::warm);
    self->watch_signals();
  });
}

worker::worker(asio::io_context& io, config c, redis::config connection, const task_table& tasks)
    : state_(std::make_shared<state>(io, std::move(c), std::move(connection), tasks)) {}
worker::~worker() = default;

asio::awaitable<ended> worker::run() {
  return state_->run();
}
void worker::stop(shutdown how) {
  state_->stop(how);
}
void worker::stop_on_signals() {
  for (const int number : {SIGTERM, SIGINT, SIGQUIT})
    state_->signals.add(number);
  state_->watch_signals();
}
bool worker::ready(std::chrono::seconds within) const {
  return !state_->stopping && steady_clock::now() - state_->last_round < within;
}
worker_counts worker::counts() const {
  auto out = state_->counts;
  out.running = std::min<std::size_t>(state_->on_pool, state_->pool->size()) + state_->on_loop;
  out.waiting =
      state_->on_pool - std::min<std::size_t>(state_->on_pool, state_->pool->size()) + state_->io_waiting.size();
  out.held = state_->held.size();
  return out;
}
const std::string& worker::node() const {
  return state_->node;
}
void worker::on_task_end(std::function<void(std::string_view, std::string_view, double, double)> f) {
  state_->on_end = std::move(f);
}

} // namespace pricing::celery
