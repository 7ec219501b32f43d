#include "redis/client.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <deque>

namespace pricing::redis {
namespace {

error away() {
  return {errc::unavailable, "the cache is not reachable; try again in a moment", {}, 1};
}

struct call {
  explicit call(asio::io_context& io) : done(io) {}
  asio::steady_timer done;
  std::optional<value> answer;
  bool finished = false;
};

// Count and milliseconds left of the window that the first call opened.
constexpr const char* window_script = "local n = redis.call('incr', KEYS[1]) "
                                      "if n == 1 then redis.call('pexpire', KEYS[1], ARGV[1]) end "
                                      "return {n, redis.call('pttl', KEYS[1])}";

} // namespace

struct client::state : std::enable_shared_from_this<state> {
  state(asio::io_context& i, config c) : io(i), settings(std::move(c)), line(i) {}

  // Ends the connection and everything on its way.
  void drop() {
    ++generation;
    boost::system::error_code ignored;
    line.close(ignored);
    running = writing = false;
    output.clear();
    parser = {};
    for (auto& c : std::exchange(waiting, {}))
      finish(*c);
  }
  static void finish(call& c) {
    c.finished = true;
    c.done.cancel();
  }

  asio::awaitable<bool> open() {
    boost::system::error_code ec;
    if (!settings.socket.empty()) {
      const asio::generic::stream_protocol::endpoint to = asio::local::stream_protocol::endpoint(settings.socket);
      co_await line.async_connect(to, asio::redirect_error(asio::use_awaitable, ec));
      co_return !ec;
    }
    asio::ip::tcp::resolver names(io);
    const auto found = co_await names.async_resolve(settings.host, std::to_string(settings.port),
                                                    asio::redirect_error(asio::use_awaitable, ec));
    if (ec || found.empty())
      co_return false;
    const asio::generic::stream_protocol::endpoint to = found.begin()->endpoint();
    co_await line.async_connect(to, asio::redirect_error(asio::use_awaitable, ec));
    co_return !ec;
  }

  // Connects, then reads until the connection ends.
  static asio::awaitable<void> serve(std::shared_ptr<state> self) {
    const auto mine = self->generation;
    const bool opened = co_await self->open();
    if (mine != self->generation)
      co_return;
    if (!opened)
      co_return self->drop();
    self->connected = true;
    self->flush();
    char bytes[16 * 1024];
    for (;;) {
      boost::system::error_code ec;
      const auto n =
          co_await self->line.async_read_some(asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, ec));
      if (mine != self->generation)
        co_return;
      if (ec || !self->take({bytes, n}))
        co_return self->drop();
    }
  }

  bool take(std::string_view bytes) {
    try {
      parser.feed(bytes);
      while (auto v = parser.next()) {
        if (waiting.empty())
          return false;
        const auto c = std::move(waiting.front());
        waiting.pop_front();
        c->answer = std::move(*v);
        finish(*c);
      }
      return true;
    } catch (const std::runtime_error&) {
      return false;
    }
  }

  void flush() {
    if (!connected || writing || output.empty())
      return;
    writing = true;
    asio::co_spawn(io, write(shared_from_this()), asio::detached);
  }
  static asio::awaitable<void> write(std::shared_ptr<state> self) {
    const auto mine = self->generation;
    while (mine == self->generation && !self->output.empty()) {
      const std::string piece = std::exchange(self->output, {});
      boost::system::error_code ec;
      co_await asio::async_write(self->line, asio::buffer(piece), asio::redirect_error(asio::use_awaitable, ec));
      if (mine == self->generation && ec)
        co_return self->drop();
    }
    if (mine == self->generation)
      self->writing = false;
  }

  void start() {
    running = true;
    connected = false;
    if (!settings.password.empty()) {
      const std::vector<std::string> words{"AUTH", settings.password};
      output = encode_command(words);
      waiting.push_back(std::make_shared<call>(io));
    }
    asio::co_spawn(io, serve(shared_from_this()), asio::detached);
  }

