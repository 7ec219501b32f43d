#pragma once
// Redis for one event loop. Commands of many coroutines share one connection, in order. Connects on first use and again
// after a loss. Failures are unavailable (lost, too slow, too many waiting); an error answer of Redis is internal.
#include "core/error.hpp"
#include "redis/resp.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/describe.hpp>

#include <chrono>
#include <memory>
#include <optional>

namespace pricing::redis {

namespace asio = boost::asio;

// Section "redis". The Unix socket is used when it is named, else host and port.
struct config {
  std::string socket;
  std::string host = "127.0.0.1";
  int port = 6379;
  std::string password;
  int timeout_ms = 2'000;
  int queue_max = 5'000;
};
BOOST_DESCRIBE_STRUCT(config, (), (socket, host, port, password, timeout_ms, queue_max))

struct quota {
  bool allowed = true;
  int remaining = 0;
  int reset_s = 0; // until the count starts again
};

class client {
 public:
  client(asio::io_context& io, config c);
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  asio::awaitable<result<value>> command(std::vector<std::string> words);
  asio::awaitable<result<std::optional<std::string>>> get(std::string key);
  asio::awaitable<result<std::vector<std::optional<std::string>>>> mget(std::vector<std::string> keys);
  asio::awaitable<result<void>> set(std::string key, std::string text, std::chrono::seconds ttl);
  asio::awaitable<result<std::int64_t>> del(std::string key);
  asio::awaitable<result<std::int64_t>> incr(std::string key);
  // Counts a call for this key; allowed up to `most` within the window that the first call opened. One script.
  asio::awaitable<result<quota>> allow(std::string key, int most, std::chrono::milliseconds window);

 private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace pricing::redis
