#pragma once
// The queues in Redis: reserve, finish, give back, park, sweep. Every step is one atomic script, so a killed worker
// never loses a message and never half-finishes one: it is either still reserved, and comes back after the visibility
// timeout, or done. Understood by Celery workers on the same database.
//
// Every call fails with unavailable while Redis is away; whether the step happened is then unknown, and each of them
// may be repeated.
#include "celery/keys.hpp"
#include "celery/signature.hpp"
#include "redis/client.hpp"

#include <span>
#include <string>
#include <vector>

namespace pricing::celery {

namespace asio = boost::asio;

struct broker_options {
  int visibility_timeout_s = 3'600;
  int result_expires_s = 86'400; // 0: never
  int deliveries_max = 20;       // redeliveries after which a message is set aside
  int dead_letter_max = 10'000;  // messages kept there
};

struct reserved {
  std::string tag;
  std::string list; // the key it came from
  std::string queue;
  std::string raw;
};

// One change that goes with an acknowledgement; see scripts.cpp.
struct operation {
  enum class kind : char { result = 'R', push = 'L', counter = 'S', end_chord = 'D' };
  kind what;
  std::string key, text;
};
struct finished {
  std::string tag; // empty: acknowledged before
  bool redelivered = false;
  std::vector<operation> operations;
  bool first_result = false; // nothing is stored under its id yet, as far as this worker knows
};

struct returned {
  std::string tag, list, text;
};

struct chord_state {
  std::int64_t parts = 0, extra = 0, size = -1; // size -1: not written yet
  bool group_saved = false;
  bool complete() const { return size >= 0 && parts == size + extra; }
};

class broker {
 public:
  broker(redis::client& redis, key_names keys, broker_options options);

  const key_names& keys() const { return keys_; }
  const broker_options& options() const { return options_; }
  redis::client& redis() const { return redis_; }

  // Registers the queues as kombu does and serves them in this order within a priority; priority goes first.
  asio::awaitable<result<void>> declare(std::vector<std::string> queues);
  const std::vector<std::string>& queues() const { return queues_; }
  const std::vector<std::string>& lists() const { return lists_; }

  // Up to `most` messages, at once; none when there are none. The queue served last goes last next time.
  asio::awaitable<result<std::vector<reserved>>> reserve(std::size_t most);
  // The batch stays the caller's, for another try.
  asio::awaitable<result<void>> finish(const std::vector<finished>& batch);
  // Acknowledges without a result.
  asio::awaitable<result<void>> acknowledge(std::vector<std::string> tags);
  // Back to the front of their queues with the redelivered flags.
  asio::awaitable<result<std::int64_t>> restore(std::vector<returned> messages);
  // Tells that these are still held, so that no sweep takes them.
  asio::awaitable<result<void>> refresh(std::vector<std::string> tags);
  asio::awaitable<result<void>> park(std::vector<std::pair<returned, timestamp>> messages);
  // Brings back what is due; returns how many.
  asio::awaitable<result<std::int64_t>> promote();
  // Restores what workers held longer than the visibility timeout, under kombu's lock; returns how many.
  asio::awaitable<result<std::int64_t>> sweep();
  // Sets a message aside with the reason, instead of running it.
  asio::awaitable<result<void>> set_aside(reserved message, std::string reason);

  asio::awaitable<result<chord_state>> chord_part(std::string group, std::optional<std::int64_t> index,
                                                  std::string part);
  asio::awaitable<result<std::vector<std::string>>> chord_results(std::string group);

  // Operations of a plan: its counters first, then its messages.
  std::vector<operation> operations_of(const applied& plan) const;

 private:
  asio::awaitable<result<void>> finish_plain(const std::vector<const finished*>& batch);
  asio::awaitable<result<void>> finish_scripted(const std::vector<const finished*>& batch);
  asio::awaitable<result<std::int64_t>> sweep_all(double latest);
  asio::awaitable<result<std::string>> list_for(std::string exchange, std::string routing_key, int priority);
  void arrange();

  redis::client& redis_;
  const key_names keys_;
  const broker_options options_;
  std::vector<std::string> queues_, lists_;
  std::vector<std::string> reserve_keys_, reserve_ends_;
  std::vector<std::size_t> queue_of_list_;
  std::size_t turn_ = 0;
};

} // namespace pricing::celery
