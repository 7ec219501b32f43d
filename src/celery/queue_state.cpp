#include "celery/queue_state.hpp"

#include <algorithm>
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

namespace {

constexpr std::size_t marks_max = 16;              // of one list: above it every second one goes
constexpr std::size_t marked_bytes_max = 64 << 10; // larger messages are not remembered

} // namespace

boost::asio::awaitable<result<void>> queue_watch::forget_consumed(redis::client& redis) {
  std::vector<std::vector<std::string>> ask;
  for (const auto& list : lists_)
    for (const auto& m : list.marks)
      ask.push_back({"LPOS", list.key, m.message, "RANK", "-1"}); // from the end that is consumed
  if (ask.empty())
    co_return result<void>();
  const auto answered = co_await redis.pipeline(std::move(ask));
  if (!answered)
    co_return answered.error();
  auto next = answered->begin();
  for (auto& list : lists_) {
    // One that came back to the queue may stand before one that is gone: only what leads counts.
    std::size_t gone = 0, at = 0;
    for (; at < list.marks.size(); ++at, ++next)
      if (next->type == redis::value::kind::null && gone == at)
        ++gone;
    list.marks.erase(list.marks.begin(), list.marks.begin() + static_cast<std::ptrdiff_t>(gone));
  }
  co_return result<void>();
}

boost::asio::awaitable<result<void>> queue_watch::remember_newest(redis::client& redis,
                                                                  std::chrono::steady_clock::time_point now) {
  std::vector<std::vector<std::string>> ask;
  for (const auto& list : lists_)
    ask.push_back({"LINDEX", list.key, "0"});
  const auto answered = co_await redis.pipeline(std::move(ask));
  if (!answered)
    co_return answered.error();
  auto next = answered->begin();
  for (auto& list : lists_) {
    const auto& newest = *next++;
    if (newest.type == redis::value::kind::null) {
      list.marks.clear();
      continue;
    }
    if (newest.text.size() > marked_bytes_max || (!list.marks.empty() && list.marks.back().message == newest.text))
      continue;
    if (list.marks.size() >= marks_max)
      for (std::size_t i = 1; i < list.marks.size(); ++i)
        list.marks.erase(list.marks.begin() + static_cast<std::ptrdiff_t>(i));
    list.marks.push_back({now, newest.text});
  }
  co_return result<void>();
}

boost::asio::awaitable<result<queues_now>> queue_watch::look(redis::client& redis,
                                                             std::chrono::steady_clock::time_point now) {
  if (lists_.empty())
    for (std::size_t i = 0; i < names_.size(); ++i)
      for (auto& key : keys_.queue_steps(names_[i]))
        lists_.push_back({i, std::move(key), {}});
  auto out = co_await read_queues(redis, keys_, names_);
  if (!out)
    co_return out;
  if (const auto done = co_await forget_consumed(redis); !done)
    co_return done.error();
  if (const auto done = co_await remember_newest(redis, now); !done)
    co_return done.error();
  for (const auto& list : lists_)
    if (!list.marks.empty()) {
      auto& oldest = out->queues[list.queue].oldest_s;
      oldest = std::max(oldest, std::chrono::duration<double>(now - list.marks.front().seen_at).count());
    }
  co_return out;
}

} // namespace pricing::celery
