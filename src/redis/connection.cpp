#include "redis/connection.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>

namespace pricing::redis {
namespace {

using endpoint = asio::generic::stream_protocol::endpoint;

// A socket that is closed when its time is over; the pending operation then fails.
struct guarded {
  guarded(asio::io_context& io, std::chrono::milliseconds limit) : line(io), timer(io, limit) {}
  static void watch(const std::shared_ptr<guarded>& self) {
    self->timer.async_wait([weak = std::weak_ptr(self)](const boost::system::error_code& ec) {
      const auto alive = weak.lock();
      if (!ec && alive)
        alive->line.close();
    });
  }
  stream line;
  asio::steady_timer timer;
};

asio::awaitable<std::optional<value>> ask(std::shared_ptr<guarded> at, std::vector<std::string> words) {
  boost::system::error_code ec;
  const std::string request = encode_command(words);
  co_await at->line.write(asio::buffer(request), ec);
  resp_parser parser;
  char bytes[1024];
  while (!ec) {
    const auto n = co_await at->line.read_some(asio::buffer(bytes), ec);
    if (ec)
      break;
    try {
      parser.feed({bytes, n});
      if (auto answer = parser.next())
        co_return answer;
    } catch (const std::runtime_error&) {
      break;
    }
  }
  co_return std::nullopt;
}

asio::awaitable<bool> connect_host(asio::io_context& io, std::shared_ptr<guarded> at, std::string host,
                                   std::string port) {
  boost::system::error_code ec;
  asio::ip::tcp::resolver names(io);
  const auto found = co_await names.async_resolve(host, port, asio::redirect_error(asio::use_awaitable, ec));
  if (ec)
    co_return false;
  for (const auto& one : found) {
    const endpoint to = one.endpoint();
    co_await at->line.socket().async_connect(to, asio::redirect_error(asio::use_awaitable, ec));
    if (!ec) {
      asio::ip::tcp::no_delay immediate(true);
      boost::system::error_code ignored;
      at->line.socket().set_option(immediate, ignored);
      co_return true;
    }
    at->line.close();
  }
  co_return false;
}

asio::awaitable<std::shared_ptr<guarded>> connect_one(asio::io_context& io, config c, std::string host,
                                                      std::string port) {
  auto at = std::make_shared<guarded>(io, std::chrono::milliseconds(c.timeout_ms));
  guarded::watch(at);
  bool opened = co_await connect_host(io, at, host, std::move(port));
  if (opened && c.tls)
    opened = co_await at->line.start_tls(c, host);
  co_return opened ? at : nullptr;
}

asio::awaitable<bool> accepted(std::shared_ptr<guarded> at, std::vector<std::string> words) {
  const auto answer = co_await ask(at, std::move(words));
  co_return answer && !answer->is_error();
}

asio::awaitable<bool> greet(std::shared_ptr<guarded> at, config c) {
  if (!c.password.empty()) {
    std::vector<std::string> words{"AUTH"};
    if (!c.username.empty())
      words.push_back(c.username);
    words.push_back(c.password);
    const bool ok = co_await accepted(at, std::move(words));
    if (!ok)
      co_return false;
  }
  if (c.database != 0) {
    std::vector<std::string> words{"SELECT", std::to_string(c.database)};
    const bool ok = co_await accepted(at, std::move(words));
    if (!ok)
      co_return false;
  }
  co_return true;
}

// Asks each sentinel in turn where the master is; the answer counts when that server says that it is one.
asio::awaitable<std::shared_ptr<guarded>> connect_master(asio::io_context& io, config c) {
  for (const auto& [host, port] : parse_sentinels(c.sentinels)) {
    const auto sentinel = co_await connect_one(io, c, host, port);
    if (!sentinel)
      continue;
    if (!c.sentinel_password.empty()) {
      std::vector<std::string> words{"AUTH", c.sentinel_password};
      const bool ok = co_await accepted(sentinel, std::move(words));
      if (!ok)
        continue;
    }
    std::vector<std::string> question{"SENTINEL", "get-master-addr-by-name", c.master_name};
    const auto where = co_await ask(sentinel, std::move(question));
    if (!where || where->list.size() != 2)
      continue;
    const auto master = co_await connect_one(io, c, where->list[0].text, where->list[1].text);
    if (!master)
      continue;
    const bool known = co_await greet(master, c);
    if (!known)
      continue;
    std::vector<std::string> role_words{"ROLE"};
    const auto role = co_await ask(master, std::move(role_words));
    if (role && !role->list.empty() && role->list[0].text == "master")
      co_return master;
  }
  co_return nullptr;
}

asio::awaitable<std::shared_ptr<guarded>> connect_socket(asio::io_context& io, config c) {
  auto at = std::make_shared<guarded>(io, std::chrono::milliseconds(c.timeout_ms));
  guarded::watch(at);
  boost::system::error_code ec;
  const endpoint to = asio::local::stream_protocol::endpoint(c.socket);
  co_await at->line.socket().async_connect(to, asio::redirect_error(asio::use_awaitable, ec));
  co_return ec ? nullptr : at;
}

std::optional<stream> release(const std::shared_ptr<guarded>& at) {
  at->timer.cancel();
  if (!at->line.is_open())
    return std::nullopt;
  return at->line;
}

} // namespace

std::vector<std::pair<std::string, std::string>> parse_sentinels(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> out;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    auto one = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    while (!one.empty() && one.front() == ' ')
      one.remove_prefix(1);
    const auto colon = one.rfind(':');
    if (one.empty())
      continue;
    if (colon == std::string_view::npos)
      out.emplace_back(one, "26379");
    else
      out.emplace_back(one.substr(0, colon), one.substr(colon + 1));
  }
  return out;
}

asio::awaitable<std::optional<stream>> open_connection(asio::io_context& io, config c) {
  std::shared_ptr<guarded> at;
  if (!c.sentinels.empty()) {
    at = co_await connect_master(io, c);
  } else {
    if (!c.socket.empty())
      at = co_await connect_socket(io, c);
    else
      at = co_await connect_one(io, c, c.host, std::to_string(c.port));
    if (at) {
      const bool known = co_await greet(at, c);
      if (!known)
        at = nullptr;
    }
  }
  if (!at)
    co_return std::nullopt;
  co_return release(at);
}

} // namespace pricing::redis
