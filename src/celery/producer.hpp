#pragma once
// Sends tasks and waits for their results. For one event loop; any Celery worker may run what is sent.
//
//   producer tasks(redis, config, {});
//   auto id = co_await tasks.send(add, {1, 2});
//   auto sum = co_await tasks.call(add, {1, 2}, 5s);          // result<int>
//   producer::batch many = tasks.make_batch();                 // one write for all of them
//   for (…) many.add(add, {i, i});
//   co_await tasks.send(std::move(many));
#include "celery/broker.hpp"
#include "celery/task.hpp"
#include "redis/subscriber.hpp"

#include <map>
#include <set>

namespace pricing::celery {

struct producer_options {
  key_names keys{};
  std::string default_queue = "celery";
  int result_expires_s = 86'400; // of a chord's counters
};

struct send_options {
  std::string id;    // empty: a new one; give one to make a repeated send recognisable
  std::string queue; // empty: the task's own
  std::optional<int> priority{};
  std::optional<double> countdown_s{};
  std::optional<timestamp> eta{}, expires{};
  std::string root_id, parent_id, shadow;
  time_limits limits{};
  std::optional<bool> ignore_result{};
  json::object headers{};
};

class producer {
 public:
  producer(asio::io_context& io, redis::client& redis, redis::config connection, producer_options options = {});
  ~producer();
  producer(const producer&) = delete;
  producer& operator=(const producer&) = delete;

  class batch {
   public:
    template <class In, class Out>
    std::string add(const task<In, Out>& t, const In& in, send_options o = {}) {
      return add_encoded(t.name, t.options, wire::encode(in), std::move(o));
    }
    // By name, for what is not typed here.
    std::string add(std::string_view task, const json::array& args, const json::object& kwargs, send_options o = {});
    std::size_t size() const { return count_; }

   private:
    friend class producer;
    explicit batch(const producer& p) : producer_(p) {}
    std::string add_encoded(std::string_view task, const task_options& t, std::string kwargs_json, send_options o);
    std::string add_body(std::string_view task, const task_options& t, outgoing m, send_options o);
    const producer& producer_;
    std::map<std::string, std::vector<std::string>> lists_; // messages by list
    std::set<std::string> queues_;
    std::size_t count_ = 0;
  };
  batch make_batch() const { return batch(*this); }

  // unavailable when Redis is away; the messages may then have been sent or not.
  asio::awaitable<result<void>> send(batch b);
  // Defaults are overloads: g++ 12 destroys a default argument of a coroutine called inside co_await twice.
  template <class In, class Out>
  asio::awaitable<result<std::string>> send(const task<In, Out>& t, In in) {
    send_options none;
    return send(t, std::move(in), std::move(none));
  }
  template <class In, class Out>
  asio::awaitable<result<std::string>> send(const task<In, Out>& t, In in, send_options o) {
    auto b = make_batch();
    auto id = b.add(t, in, std::move(o));
    auto sent = co_await send(std::move(b));
    if (!sent)
      co_return sent.error();
    co_return id;
  }
  // A signature, chain, group or chord; the id under which its result will stand.
  asio::awaitable<result<std::string>> send(signature s);

  // The state now; pending when nothing is stored (also for an id that never was).
  asio::awaitable<result<task_outcome>> state(std::string id);
  // Waits until the task has ended; timeout when it has not by then.
  asio::awaitable<result<task_outcome>> wait(std::string id, std::chrono::milliseconds limit);
  // Listens first, then sends, so that no result is missed.
  template <class In, class Out>
  asio::awaitable<result<Out>> call(const task<In, Out>& t, In in, std::chrono::milliseconds limit) {
    send_options none;
    return call(t, std::move(in), limit, std::move(none));
  }
  template <class In, class Out>
  asio::awaitable<result<Out>> call(const task<In, Out>& t, In in, std::chrono::milliseconds limit, send_options o) {
    if (o.id.empty())
      o.id = new_uuid();
    const auto id = o.id;
    auto listening = co_await listen(id);
    if (!listening)
      co_return listening.error();
    auto sent = co_await send(t, std::move(in), std::move(o));
    if (!sent)
      co_return sent.error();
    auto outcome = co_await wait(id, limit);
    if (!outcome)
      co_return outcome.error();
    if (outcome->state != task_state::success)
      co_return error{errc::internal, outcome->failure_text()};
    if constexpr (std::is_void_v<Out>)
      co_return result<void>();
    else
      co_return wire::decode<Out>(outcome->result);
  }

  // Asks all workers to skip these tasks; terminate also stops those that run, as far as their handler allows.
  asio::awaitable<result<void>> revoke(std::vector<std::string> ids, bool terminate = false);

  const producer_options& options() const { return options_; }
  const std::string& origin() const { return origin_; }

 private:
  struct waiting;
  asio::awaitable<result<void>> listen(std::string id);
  asio::awaitable<result<void>> register_queues(std::set<std::string> queues);
  void wake(const std::string& channel);

  asio::io_context& io_;
  redis::client& redis_;
  const producer_options options_;
  const std::string origin_;
  std::set<std::string> known_queues_;
  std::shared_ptr<waiting> waiting_;
  redis::subscriber results_;
};

} // namespace pricing::celery
