#pragma once
// A second version gets the same requests; its answers are compared and counted, never returned. On a thread of its own
// behind a bounded queue: whoever asked does not wait for it.
#include "serving/metrics.hpp"
#include "serving/version.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace pricing::serving {

// Of one pair of versions. Differences are those of predictions, |shadow - current|.
struct comparison_figures {
  int current = 0;
  int shadow = 0;
  std::int64_t rows = 0;
  std::int64_t differing = 0; // by more than 1e-6 of the larger of the two
  std::int64_t failed = 0;    // requests that the shadow could not answer, such as with other features
  double mean_difference = 0;
  double max_difference = 0;
};
BOOST_DESCRIBE_STRUCT(comparison_figures, (),
                      (current, shadow, rows, differing, failed, mean_difference, max_difference))

class comparison {
 public:
  comparison(int current, int shadow) { figures_.current = current, figures_.shadow = shadow; }
  // Rows that differ.
  std::size_t count(std::span<const float> current, std::span<const float> shadow, std::size_t rows);
  void failed();
  comparison_figures figures() const;

 private:
  mutable std::mutex mutex_;
  comparison_figures figures_;
};

struct shadow_work {
  version_ptr shadow;
  std::shared_ptr<comparison> into;
  inference_request request;   // fitted to the version that answered
  std::vector<float> answered; // its predictions
};

class shadow_queue {
 public:
  shadow_queue(std::size_t waiting_max, metrics& counted);
  ~shadow_queue();
  shadow_queue(const shadow_queue&) = delete;
  // Without waiting; forgets the work when the queue is full.
  void add(shadow_work work);

 private:
  void run();
  void compare(shadow_work& work);

  const std::size_t waiting_max_;
  metrics& counted_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<shadow_work> waiting_;
  bool stopping_ = false;
  std::jthread thread_;
};

} // namespace pricing::serving
