#pragma once
// Threads for CPU handlers. Work goes out and comes back in bulk: one wake-up of the loop for all that ended since.
#include <boost/asio/io_context.hpp>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace pricing::celery {

struct job;

class task_pool {
 public:
  using job_ptr = std::shared_ptr<job>;

  // run is called on a thread of the pool, ended on the loop with all jobs that ended meanwhile.
  task_pool(boost::asio::io_context& io, std::function<void(job&)> run, std::function<void(std::vector<job_ptr>)> ended,
            unsigned threads);
  // Waits for running jobs; what waits is dropped.
  ~task_pool();

  void submit(std::vector<job_ptr> jobs);
  // Takes back what no thread has begun.
  std::vector<job_ptr> withdraw();
  // Threads above the number end after their job. 1 to 1,000.
  void resize(unsigned threads);
  unsigned size() const { return wanted_; }

 private:
  void work(unsigned index);

  boost::asio::io_context& io_;
  const std::function<void(job&)> run_;
  const std::function<void(std::vector<job_ptr>)> ended_;
  std::mutex mutex_;
  std::condition_variable some_;
  std::deque<job_ptr> waiting_;
  std::vector<job_ptr> done_;
  std::vector<std::thread> threads_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true); // of the loop's side
  unsigned wanted_ = 0, idle_ = 0;
  bool posted_ = false, stop_ = false;
};

} // namespace pricing::celery
