// celery_test_client: sends tasks as our producer does, for black box tests and benchmarks.
//   enqueue TASK COUNT BATCH [FILE]   prints messages and microseconds of CPU per message
//   add X Y | chain | chord | send TASK ARGS | revoke ID     prints JSON
#include "celery/producer.hpp"
#include "core/config.hpp"
#include "support/celery_tasks.hpp"
#include "wire/json.hpp"

#include <boost/asio/co_spawn.hpp>

#include <cstdio>
#include <ctime>

#include <unistd.h>

using namespace pricing;
using namespace std::chrono_literals;
using words = std::vector<std::string>;

namespace {

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

boost::asio::awaitable<void> enqueue(celery::producer& tasks, words w) {
  const auto count = std::stoul(w.at(2)), step = std::stoul(w.at(3));
  const bool sums = w.at(1) == "test.add";
  const auto begin = std::chrono::steady_clock::now();
  const auto cpu = cpu_seconds();
  for (std::size_t sent = 0; sent < count; sent += step) {
    auto batch = tasks.make_batch();
    for (std::size_t i = 0; i < std::min(step, count - sent); ++i) {
      if (w.size() > 4)
        batch.add(test::effect, {w[4], static_cast<std::int64_t>(sent + i)});
      else if (sums)
        batch.add(test::add, {static_cast<std::int64_t>(sent + i), 1});
      else
        batch.add(test::noop, {});
    }
    auto done = co_await tasks.send(std::move(batch));
    done.value();
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("%zu messages %.3f s %.0f per second %.2f us CPU each\n", count, took.count(),
              static_cast<double>(count) / took.count(), (cpu_seconds() - cpu) * 1e6 / static_cast<double>(count));
}

void print(const result<celery::task_outcome>& o) {
  if (!o)
    throw std::runtime_error(o.error().message);
  boost::json::object out{{"id", o->id}, {"state", std::string(celery::to_string(o->state))}, {"result", o->result}};
  std::printf("%s\n", celery::to_python_json(out).c_str());
}

boost::asio::awaitable<void> compose(celery::producer& tasks, words w) {
  using celery::signature;
  // "test.add" or a Python task of the same shape
  const std::string task = w.size() > 1 ? w[1] : "test.add", body = w.size() > 2 ? w[2] : "test.total";
  const auto one = [&](int x) { return signature{.task = task, .args = {x, 1}}; };
  const auto rest = [&](int x) { return signature{.task = task, .args = {x}}; };
  auto whole = w[0] == "chain"
                   ? celery::chain({one(1), rest(10), rest(100)})
                   : celery::chord({one(1), celery::chain({one(10), rest(100)}), one(1000)}, signature{.task = body});
  auto id = co_await tasks.send(std::move(whole));
  auto outcome = co_await tasks.wait(id.value(), 15s);
  print(outcome);
}

boost::asio::awaitable<void> act(celery::producer& tasks, words w) {
  if (w.at(0) == "enqueue") {
    co_await enqueue(tasks, w);
  } else if (w[0] == "add") {
    const test::two_numbers in{std::stoll(w.at(1)), std::stoll(w.at(2))};
    auto sum = co_await tasks.call(test::add, in, 10s);
    std::printf("%lld\n", static_cast<long long>(sum.value()));
  } else if (w[0] == "send") {
    auto args = wire::parse_json(w.at(2)).value();
    auto batch = tasks.make_batch();
    celery::send_options options;
    if (w.size() > 3)
      options.id = w[3];
    const auto id = batch.add(w.at(1), args.as_array(), {}, options);
    auto done = co_await tasks.send(std::move(batch));
    done.value();
    auto outcome = co_await tasks.wait(id, 15s);
    print(outcome);
  } else if (w[0] == "revoke") {
    std::vector<std::string> ids{w.at(1)};
    auto done = co_await tasks.revoke(std::move(ids), w.size() > 2);
    done.value();
  } else {
    co_await compose(tasks, w);
  }
}

} // namespace

int main(int argc, char** argv) {
  const words w(argv + 1, argv + argc);
  try {
    const auto source = config_source::load().value();
    const auto connection = source.read<redis::config>("redis").value();
    boost::asio::io_context io(1);
    redis::client redis(io, connection);
    celery::producer tasks(io, redis, connection);
    boost::asio::co_spawn(io, act(tasks, w), [&](std::exception_ptr e) {
      if (e)
        std::rethrow_exception(e);
      io.stop();
    });
    io.run();
    std::fflush(stdout);
    _exit(0);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
