#include "celery/producer.hpp"

#include "celery/control_message.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <unistd.h>

namespace pricing::celery {

// Those who wait for a result, by channel. A wake-up between a waiter's question and its sleep is remembered.
struct producer::waiting {
  struct waiter {
    waiter(asio::io_context& io, std::chrono::steady_clock::time_point until) : timer(io, until) {}
    asio::steady_timer timer;
    bool woken = false;
  };
  std::map<std::string, std::vector<std::shared_ptr<waiter>>> waiters;
  std::map<std::string, int> listeners;

  static void wake(const std::vector<std::shared_ptr<waiter>>& list) {
    for (const auto& w : list)
      w->woken = true, w->timer.cancel();
  }
  void wake_all() {
    for (const auto& [channel, list] : waiters)
      wake(list);
  }
};

namespace {
std::string make_origin() {
  char host[256] = "localhost";
  gethostname(host, sizeof host - 1);
  return "gen" + std::to_string(getpid()) + "@" + host;
}
} // namespace

producer::producer(asio::io_context& io, redis::client& redis, redis::config connection, producer_options options)
    : io_(io),
      redis_(redis),
      options_(std::move(options)),
      origin_(make_origin()),
      waiting_(std::make_shared<waiting>()),
      results_(
          io, std::move(connection), [this](const std::string& channel, const std::string&) { wake(channel); },
          [this] { waiting_->wake_all(); }) {}

producer::~producer() {
  waiting_->wake_all();
}

void producer::wake(const std::string& channel) {
  if (const auto found = waiting_->waiters.find(channel); found != waiting_->waiters.end())
    waiting::wake(found->second);
}

std::string producer::batch::add(std::string_view task, const json::array& args, const json::object& kwargs,
                                 send_options o) {
  outgoing m;
  m.argsrepr = repr(args, 1024, brackets::tuple);
  m.kwargsrepr = repr(json::value(kwargs));
  m.body = encode_body(args, kwargs);
  task_options t;
  t.queue = producer_.options_.default_queue;
  return add_body(task, t, std::move(m), std::move(o));
}

std::string producer::batch::add_encoded(std::string_view task, const task_options& t, std::string kwargs_json,
                                         send_options o) {
  outgoing m;
  m.kwargsrepr = kwargs_json.substr(0, 1024);
  m.body.reserve(kwargs_json.size() + empty_embed.size() + 8);
  m.body = "[[], ";
  m.body += kwargs_json;
  m.body += ", ";
  m.body += empty_embed;
  m.body += ']';
  return add_body(task, t, std::move(m), std::move(o));
}

std::string producer::batch::add_body(std::string_view task, const task_options& t, outgoing m, send_options o) {
  m.task = task;
  m.id = o.id.empty() ? new_uuid() : std::move(o.id);
  m.root_id = std::move(o.root_id), m.parent_id = std::move(o.parent_id), m.shadow = std::move(o.shadow);
  m.origin = producer_.origin_;
  m.queue = o.queue.empty() ? std::string(t.queue) : std::move(o.queue);
  m.priority = o.priority.value_or(t.priority);
  m.limits = o.limits;
  m.ignore_result = o.ignore_result.value_or(t.ignore_result);
  m.headers = std::move(o.headers);
  m.eta = o.eta, m.expires = o.expires;
  if (o.countdown_s || o.expires) {
    const auto now = system_clock{}.now();
    if (o.countdown_s)
      m.eta = from_unix(to_unix(now) + *o.countdown_s);
    if (o.expires)
      m.expiration_ms =
          std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::milliseconds>(*o.expires - now).count());
  }
  lists_[producer_.options_.keys.queue(m.queue, m.priority)].push_back(encode(m));
  queues_.insert(m.queue);
  ++count_;
  return m.id;
}

asio::awaitable<result<void>> producer::send(batch b) {
  auto registered = co_await register_queues(std::move(b.queues_));
  if (!registered)
    co_return registered.error();
  constexpr std::size_t words_max = 1'000;
  std::vector<std::vector<std::string>> commands;
  for (auto& [list, messages] : b.lists_)
    for (std::size_t from = 0; from < messages.size(); from += words_max) {
      std::vector<std::string> words{"LPUSH", list};
      const auto to = std::min(messages.size(), from + words_max);
      words.reserve(2 + to - from);
      for (auto i = from; i < to; ++i)
        words.push_back(std::move(messages[i]));
      commands.push_back(std::move(words));
    }
  auto answers = co_await redis_.pipeline(std::move(commands));
  if (!answers)
    co_return answers.error();
  for (const auto& a : *answers)
    if (a.is_error())
      co_return error{errc::unavailable, "redis does not take the messages: " + a.text, {}, 1};
  co_return result<void>();
}

