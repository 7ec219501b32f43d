#include "celery/task_pool.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <iterator>

namespace pricing::celery {

task_pool::task_pool(boost::asio::io_context& io, std::function<void(job&)> run,
                     std::function<void(std::vector<job_ptr>)> ended, unsigned threads)
    : io_(io), run_(std::move(run)), ended_(std::move(ended)) {
  resize(threads);
}

task_pool::~task_pool() {
  *alive_ = false;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    waiting_.clear();
  }
  some_.notify_all();
  for (auto& t : threads_)
    t.join();
}

void task_pool::resize(unsigned threads) {
  const std::lock_guard lock(mutex_);
  wanted_ = std::clamp(threads, 1u, 1'000u);
  // A thread that went when the pool shrank leaves its place to a new one.
  for (unsigned i = 0; i < wanted_; ++i)
    if (i >= threads_.size())
      threads_.emplace_back([this, i] { work(i); });
  some_.notify_all();
}

void task_pool::submit(std::vector<job_ptr> jobs) {
  if (jobs.empty())
    return;
  std::size_t wake = 0;
  bool all = false;
  {
    const std::lock_guard lock(mutex_);
    all = threads_.size() > wanted_; // the one that is woken might be one that may not take it
    wake = std::min<std::size_t>(idle_, jobs.size());
    std::move(jobs.begin(), jobs.end(), std::back_inserter(waiting_));
  }
  if (all)
    some_.notify_all();
  for (; wake > 0 && !all; --wake)
    some_.notify_one();
}

std::vector<task_pool::job_ptr> task_pool::withdraw() {
  const std::lock_guard lock(mutex_);
  std::vector<job_ptr> out(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(waiting_.end()));
  waiting_.clear();
  return out;
}

void task_pool::work(unsigned index) {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    some_.wait(lock, [&] { return stop_ || (index < wanted_ && !waiting_.empty()); });
    --idle_;
    if (stop_)
      return;
    auto one = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    run_(*one);
    lock.lock();
    done_.push_back(std::move(one));
    if (std::exchange(posted_, true))
      continue;
    boost::asio::post(io_, [this, alive = alive_] {
      if (!*alive)
        return;
      std::vector<job_ptr> ended;
      {
        const std::lock_guard guard(mutex_);
        posted_ = false;
        ended.swap(done_);
      }
      ended_(std::move(ended));
    });
  }
}

} // namespace pricing::celery
