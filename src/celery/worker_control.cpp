// Remote control: what `celery inspect` and `celery control` ask of a worker.
#include "celery/worker_state.hpp"

#include "core/log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>

#include <sys/resource.h>
#include <unistd.h>

namespace pricing::celery {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

json::object ok(std::string_view text) {
  return {{"ok", text}};
}
json::object wrong(std::string_view text) {
  return {{"error", text}};
}

std::string text_of(const json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  return v && v->is_string() ? std::string(v->get_string()) : std::string();
}

std::vector<std::string> texts_of(const json::object& o, std::string_view name) {
  std::vector<std::string> out;
  const auto* v = o.if_contains(name);
  if (v && v->is_string())
    out.emplace_back(v->get_string());
  if (v && v->is_array())
    for (const auto& one : v->get_array())
      if (one.is_string())
        out.emplace_back(one.get_string());
  return out;
}

std::optional<double> seconds_of(const json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  if (v && v->is_int64())
    return static_cast<double>(v->get_int64());
  if (v && v->is_double())
    return v->get_double();
  return std::nullopt;
}

json::object request_info(const job& j, const std::string& node) {
  const bool begun = j.begun;
  return {{"id", j.msg.id},
          {"name", j.msg.task},
          {"args", json::value(j.msg.args())},
          {"kwargs", json::value(j.msg.kwargs())},
          {"type", j.msg.task},
          {"hostname", node},
          {"time_start", begun ? json::value(j.started_unix) : json::value()},
          {"acknowledged", j.acknowledged},
          {"delivery_info",
           {{"exchange", j.msg.exchange},
            {"routing_key", j.msg.routing_key},
            {"priority", j.msg.priority},
            {"redelivered", j.msg.redelivered ? json::value(true) : json::value()}}},
          {"worker_pid", begun ? json::value(getpid()) : json::value()}};
}

} // namespace

void worker::state::on_control(const std::string& text) {
  auto r = parse_control(text);
  if (!r)
    return log::warning("a control message is ignored", {{"reason", json::string(r.error().message)}});
  clock.adjust(r->clock);
  if (r->expires > 0 && r->expires < to_unix(system_clock{}.now()))
    return;
  if (addressed(*r, node))
    asio::co_spawn(io, answer(std::move(*r)), asio::detached);
}

// A reply goes to a list that its asker is still bound to; a dead asker's list would stay for ever.
asio::awaitable<void> worker::state::answer(control_request r) {
  const auto self = shared_from_this();
  json::value reply;
  if (r.method == "memsample") {
    reply = json::value(std::to_string(getpid()));
  } else {
    reply = perform(r);
  }
  if (r.reply_key.empty() || reply.is_null())
    co_return;
  std::vector<std::string> ask{"SMEMBERS", queues.keys().binding(r.reply_exchange)};
  auto members = co_await redis.command(std::move(ask));
  if (!members)
    co_return;
  std::vector<std::vector<std::string>> pushes;
  for (const auto& m : members->list)
    if (const auto b = parse_binding(m.text); b.routing_key == r.reply_key && !b.queue.empty())
      pushes.push_back({"LPUSH", queues.keys().queue(b.queue), encode_reply(r, node, reply, clock.forward())});
  auto ignored = co_await redis.pipeline(std::move(pushes));
}

