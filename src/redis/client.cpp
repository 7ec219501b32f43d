#include "redis/client.hpp"

#include "redis/connection.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <deque>
#include <iterator>

namespace pricing::redis {
namespace {

error away() {
  return {errc::unavailable, "the cache is not reachable; try again in a moment", {}, 1};
}

// States of the server that pass are unavailable, all other error answers are defects of ours.
error failure_of(const value& answer) {
  for (const std::string_view passing : {"READONLY", "LOADING", "MASTERDOWN", "NOREPLICAS", "CLUSTERDOWN", "TRYAGAIN"})
    if (answer.text.starts_with(passing))
      return {errc::unavailable, "redis: " + answer.text, {}, 1};
  return {errc::internal, "redis: " + answer.text};
}

struct call {
  call(asio::io_context& io, std::size_t n) : done(io), wanted(n) {}
  asio::steady_timer done;
  std::size_t wanted;
  std::vector<value> answers;
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
    line.close();
    running = writing = false;
    output.clear();
    parser = {};
    waiting_commands = 0;
    for (auto& c : std::exchange(waiting, {}))
      finish(*c);
  }
  static void finish(call& c) {
    c.finished = true;
    c.done.cancel();
  }

  // Connects, then reads until the connection ends.
  static asio::awaitable<void> serve(std::shared_ptr<state> self) {
    const auto mine = self->generation;
    auto opened = co_await open_connection(self->io, self->settings);
    if (mine != self->generation)
      co_return;
    if (!opened)
      co_return self->drop();
    self->line = std::move(*opened);
    self->connected = true;
    self->flush();
    char bytes[64 * 1024];
    for (;;) {
      boost::system::error_code ec;
      const auto n = co_await self->line.read_some(asio::buffer(bytes), ec);
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
        --waiting_commands;
        const bool demoted = v->is_error() && v->text.starts_with("READONLY");
        c->answers.push_back(std::move(*v));
        if (c->answers.size() < c->wanted)
          waiting.push_front(c);
        else
          finish(*c);
        if (demoted)
          return false; // a replica now: connect to the master
      }
      return true;
    } catch (const std::runtime_error&) {
      return false;
    }
  }

  // At the end of this turn of the loop, so that all of its commands go out together.
  void flush() {
    if (!connected || writing || output.empty())
      return;
    writing = true;
    asio::post(io, [self = shared_from_this(), mine = generation] {
      if (mine == self->generation)
        asio::co_spawn(self->io, write(self), asio::detached);
    });
  }
  static asio::awaitable<void> write(std::shared_ptr<state> self) {
    const auto mine = self->generation;
    while (mine == self->generation && !self->output.empty()) {
      const std::string piece = std::exchange(self->output, {});
      boost::system::error_code ec;
      co_await self->line.write(asio::buffer(piece), ec);
      if (mine == self->generation && ec)
        co_return self->drop();
    }
    if (mine == self->generation)
      self->writing = false;
  }

  void start() {
    running = true;
    connected = false;
    asio::co_spawn(io, serve(shared_from_this()), asio::detached);
  }

  static asio::awaitable<result<std::vector<value>>> send(std::shared_ptr<state> self, std::string bytes,
                                                          std::size_t commands, std::chrono::milliseconds timeout) {
    if (self->waiting_commands + commands > static_cast<std::size_t>(self->settings.queue_max))
      co_return away();
    if (!self->running)
      self->start();
    const auto mine = std::make_shared<call>(self->io, commands);
    self->waiting.push_back(mine);
    self->waiting_commands += commands;
    self->output += bytes;
    self->flush();
    boost::system::error_code ec;
    mine->done.expires_after(timeout);
    if (!mine->finished)
      co_await mine->done.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    if (!mine->finished)
      self->drop(); // the order of answers would be lost
    if (mine->answers.size() < commands)
      co_return away();
    co_return std::move(mine->answers);
  }

  asio::io_context& io;
  config settings;
  stream line;
  std::deque<std::shared_ptr<call>> waiting;
  std::size_t waiting_commands = 0;
  resp_parser parser;
  std::string output;
  std::uint64_t generation = 0;
  bool running = false, connected = false, writing = false;
};

client::client(asio::io_context& io, config c) : state_(std::make_shared<state>(io, std::move(c))) {}
client::~client() {
  state_->drop();
}

void client::disconnect() {
  state_->drop();
}

asio::awaitable<result<value>> client::command(std::vector<std::string> words) {
  return command(std::move(words), std::chrono::milliseconds(state_->settings.timeout_ms));
}

asio::awaitable<result<value>> client::command(std::vector<std::string> words, std::chrono::milliseconds timeout) {
  auto answers = co_await state::send(state_, encode_command(words), 1, timeout);
  if (!answers)
    co_return answers.error();
  auto& answer = answers->front();
  if (answer.is_error())
    co_return failure_of(answer);
  co_return std::move(answer);
}

asio::awaitable<result<std::vector<value>>> client::pipeline(std::vector<std::vector<std::string>> commands) {
  if (commands.empty())
    co_return std::vector<value>();
  std::string bytes;
  for (const auto& words : commands)
    append_command(bytes, words);
  co_return co_await state::send(state_, std::move(bytes), commands.size(),
                                 std::chrono::milliseconds(state_->settings.timeout_ms));
}

asio::awaitable<result<std::vector<value>>> client::pipeline(command_buffer commands) {
  const auto count = commands.count();
  if (count == 0)
    co_return std::vector<value>();
  co_return co_await state::send(state_, commands.take(), count,
                                 std::chrono::milliseconds(state_->settings.timeout_ms));
}

asio::awaitable<result<value>> client::eval(const script& s, std::vector<std::string> keys,
                                            std::vector<std::string> arguments) {
  std::vector<std::string> words;
  words.reserve(3 + keys.size() + arguments.size());
  words = {"EVALSHA", s.sha1, std::to_string(keys.size())};
  for (auto* part : {&keys, &arguments})
    std::move(part->begin(), part->end(), std::back_inserter(words));
  const auto limit = std::chrono::milliseconds(state_->settings.timeout_ms);
  auto answers = co_await state::send(state_, encode_command(words), 1, limit);
  if (answers && answers->front().is_error() && answers->front().text.starts_with("NOSCRIPT")) {
    words[0] = "EVAL", words[1] = s.text;
    answers = co_await state::send(state_, encode_command(words), 1, limit);
  }
  if (!answers)
    co_return answers.error();
  if (answers->front().is_error())
    co_return failure_of(answers->front());
  co_return std::move(answers->front());
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