  static asio::awaitable<result<value>> send(std::shared_ptr<state> self, std::vector<std::string> words) {
    if (self->waiting.size() >= static_cast<std::size_t>(self->settings.queue_max))
      co_return away();
    if (!self->running)
      self->start();
    const auto mine = std::make_shared<call>(self->io);
    self->waiting.push_back(mine);
    self->output += encode_command(words);
    self->flush();
    boost::system::error_code ec;
    mine->done.expires_after(std::chrono::milliseconds(self->settings.timeout_ms));
    co_await mine->done.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    if (!mine->finished)
      self->drop(); // the order of answers would be lost
    if (!mine->answer)
      co_return away();
    if (mine->answer->type == value::kind::error)
      co_return error{errc::internal, "redis: " + mine->answer->text};
    co_return std::move(*mine->answer);
  }

  asio::io_context& io;
  config settings;
  asio::generic::stream_protocol::socket line;
  std::deque<std::shared_ptr<call>> waiting;
  resp_parser parser;
  std::string output;
  std::uint64_t generation = 0;
  bool running = false, connected = false, writing = false;
};

client::client(asio::io_context& io, config c) : state_(std::make_shared<state>(io, std::move(c))) {}
client::~client() {
  state_->drop();
}

asio::awaitable<result<value>> client::command(std::vector<std::string> words) {
  return state::send(state_, std::move(words));
}

asio::awaitable<result<std::optional<std::string>>> client::get(std::string key) {
  std::vector<std::string> words{"GET", std::move(key)};
  auto got = co_await command(std::move(words));
  if (!got)
    co_return got.error();
  if (got->type == value::kind::null)
    co_return std::optional<std::string>();
  co_return std::optional<std::string>(std::move(got->text));
}

asio::awaitable<result<std::vector<std::optional<std::string>>>> client::mget(std::vector<std::string> keys) {
  keys.insert(keys.begin(), "MGET");
  auto got = co_await command(std::move(keys));
  if (!got)
    co_return got.error();
  std::vector<std::optional<std::string>> out;
  for (auto& v : got->list)
    out.push_back(v.type == value::kind::null ? std::nullopt : std::optional(std::move(v.text)));
  co_return out;
}

asio::awaitable<result<void>> client::set(std::string key, std::string text, std::chrono::seconds ttl) {
  std::vector<std::string> words{"SET", std::move(key), std::move(text), "EX", std::to_string(ttl.count())};
  auto got = co_await command(std::move(words));
  if (!got)
    co_return got.error();
  co_return result<void>();
}

asio::awaitable<result<std::int64_t>> client::del(std::string key) {
  std::vector<std::string> words{"DEL", std::move(key)};
  auto got = co_await command(std::move(words));
  if (!got)
    co_return got.error();
  co_return got->integer;
}

asio::awaitable<result<std::int64_t>> client::incr(std::string key) {
  std::vector<std::string> words{"INCR", std::move(key)};
  auto got = co_await command(std::move(words));
  if (!got)
    co_return got.error();
  co_return got->integer;
}

asio::awaitable<result<quota>> client::allow(std::string key, int most, std::chrono::milliseconds window) {
  std::vector<std::string> words{"EVAL", window_script, "1", std::move(key), std::to_string(window.count())};
  auto got = co_await command(std::move(words));
  if (!got)
    co_return got.error();
  if (got->list.size() != 2)
    co_return error{errc::internal, "Redis answered the counting script with something else"};
  const auto calls = got->list[0].integer;
  const auto reset_s = std::max<std::int64_t>(1, (got->list[1].integer + 999) / 1000);
  co_return quota{calls <= most, static_cast<int>(std::max<std::int64_t>(0, most - calls)), static_cast<int>(reset_s)};
}

} // namespace pricing::redis