// Null: no reply.
json::value worker::state::perform(const control_request& r) {
  const auto& a = r.arguments;
  const auto& m = r.method;
  if (m == "ping")
    return ok("pong");
  if (m == "hello") {
    if (text_of(a, "from_node") == node)
      return {};
    if (const auto* ids = a.if_contains("revoked"); ids && ids->is_object())
      for (const auto& [id, since] : ids->get_object())
        revoked.add(std::string(id), steady_clock::now());
    json::object ages;
    for (const auto& [id, age] : revoked.ages(steady_clock::now()))
      ages[id] = to_unix(system_clock{}.now()) - age;
    return json::object{{"revoked", std::move(ages)}, {"clock", clock.value()}};
  }
  if (m == "stats")
    return stats();
  if (m == "active" || m == "dump_active")
    return requests(true);
  if (m == "reserved" || m == "dump_reserved")
    return requests(false);
  if (m == "scheduled" || m == "dump_schedule")
    return scheduled();
  if (m == "registered" || m == "dump_tasks")
    return registered(a);
  if (m == "active_queues")
    return active_queues();
  if (m == "revoked" || m == "dump_revoked") {
    json::array out;
    for (auto& id : revoked.ids(steady_clock::now()))
      out.push_back(json::string(id));
    return out;
  }
  if (m == "conf" || m == "dump_conf")
    return configuration();
  if (m == "report")
    return ok("software -> pricing worker, celery protocol 2 over redis\n" + to_python_json(configuration()));
  if (m == "clock")
    return json::object{{"clock", clock.value()}};
  if (m == "query_task")
    return query(a);
  if (m == "revoke")
    return revoke(a);
  if (m == "terminate") {
    auto with = a;
    with["terminate"] = true;
    return revoke(with);
  }
  if (m == "rate_limit")
    return set_rate_limit(a);
  if (m == "time_limit")
    return set_time_limit(a);
  if (m == "enable_events" || m == "disable_events") {
    const bool on = m == "enable_events";
    if (std::exchange(events.tasks_enabled, on) == on)
      return ok(on ? "task events already enabled" : "task events already disabled");
    conclusion.describe = on;
    return ok(on ? "task events enabled" : "task events disabled");
  }
  if (m == "heartbeat") {
    asio::co_spawn(io, events.worker("worker-heartbeat", on_pool + on_loop, counts.processed), asio::detached);
    return {};
  }
  if (m == "election")
    return {};
  if (m == "pool_grow" || m == "pool_shrink") {
    const auto n = static_cast<unsigned>(std::clamp(seconds_of(a, "n").value_or(1), 0.0, 256.0));
    if (m == "pool_grow") {
      pool->resize(std::min(256u, pool->size() + n));
      wake_consumer();
      return ok("pool will grow");
    }
    pool->resize(pool->size() > n ? pool->size() - n : 1);
    return ok("pool will shrink");
  }
  if (m == "autoscale")
    return wrong("Autoscale not enabled");
  if (m == "pool_restart")
    return wrong("Pool restarts not enabled");
  if (m == "shutdown") {
    stop(shutdown::warm);
    return {};
  }
  if (m == "add_consumer" || m == "cancel_consumer") {
    const auto name = text_of(a, "queue");
    if (name.empty())
      return wrong("a queue must be named");
    auto all = queues.queues();
    const auto found = std::find(all.begin(), all.end(), name);
    if (m == "add_consumer") {
      if (found != all.end())
        return ok("already consuming from '" + name + "'");
      all.push_back(name);
      change_queues(std::move(all));
      return ok("add consumer " + name);
    }
    if (found != all.end())
      all.erase(found), change_queues(std::move(all));
    return ok("no longer consuming from " + name);
  }
  if (m == "memdump" || m == "objgraph")
    return wrong("not available in this worker");
  return wrong("UnknownMethod('" + m.substr(0, 100) + "')");
}

void worker::state::change_queues(std::vector<std::string> all) {
  const auto change = [](std::shared_ptr<state> self, std::vector<std::string> names) -> asio::awaitable<void> {
    auto declared = co_await self->queues.declare(std::move(names));
    if (!declared)
      self->redeclare = true;
    self->start_wakers();
    self->wake_consumer();
  };
  asio::co_spawn(io, change(shared_from_this(), std::move(all)), asio::detached);
}

