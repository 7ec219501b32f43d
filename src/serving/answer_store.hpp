#pragma once
// Answers that took long, kept in Redis for whichever pricing-ml is asked the same again. A key holds everything that
// an answer depends on: the version of the model, the data behind it and the request, so that nothing ever has to be
// forgotten: after a reload or a rollback other keys are asked for, and what is not asked for again expires.
// Redis may be away: then nothing is found or kept, and nobody waits. A loss costs whoever asks at that moment
// timeout_ms once; from then on only a probe in the background asks whether Redis is back.
#include "http/route.hpp"
#include "redis/client.hpp"
#include "serving/config.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace prometheus {
class Registry;
class Counter;
} // namespace prometheus

namespace pricing::serving {

namespace asio = boost::asio;

// Shared by the threads.
struct answers_series {
  explicit answers_series(prometheus::Registry& registry);
  prometheus::Counter& hits;
  prometheus::Counter& misses;
  prometheus::Counter& unavailable; // looked for while Redis was away
  prometheus::Counter& kept;
  prometheus::Counter& not_kept; // too large, or too much on the way
};

// One per thread; must outlive the event loop's run.
class answer_store {
 public:
  answer_store(asio::io_context& io, redis::config where, const answers_config& c, answers_series& counted);
  answer_store(const answer_store&) = delete;

  const answers_config& settings() const { return settings_; }
  bool is_on() const { return settings_.ttl_s > 0; }

  // Of the parts that an answer depends on, each as it is: 64 hexadecimal digits behind a prefix.
  static std::string key_of(std::initializer_list<std::string_view> parts);
  asio::awaitable<std::optional<std::string>> find(std::string key);
  void keep(std::string key, std::string answer); // does not wait

 private:
  static asio::awaitable<void> put(answer_store& self, std::string key, std::string answer);
  static asio::awaitable<void> probe(answer_store& self);
  void look_for_redis();
  void away();

  asio::io_context& io_;
  const answers_config settings_;
  answers_series& counted_;
  redis::client redis_;
  bool there_ = false; // as far as is known; at first it is not
  bool probing_ = false;
  std::chrono::steady_clock::time_point probe_at_{};
  std::size_t keeping_bytes_ = 0;
};

// What a route's answers depend on besides the organization, the address and the body. `of` keeps it in memory while an
// answer is made: one made from something newer is not kept under the older name.
struct dependence {
  std::string name;
  std::shared_ptr<const void> of;
};
// The route with its JSON answers kept, where `depends_on` says on what they depend. Only answers with status 200.
http::route kept(http::route r, answer_store& store,
                 std::function<std::optional<dependence>(const http::context&)> depends_on);

} // namespace pricing::serving
