#pragma once
// Tasks that tests and benchmarks call, from C++ and from Python (as "test.add" and so on).
#include "celery/task.hpp"

namespace pricing::test {

struct two_numbers {
  std::int64_t x = 0;
  std::int64_t y = 0;
};
BOOST_DESCRIBE_STRUCT(two_numbers, (), (x, y))
struct one_text {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(one_text, (), (text))
struct some_seconds {
  double seconds = 0;
};
BOOST_DESCRIBE_STRUCT(some_seconds, (), (seconds))
struct some_numbers {
  std::vector<std::int64_t> numbers;
};
BOOST_DESCRIBE_STRUCT(some_numbers, (), (numbers))
struct counted {
  std::string key;
  std::string id;
};
BOOST_DESCRIBE_STRUCT(counted, (), (key, id))

struct effect_in {
  std::string path;
  std::int64_t number = 0;
};
BOOST_DESCRIBE_STRUCT(effect_in, (), (path, number))

inline constexpr celery::task<celery::nothing, void> noop{"test.noop"};
inline constexpr celery::task<two_numbers, std::int64_t> add{"test.add"};
inline constexpr celery::task<some_numbers, std::int64_t> total{"test.total"};
inline constexpr celery::task<one_text, void> fail{"test.fail"};
// Unavailable until its third try; retried with short pauses.
inline constexpr celery::task<one_text, std::int64_t> flaky{"test.flaky", {.max_retries = 3}};
inline constexpr celery::task<one_text, void> hopeless{"test.hopeless", {.max_retries = 1}};
inline constexpr celery::task<some_seconds, std::string> sleep{"test.sleep", {.track_started = true}};
inline constexpr celery::task<some_seconds, std::string> early{"test.early", {.acks_late = false}};
inline constexpr celery::task<some_seconds, std::string> io_sleep{"test.io_sleep"};
// Ignores its limits.
inline constexpr celery::task<some_seconds, void> stubborn{"test.stubborn"};
inline constexpr celery::task<some_seconds, std::string> limited{"test.limited", {.rate_limit = "5/s"}};
inline constexpr celery::task<one_text, std::string> other_queue{"test.other", {.queue = "other"}};
// One more in the file <key>, one line per run.
inline constexpr celery::task<counted, void> count{"test.count"};
// Sets byte `number` of a file of bytes, once: a second run finds it set. The file begins with the number of runs, 8
// bytes.
inline constexpr celery::task<effect_in, void> effect{"test.effect"};
inline constexpr celery::task<one_text, std::string> on_error{"test.on_error"};

} // namespace pricing::test
