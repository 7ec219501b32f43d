#include "celery/queue_state.hpp"

#include <array>

namespace pricing::celery {

boost::asio::awaitable<result<queues_now>> read_queues(redis::client& redis, key_names keys,
                                                       std::vector<std::string> names) {
  std::vector<std::vector<std::string>> ask;
  for (const auto& name : names)
    for (const auto& list : keys.queue_steps(name))
      ask.push_back({"LLEN", list});
  ask.push_back({"HLEN", keys.unacked()});
  ask.push_back({"HLEN", keys.parked()});
  ask.push_back({"LLEN", keys.dead_letter()});
  auto answered = co_await redis.pipeline(std::move(ask));
  if (!answered)
    co_return answered.error();
  queues_now out;
  auto next = answered->begin();
  for (auto& name : names) {
    queue_length one{std::move(name), 0};
    for (std::size_t step = 0; step < std::size(priority_steps); ++step)
      one.waiting += (next++)->integer;
    out.queues.push_back(std::move(one));
  }
  for (auto* count : {&out.unacknowledged, &out.parked, &out.dead_letters})
    *count = (next++)->integer;
  co_return out;
}

} // namespace pricing::celery
