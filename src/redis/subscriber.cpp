#include "redis/subscriber.hpp"

#include "redis/connection.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <map>

namespace pricing::redis {

using namespace std::chrono_literals;

struct subscriber::state : std::enable_shared_from_this<state> {
  state(asio::io_context& i, config c, message_function m, std::function<void()> f)
      : io(i), settings(std::move(c)), on_message(std::move(m)), on_connect(std::move(f)), line(i), pulse(i) {}

  static constexpr auto ping_every = 10s;

  // Connects for as long as anything is subscribed.
  static asio::awaitable<void> keep(std::shared_ptr<state> self) {
    auto pause = 20ms;
    while (!self->stopped) {
      auto opened = co_await open_connection(self->io, self->settings);
      if (self->stopped)
        co_return;
      if (opened) {
        pause = 20ms;
        self->line = std::move(*opened);
        co_await serve(self);
      }
      if (self->stopped)
        co_return;
      boost::system::error_code ec;
      asio::steady_timer wait(self->io, pause);
      co_await wait.async_wait(asio::redirect_error(asio::use_awaitable, ec));
      pause = std::min(pause * 2, 1000ms);
    }
  }

  static asio::awaitable<void> serve(std::shared_ptr<state> self) {
    self->open = true;
    self->writing = false;
    self->output.clear();
    self->unconfirmed_at_open = self->channels.size();
    for (auto& [channel, confirmed] : self->channels) {
      confirmed = false;
      self->say("SUBSCRIBE", channel);
    }
    self->beat();
    resp_parser parser;
    char bytes[64 * 1024];
    bool good = true;
    while (good && !self->stopped) {
      boost::system::error_code ec;
      const auto n = co_await self->line.read_some(asio::buffer(bytes), ec);
      good = !ec && self->take(parser, {bytes, n});
    }
    self->close();
  }

  bool take(resp_parser& parser, std::string_view bytes) {
    heard = true;
    try {
      parser.feed(bytes);
      while (auto v = parser.next()) {
        if (v->list.size() != 3)
          continue; // the answer to PING
        if (v->list[0].text == "message")
          on_message(v->list[1].text, v->list[2].text);
        else if (v->list[0].text == "subscribe")
          confirm(v->list[1].text);
      }
      return true;
    } catch (const std::runtime_error&) {
      return false;
    }
  }

  void confirm(const std::string& channel) {
    if (const auto found = channels.find(channel); found != channels.end())
      found->second = true;
    wake();
    if (unconfirmed_at_open > 0 && --unconfirmed_at_open == 0 && on_connect)
      on_connect();
  }

  void wake() {
    for (auto& w : std::exchange(waiters, {}))
      w->cancel();
  }

  void close() {
    line.close();
    open = false;
    for (auto& [channel, confirmed] : channels)
      confirmed = false;
    wake();
  }

  // A connection that does not even answer a PING is dead.
  void beat() {
    pulse.expires_after(ping_every);
    pulse.async_wait([weak = weak_from_this()](const boost::system::error_code& ec) {
      const auto self = weak.lock();
      if (ec || !self || self->stopped || !self->open)
        return;
      if (!std::exchange(self->heard, false))
        return self->close();
      self->say("PING", {});
      self->beat();
    });
  }

  void say(std::string word, std::string channel) {
    if (!open)
      return;
    std::vector<std::string> words{std::move(word)};
    if (!channel.empty())
      words.push_back(std::move(channel));
    append_command(output, words);
    if (std::exchange(writing, true))
      return;
    asio::post(io, [self = shared_from_this()] { asio::co_spawn(self->io, write(self), asio::detached); });
  }

  static asio::awaitable<void> write(std::shared_ptr<state> self) {
    while (self->open && !self->output.empty()) {
      const std::string piece = std::exchange(self->output, {});
      boost::system::error_code ec;
      co_await self->line.write(asio::buffer(piece), ec);
      if (ec)
        break; // the reader sees it too
    }
    self->writing = false;
  }

  asio::io_context& io;
  config settings;
  message_function on_message;
  std::function<void()> on_connect;
  stream line;
  asio::steady_timer pulse;
  std::vector<std::shared_ptr<asio::steady_timer>> waiters; // of those who wait for a confirmation
  std::map<std::string, bool> channels;                     // and whether this connection has confirmed it
  std::size_t unconfirmed_at_open = 0;
  std::string output;
  bool running = false, open = false, writing = false, stopped = false, heard = true;
};

subscriber::subscriber(asio::io_context& io, config c, message_function on_message, std::function<void()> on_connect)
    : state_(std::make_shared<state>(io, std::move(c), std::move(on_message), std::move(on_connect))) {}

subscriber::~subscriber() {
  state_->stopped = true;
  state_->on_message = [](const std::string&, const std::string&) {};
  state_->on_connect = {};
  state_->pulse.cancel();
  state_->close();
}

asio::awaitable<result<void>> subscriber::subscribe(std::string channel) {
  const auto self = state_;
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(self->settings.timeout_ms);
  if (self->channels.try_emplace(channel, false).second)
    self->say("SUBSCRIBE", channel);
  if (!std::exchange(self->running, true))
    asio::co_spawn(self->io, state::keep(self), asio::detached);
  while (!self->stopped) {
    const auto found = self->channels.find(channel);
    if (found == self->channels.end())
      co_return error{errc::conflict, "the channel was left again"};
    if (found->second)
      co_return result<void>();
    if (std::chrono::steady_clock::now() >= until)
      break;
    boost::system::error_code ec;
    const auto waiter = std::make_shared<asio::steady_timer>(self->io, until);
    self->waiters.push_back(waiter);
    co_await waiter->async_wait(asio::redirect_error(asio::use_awaitable, ec));
  }
  co_return error{errc::unavailable, "redis does not confirm the subscription; try again in a moment", {}, 1};
}

void subscriber::unsubscribe(std::string channel) {
  if (state_->channels.erase(channel) > 0)
    state_->say("UNSUBSCRIBE", std::move(channel));
}

bool subscriber::connected() const {
  return state_->open;
}

} // namespace pricing::redis
