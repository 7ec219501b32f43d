#pragma once
// Figures of the worker for Prometheus: runs of tasks, and what waits in the queues of Redis.
#include "celery/worker.hpp"
#include "redis/client.hpp"

namespace prometheus {
class Registry;
}

namespace pricing {

class worker_metrics {
 public:
  explicit worker_metrics(prometheus::Registry& registry);
  ~worker_metrics();
  worker_metrics(const worker_metrics&) = delete;

  void watch(celery::worker& worker, const celery::task_table& table);
  // Looks every few seconds, for ever.
  boost::asio::awaitable<void> measure_queues(redis::client& redis, const celery::config& c);

 private:
  struct families;
  std::unique_ptr<families> families_;
};

} // namespace pricing
