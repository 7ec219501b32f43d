#pragma once
// Channels of Redis for one event loop, over a connection of its own. Connects on the first subscription; after a loss
// it connects again and takes up every subscription; what was published meanwhile is lost, so whoever waits for a
// message also asks for the state after `on_connect`.
#include "core/error.hpp"
#include "redis/config.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>

namespace pricing::redis {

namespace asio = boost::asio;

class subscriber {
 public:
  using message_function = std::function<void(const std::string& channel, const std::string& text)>;

  // Both functions are called on the loop. on_connect runs after each connection, once all channels are taken up.
  subscriber(asio::io_context& io, config c, message_function on_message, std::function<void()> on_connect = {});
  ~subscriber();
  subscriber(const subscriber&) = delete;
  subscriber& operator=(const subscriber&) = delete;

  // Returns when Redis has confirmed; unavailable after config.timeout_ms (the wish stays and is taken up later).
  asio::awaitable<result<void>> subscribe(std::string channel);
  void unsubscribe(std::string channel);
  bool connected() const;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace pricing::redis