asio::awaitable<result<void>> producer::register_queues(std::set<std::string> queues) {
  std::vector<std::vector<std::string>> commands;
  for (const auto& q : queues)
    if (!known_queues_.contains(q))
      commands.push_back({"SADD", options_.keys.binding(q), binding_member(q, "", q)});
  auto done = co_await redis_.pipeline(std::move(commands));
  if (!done)
    co_return done.error();
  known_queues_.merge(queues);
  co_return result<void>();
}

asio::awaitable<result<std::string>> producer::send(signature s) {
  apply_context context;
  context.origin = origin_;
  context.now = system_clock{}.now();
  context.queue_of = [this](std::string_view) { return options_.default_queue; };
  auto plan = apply(s, {}, context);
  if (!plan)
    co_return plan.error();
  std::set<std::string> queues;
  std::vector<std::vector<std::string>> commands;
  for (const auto& [group, size] : plan->chord_sizes)
    commands.push_back(options_.result_expires_s > 0
                           ? std::vector<std::string>{"SETEX", options_.keys.chord_size(group),
                                                      std::to_string(options_.result_expires_s), std::to_string(size)}
                           : std::vector<std::string>{"SET", options_.keys.chord_size(group), std::to_string(size)});
  for (auto& m : plan->messages) {
    commands.push_back({"LPUSH", options_.keys.queue(m.queue, m.priority), std::move(m.payload)});
    queues.insert(m.queue);
  }
  auto registered = co_await register_queues(std::move(queues));
  if (!registered)
    co_return registered.error();
  auto answers = co_await redis_.pipeline(std::move(commands));
  if (!answers)
    co_return answers.error();
  for (const auto& a : *answers)
    if (a.is_error())
      co_return error{errc::unavailable, "redis does not take the messages: " + a.text, {}, 1};
  co_return std::move(plan->id);
}

asio::awaitable<result<task_outcome>> producer::state(std::string id) {
  auto text = co_await redis_.get(options_.keys.task_meta(id));
  if (!text)
    co_return text.error();
  if (!*text) {
    task_outcome none;
    none.id = std::move(id);
    co_return none;
  }
  co_return parse_outcome(**text);
}

asio::awaitable<result<void>> producer::listen(std::string id) {
  co_return co_await results_.subscribe(options_.keys.task_meta(id));
}

asio::awaitable<result<task_outcome>> producer::wait(std::string id, std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  const auto channel = options_.keys.task_meta(id);
  const auto shared = waiting_;
  ++shared->listeners[channel];
  result<task_outcome> out = error{errc::timeout, "the task has not ended in time"};
  auto listening = co_await listen(id);
  if (!listening) {
    out = listening.error();
  } else {
    for (;;) {
      const auto me = std::make_shared<waiting::waiter>(io_, until);
      shared->waiters[channel].push_back(me);
      auto now = co_await state(id);
      const bool over = !now || is_ready(now->state) || std::chrono::steady_clock::now() >= until;
      if (!over && !me->woken) {
        boost::system::error_code ec;
        co_await me->timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
      }
      std::erase(shared->waiters[channel], me);
      if (!now || is_ready(now->state))
        out = std::move(now);
      if (over)
        break;
    }
  }
  if (--shared->listeners[channel] == 0) {
    shared->listeners.erase(channel);
    shared->waiters.erase(channel);
    results_.unsubscribe(channel);
  }
  co_return out;
}

asio::awaitable<result<void>> producer::revoke(std::vector<std::string> ids, bool terminate) {
  json::array list;
  for (auto& id : ids)
    list.push_back(json::string(id));
  control_request request;
  request.method = "revoke";
  request.arguments = {{"task_id", std::move(list)}, {"terminate", terminate}, {"signal", "SIGTERM"}};
  std::vector<std::string> words{"PUBLISH", options_.keys.control_channel(), encode(request)};
  auto sent = co_await redis_.command(std::move(words));
  if (!sent)
    co_return sent.error();
  co_return result<void>();
}

} // namespace pricing::celery