json::value worker::state::stats() const {
  json::object total;
  for (const auto& [name, n] : totals)
    total[name] = n;
  rusage u{};
  getrusage(RUSAGE_SELF, &u);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now() - born).count();
  return json::object{{"total", std::move(total)},
                      {"pid", getpid()},
                      {"clock", std::to_string(clock.value())},
                      {"uptime", uptime},
                      {"pool",
                       {{"implementation", "pricing::celery::task_pool"},
                        {"max-concurrency", pool->size()},
                        {"processes", json::array{getpid()}},
                        {"max-tasks-per-child", "N/A"},
                        {"put-guarded-by-semaphore", false},
                        {"timeouts", json::array{0, 0}},
                        {"writes",
                         {{"total", counts.processed},
                          {"avg", "1.00"},
                          {"all", "1.00"},
                          {"raw", std::to_string(counts.processed)},
                          {"strategy", "fair"},
                          {"inqueues", {{"total", 1}, {"active", 0}}}}}}},
                      {"broker",
                       {{"hostname", connection.socket.empty() ? connection.host : connection.socket},
                        {"userid", connection.username.empty() ? json::value() : json::value(connection.username)},
                        {"virtual_host", std::to_string(connection.database)},
                        {"port", connection.port},
                        {"insist", false},
                        {"ssl", false},
                        {"transport", connection.sentinels.empty() ? "redis" : "sentinel"},
                        {"connect_timeout", 4},
                        {"transport_options", json::object()},
                        {"login_method", nullptr},
                        {"uri_prefix", nullptr},
                        {"heartbeat", 120.0},
                        {"failover_strategy", "round-robin"},
                        {"alternates", json::array()}}},
                      {"prefetch_count", pool->size()},
                      {"rusage",
                       {{"utime", seconds(u.ru_utime)},
                        {"stime", seconds(u.ru_stime)},
                        {"maxrss", u.ru_maxrss},
                        {"ixrss", 0},
                        {"idrss", 0},
                        {"isrss", 0},
                        {"minflt", u.ru_minflt},
                        {"majflt", u.ru_majflt},
                        {"nswap", 0},
                        {"inblock", u.ru_inblock},
                        {"oublock", u.ru_oublock},
                        {"msgsnd", 0},
                        {"msgrcv", 0},
                        {"nsignals", 0},
                        {"nvcsw", u.ru_nvcsw},
                        {"nivcsw", u.ru_nivcsw}}}};
}

json::array worker::state::requests(bool active) const {
  constexpr std::size_t most = 1'000;
  json::array out;
  for (const auto& [tag, j] : jobs)
    if (j->begun == active && !j->over && out.size() < most)
      out.push_back(request_info(*j, node));
  return out;
}

json::array worker::state::scheduled() const {
  constexpr std::size_t most = 1'000;
  json::array out;
  for (const auto& [at, j] : held)
    if (out.size() < most)
      out.push_back(json::object{{"eta", j->msg.eta ? json::value(to_iso(*j->msg.eta)) : json::value()},
                                 {"priority", 6},
                                 {"request", request_info(*j, node)}});
  return out;
}

json::array worker::state::active_queues() const {
  json::array out;
  for (const auto& q : queues.queues())
    out.push_back(json::object{{"name", q},
                               {"exchange",
                                {{"name", q},
                                 {"type", "direct"},
                                 {"arguments", nullptr},
                                 {"durable", true},
                                 {"passive", false},
                                 {"auto_delete", false},
                                 {"delivery_mode", nullptr},
                                 {"no_declare", false}}},
                               {"routing_key", q},
                               {"queue_arguments", nullptr},
                               {"binding_arguments", nullptr},
                               {"consumer_arguments", nullptr},
                               {"durable", true},
                               {"exclusive", false},
                               {"auto_delete", false},
                               {"no_ack", false},
                               {"alias", nullptr},
                               {"bindings", json::array()},
                               {"no_declare", nullptr},
                               {"expires", nullptr},
                               {"message_ttl", nullptr},
                               {"max_length", nullptr},
                               {"max_length_bytes", nullptr},
                               {"max_priority", nullptr}});
  return out;
}

