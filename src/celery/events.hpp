#pragma once
// What a worker tells monitors (Flower, celery events): its own life always, its tasks when asked to. Task events leave
// in one message at the end of the loop's turn, at most 24 together, as Celery's do. Nothing waits for them; while
// Redis is away they are lost.
#include "celery/keys.hpp"
#include "celery/text.hpp"
#include "redis/client.hpp"

#include <boost/json/object.hpp>

#include <string>

namespace pricing::celery {

namespace asio = boost::asio;

// Lamport's clock, shared by events and remote control.
class logical_clock {
 public:
  std::int64_t forward() { return ++value_; }
  std::int64_t adjust(std::int64_t other) { return value_ = std::max(value_, other) + 1; }
  std::int64_t value() const { return value_; }

 private:
  std::int64_t value_ = 0;
};

class event_sender {
 public:
  event_sender(asio::io_context& io, redis::client& redis, const key_names& keys, std::string node,
               logical_clock& clock);

  bool tasks_enabled = false;
  // "worker-online", "worker-heartbeat", "worker-offline". The counts are of running and of ended tasks.
  asio::awaitable<void> worker(const char* type, std::size_t active, std::int64_t processed);
  // The fields after uuid, as JSON members: `"result": "3", "runtime": 0.1`. Only when tasks_enabled.
  void task(std::string_view type, std::string_view id, std::string_view members = {});
  asio::awaitable<void> flush();

  static constexpr double heartbeat_every_s = 2;
  static constexpr std::size_t batch_max = 24;

 private:
  std::string open(std::string_view type);

  asio::io_context& io_;
  redis::client& redis_;
  const key_names& keys_;
  const std::string node_;
  logical_clock& clock_;
  std::string common_; // members that stand in every event
  std::string waiting_;
  std::size_t count_ = 0;
  bool posted_ = false;
};

} // namespace pricing::celery
