#pragma once
// What waits in the queues right now, for people and metrics.
#include "celery/keys.hpp"
#include "redis/client.hpp"

#include <chrono>
#include <deque>
#include <string>
#include <vector>

namespace pricing::celery {

struct queue_length {
  std::string name;
  std::int64_t waiting = 0; // over all priorities
  double oldest_s = 0;      // for at least so long the oldest has waited; queue_watch knows it, read_queues does not
};

struct queues_now {
  std::vector<queue_length> queues;
  std::int64_t unacknowledged = 0; // taken by workers, over all queues
  std::int64_t parked = 0;         // for an ETA further away
  std::int64_t dead_letters = 0;   // set aside with a reason
};

// One round trip. unavailable while Redis is away.
boost::asio::awaitable<result<queues_now>> read_queues(redis::client& redis, key_names keys,
                                                       std::vector<std::string> names);

// Also how long the oldest message has waited. No message says when it was sent, so the newest one of each look is
// remembered: while it still waits, everything before it has waited at least since then. Exact to the time between two
// looks, from the first look on.
class queue_watch {
 public:
  queue_watch(key_names keys, std::vector<std::string> names) : keys_(std::move(keys)), names_(std::move(names)) {}
  // Three round trips at most. unavailable while Redis is away.
  boost::asio::awaitable<result<queues_now>> look(redis::client& redis, std::chrono::steady_clock::time_point now);

 private:
  struct mark {
    std::chrono::steady_clock::time_point seen_at;
    std::string message;
  };
  struct watched_list {
    std::size_t queue = 0; // of names_
    std::string key;
    std::deque<mark> marks; // oldest first
  };
  boost::asio::awaitable<result<void>> forget_consumed(redis::client& redis);
  boost::asio::awaitable<result<void>> remember_newest(redis::client& redis, std::chrono::steady_clock::time_point now);

  key_names keys_;
  std::vector<std::string> names_;
  std::vector<watched_list> lists_;
};

} // namespace pricing::celery
