#pragma once
// Small rules of a worker: which ids are revoked, how often a task may start. Pure; time is given.
#include "core/error.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pricing::celery {

using steady_time = std::chrono::steady_clock::time_point;

// Ids that must not run: at most 50,000, each for 10,800 s, the oldest forgotten first, as in Celery.
class revoked_set {
 public:
  static constexpr std::size_t ids_max = 50'000;
  static constexpr std::chrono::seconds life{10'800};

  void add(std::string id, steady_time now);
  bool contains(std::string_view id, steady_time now);
  bool empty() const { return since_.empty(); }
  std::vector<std::string> ids(steady_time now);
  // With the seconds since each was added, for a new worker.
  std::map<std::string, double> ages(steady_time now);

 private:
  void forget(steady_time now);
  struct hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };
  std::unordered_map<std::string, steady_time, hash, std::equal_to<>> since_;
  std::multimap<steady_time, std::string> order_;
};

// A token bucket of capacity 1.
class rate_limiter {
 public:
  // "10/s", "10/m", "10/h", or a number for per second; empty, "0" and "none" mean no limit.
  static result<std::optional<rate_limiter>> parse(std::string_view text);
  // Takes a token, or tells when the next one is there.
  std::optional<steady_time> take(steady_time now);
  const std::string& text() const { return text_; }

 private:
  std::chrono::nanoseconds every_{};
  steady_time next_{};
  std::string text_;
};

} // namespace pricing::celery
