#include "serving/shadow.hpp"

#include "core/log.hpp"

#include <boost/json/string.hpp>

#include <algorithm>
#include <cmath>

namespace pricing::serving {

std::size_t comparison::count(std::span<const float> current, std::span<const float> shadow, std::size_t rows) {
  const std::size_t per_row = rows > 0 ? current.size() / rows : 0;
  std::size_t differing = 0;
  double sum = 0, largest = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    double most = 0;
    bool differs = false;
    for (std::size_t i = r * per_row; i < (r + 1) * per_row; ++i) {
      const double a = current[i], b = shadow[i], gap = std::fabs(a - b);
      differs = differs || gap > 1e-6 * std::max(std::fabs(a), std::fabs(b));
      most = std::max(most, gap);
    }
    differing += differs ? 1 : 0;
    sum += most;
    largest = std::max(largest, most);
  }
  const std::lock_guard lock(mutex_);
  const double before = static_cast<double>(figures_.rows);
  figures_.rows += static_cast<std::int64_t>(rows);
  figures_.differing += static_cast<std::int64_t>(differing);
  if (figures_.rows > 0)
    figures_.mean_difference = (figures_.mean_difference * before + sum) / static_cast<double>(figures_.rows);
  figures_.max_difference = std::max(figures_.max_difference, largest);
  return differing;
}

void comparison::failed() {
  const std::lock_guard lock(mutex_);
  ++figures_.failed;
}

comparison_figures comparison::figures() const {
  const std::lock_guard lock(mutex_);
  return figures_;
}

shadow_queue::shadow_queue(std::size_t waiting_max, metrics& counted)
    : waiting_max_(waiting_max), counted_(counted), thread_([this] { run(); }) {}

shadow_queue::~shadow_queue() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

void shadow_queue::add(shadow_work work) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= waiting_max_)
      return counted_.not_compared();
    waiting_.push_back(std::move(work));
  }
  wake_.notify_one();
}

void shadow_queue::run() {
  for (;;) {
    shadow_work next;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_)
        return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    try {
      compare(next);
    } catch (const std::exception& e) {
      next.into->failed();
      log::error("a shadow failed",
                 {{"model", boost::json::string(next.shadow->about.name)}, {"error", boost::json::string(e.what())}});
    }
  }
}

void shadow_queue::compare(shadow_work& work) {
  work.request.outputs = predict_output;
  const bool same_shape = work.request.columns == work.shadow->trees.features() &&
                          work.answered.size() == work.request.rows * work.shadow->trees.outputs();
  const auto answer = same_shape ? infer(*work.shadow, work.request)
                                 : result<inference>(invalid_input("the shadow has other features or outputs"));
  if (!answer)
    return work.into->failed();
  counted_.compared(work.request.rows, work.into->count(work.answered, answer->predict, work.request.rows));
}

} // namespace pricing::serving
