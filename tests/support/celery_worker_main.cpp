// celery_test_worker: a worker with the tasks of celery_tasks.hpp, for black box tests and benchmarks. Configured by
// PRICING_CELERY_* and PRICING_REDIS_*.
#include "celery/worker.hpp"
#include "core/config.hpp"
#include "core/log.hpp"
#include "net/runtime.hpp"
#include "support/celery_tasks.hpp"

#include <boost/asio/co_spawn.hpp>

#include <atomic>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace pricing;

namespace {

template <class Context>
bool sleep_unless_cancelled(double seconds, Context& c) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < until) {
    if (c.cancelled() || c.past_soft_limit())
      return false;
    usleep(5'000);
  }
  return true;
}

result<std::string> sleep_task(const test::some_seconds& in, celery::task_context& c) {
  c.progress(boost::json::object{{"share", 0.5}});
  if (!sleep_unless_cancelled(in.seconds, c))
    return error{errc::timeout, "stopped early"};
  return std::string("slept");
}

result<void> count_task(const test::counted& in, celery::task_context&) {
  const int file = open(in.key.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  const std::string line = in.id + "\n";
  const bool written = write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  close(file);
  if (!written)
    return error{errc::unavailable, "the file cannot be written"};
  return {};
}

// The whole file, shared with the other workers.
class shared_bytes {
 public:
  explicit shared_bytes(const std::string& path) {
    const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
    struct stat facts {};
    if (file >= 0 && fstat(file, &facts) == 0)
      size_ = facts.st_size;
    void* at = size_ > 0 ? mmap(nullptr, static_cast<std::size_t>(size_), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
                         : MAP_FAILED;
    close(file);
    bytes_ = at == MAP_FAILED ? nullptr : static_cast<char*>(at);
  }
  bool set(std::int64_t number) const {
    if (!bytes_ || number < 0 || number >= size_ - 8)
      return false;
    std::atomic_ref(*reinterpret_cast<std::int64_t*>(bytes_)).fetch_add(1);
    std::atomic_ref(bytes_[8 + number]).exchange(1);
    return true;
  }

 private:
  char* bytes_ = nullptr;
  std::int64_t size_ = 0;
};

result<void> effect_task(const test::effect_in& in, celery::task_context&) {
  static const shared_bytes bytes(in.path); // a worker of a benchmark sees one file
  if (!bytes.set(in.number))
    return invalid_input("the file is missing or too small");
  return {};
}

void fill(celery::task_table& tasks) {
  using celery::task_context;
  tasks.cpu(test::noop, [](const celery::nothing&, task_context&) { return result<void>(); });
  tasks.cpu(test::add, [](const test::two_numbers& in, task_context&) -> result<std::int64_t> { return in.x + in.y; });
  tasks.cpu(test::total, [](const test::some_numbers& in, task_context&) -> result<std::int64_t> {
    std::int64_t out = 0;
    for (const auto n : in.numbers)
      out += n;
    return out;
  });
  tasks.cpu(test::fail, [](const test::one_text& in, task_context&) -> result<void> { return invalid_input(in.text); });
  tasks.cpu(test::flaky, [](const test::one_text& in, task_context& c) -> result<std::int64_t> {
    if (c.retries() < 2)
      return c.retry_in(0.1, error{errc::unavailable, in.text});
    return c.retries();
  });
  tasks.cpu(test::hopeless, [](const test::one_text& in, task_context& c) -> result<void> {
    return c.retry_in(0.1, error{errc::unavailable, in.text});
  });
  tasks.cpu(test::sleep, sleep_task);
  tasks.cpu(test::early, sleep_task);
  tasks.cpu(test::limited, sleep_task);
  tasks.cpu(test::stubborn, [](const test::some_seconds& in, task_context&) -> result<void> {
    usleep(static_cast<useconds_t>(in.seconds * 1e6));
    return {};
  });
  tasks.cpu(test::other_queue, [](const test::one_text& in, task_context&) -> result<std::string> { return in.text; });
  tasks.cpu(test::count, count_task);
  tasks.cpu(test::effect, effect_task);
  tasks.cpu(test::on_error, [](const test::one_text& in, task_context&) -> result<std::string> { return in.text; });
  tasks.io(test::io_sleep, [](test::some_seconds in, task_context&) -> celery::asio::awaitable<result<std::string>> {
    co_await net::sleep_for(std::chrono::milliseconds(static_cast<int>(in.seconds * 1e3)));
    co_return std::string("slept");
  });
}

} // namespace

int main() {
  log::set_service("celery-test-worker");
  try {
    const auto source = config_source::load().value();
    const auto settings = source.read<celery::config>("celery").value();
    const auto connection = source.read<redis::config>("redis").value();
    celery::task_table tasks;
    fill(tasks);
    boost::asio::io_context io(1);
    celery::worker worker(io, settings, connection, tasks);
    worker.stop_on_signals();
    auto how = celery::ended::stopped;
    boost::asio::co_spawn(io, worker.run(), [&](std::exception_ptr e, celery::ended ended) {
      how = ended;
      if (e)
        std::rethrow_exception(e);
      io.stop();
    });
    io.run();
    if (how != celery::ended::stopped)
      _exit(how == celery::ended::memory_limit ? 75 : 70);
    _exit(0); // coroutines that still wait are not unwound
  } catch (const std::exception& e) {
    log::error("the worker ends", {{"error", boost::json::string(e.what())}});
    return 1;
  }
}
