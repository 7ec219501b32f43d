#pragma once
// What waits in the queues right now, for people and metrics.
#include "celery/keys.hpp"
#include "redis/client.hpp"

#include <string>
#include <vector>

namespace pricing::celery {

struct queue_length {
  std::string name;
  std::int64_t waiting = 0; // over all priorities
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

} // namespace pricing::celery