json::value worker::state::registered(const json::object& a) const {
  const auto items = texts_of(a, "taskinfoitems");
  const auto* wanted = a.if_contains("builtins");
  const bool builtins = wanted && wanted->is_bool() && wanted->get_bool();
  json::array out;
  for (const auto& [name, entry] : tasks.entries()) {
    if (entry.built_in && !builtins)
      continue;
    std::string fields;
    const auto rate = rates.find(name);
    for (const auto& item : items.empty() ? std::vector<std::string>{"rate_limit"} : items) {
      std::string value;
      if (item == "rate_limit" && rate != rates.end() && rate->second)
        value = rate->second->text();
      else if (item == "max_retries")
        value = std::to_string(entry.options.max_retries);
      else if (item == "queue")
        value = entry.options.queue;
      else if (item == "acks_late")
        value = entry.options.acks_late ? "True" : "False";
      if (!value.empty())
        fields.append(fields.empty() ? " [" : " ").append(item).append("=").append(value);
    }
    if (!fields.empty())
      fields += ']';
    out.push_back(json::string(name + fields));
  }
  return out;
}

json::value worker::state::query(const json::object& a) const {
  const auto ids = texts_of(a, "ids");
  json::object out;
  for (const auto& [tag, j] : jobs)
    if (std::find(ids.begin(), ids.end(), j->msg.id) != ids.end())
      out[j->msg.id] = json::array{j->begun ? "active" : "reserved", request_info(*j, node)};
  return out;
}

json::value worker::state::configuration() const {
  json::object out{{"broker_url", "redis://" + connection.host + ":" + std::to_string(connection.port) + "/" +
                                      std::to_string(connection.database)},
                   {"result_backend", "redis"},
                   {"task_default_queue", queues.queues().empty() ? "celery" : queues.queues().front()},
                   {"worker_concurrency", pool->size()},
                   {"task_acks_late", true},
                   {"task_track_started", false},
                   {"result_expires", settings.result_expires_s},
                   {"accept_content", json::array{"json"}},
                   {"task_serializer", "json"},
                   {"timezone", "UTC"},
                   {"enable_utc", true},
                   {"worker_send_task_events", events.tasks_enabled}};
  out["broker_transport_options"] = json::object{{"visibility_timeout", settings.visibility_timeout_s}};
  return out;
}

json::value worker::state::revoke(const json::object& a) {
  const auto ids = texts_of(a, "task_id");
  const auto* flag = a.if_contains("terminate");
  const bool stop_running = flag && flag->is_bool() && flag->get_bool();
  std::string list;
  for (const auto& id : ids) {
    revoked.add(id, steady_clock::now());
    if (stop_running)
      terminate(id);
    list += (list.empty() ? "" : ", ") + id;
  }
  return ok("tasks " + list + " flagged as revoked");
}

json::value worker::state::set_rate_limit(const json::object& a) {
  const auto name = text_of(a, "task_name");
  auto text = text_of(a, "rate_limit");
  if (const auto n = seconds_of(a, "rate_limit"))
    text = std::to_string(*n);
  auto limit = rate_limiter::parse(text);
  if (!limit)
    return wrong("Invalid rate limit string: '" + text.substr(0, 50) + "'");
  if (!tasks.find(name))
    return wrong("unknown task");
  const bool off = !*limit;
  rates[name] = std::move(*limit);
  return ok(off ? "rate limit disabled successfully" : "new rate limit set successfully");
}

json::value worker::state::set_time_limit(const json::object& a) {
  const auto name = text_of(a, "task_name");
  if (!tasks.find(name))
    return wrong("unknown task");
  changed_limits[name] = {seconds_of(a, "hard"), seconds_of(a, "soft")};
  return ok("time limits set successfully");
}

} // namespace pricing::celery
