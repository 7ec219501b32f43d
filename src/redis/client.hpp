#pragma once
// Redis for one event loop. Commands of many coroutines share one connection, in order. Connects on first use and again
// after a loss; with sentinels, to the master they name. What is asked in one turn of the loop travels in one write.
// Failures are unavailable (lost, too slow, too many waiting, loading, no longer the master); any other error answer of
// Redis is internal. After unavailable the command may or may not have run.
#include "core/error.hpp"
#include "redis/config.hpp"
#include "redis/resp.hpp"
#include "redis/script.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <memory>
#include <optional>

namespace pricing::redis {

namespace asio = boost::asio;

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
  // For commands that block on the server: waits so long for the answer instead of config.timeout_ms.
  asio::awaitable<result<value>> command(std::vector<std::string> words, std::chrono::milliseconds timeout);
  // Answers in order; fails as a whole when the connection is lost. An error answer of one command is its value.
  asio::awaitable<result<std::vector<value>>> pipeline(std::vector<std::vector<std::string>> commands);
  asio::awaitable<result<std::vector<value>>> pipeline(command_buffer commands);
  // Runs a script by its digest; sends its text when the server does not know it (NOSCRIPT).
  asio::awaitable<result<value>> eval(const script& s, std::vector<std::string> keys,
                                      std::vector<std::string> arguments);
  asio::awaitable<result<std::optional<std::string>>> get(std::string key);
  asio::awaitable<result<std::vector<std::optional<std::string>>>> mget(std::vector<std::string> keys);
  asio::awaitable<result<void>> set(std::string key, std::string text, std::chrono::seconds ttl);
  asio::awaitable<result<std::int64_t>> del(std::string key);
  asio::awaitable<result<std::int64_t>> incr(std::string key);
  // Counts a call for this key; allowed up to `most` within the window that the first call opened. One script.
  asio::awaitable<result<quota>> allow(std::string key, int most, std::chrono::milliseconds window);

  // Closes the connection; what is on its way fails as unavailable. The next command connects again.
  void disconnect();

 private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace pricing::redis
