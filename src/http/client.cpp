#include "http/client.hpp"

#include "core/log.hpp"
#include "http/text.hpp"
#include "net/tls_socket.hpp"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <deque>
#include <list>
#include <stdexcept>
#include <sys/socket.h>

namespace pricing::http {
namespace {

namespace beast_http = boost::beast::http;
using tcp = asio::ip::tcp;
using error_code = boost::system::error_code;
using steady = std::chrono::steady_clock;
constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable);

class response_parser final : public beast_http::basic_parser<false> {
 public:
  response_parser(client_response& out, std::uint64_t limit) : out_(out), limit_(limit) {
    body_limit(boost::none);
    header_limit(64 * 1024);
  }
  bool too_large = false;

 private:
  void on_request_impl(beast_http::verb, boost::beast::string_view, boost::beast::string_view, int,
                       error_code&) override {}
  void on_response_impl(int status, boost::beast::string_view, int, error_code&) override { out_.status = status; }
  void on_field_impl(beast_http::field, boost::beast::string_view name, boost::beast::string_view value,
                     error_code&) override {
    out_.headers.emplace_back(name, value);
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
    if (length && *length <= limit_)
      out_.body.reserve(static_cast<std::size_t>(*length));
  }
  std::size_t on_body_impl(boost::beast::string_view bytes, error_code& ec) override { return take(bytes, ec); }
  void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view bytes, error_code& ec) override {
    return take(bytes, ec);
  }
  void on_finish_impl(error_code&) override {}

  std::size_t take(boost::beast::string_view bytes, error_code& ec) {
    if (out_.body.size() + bytes.size() > limit_) {
      too_large = true;
      ec = beast_http::error::body_limit;
    } else {
      out_.body.append(bytes.data(), bytes.size());
    }
    return bytes.size();
  }

  client_response& out_;
  std::uint64_t limit_;
};

struct connection {
  explicit connection(asio::io_context& io) : socket(tcp::socket(io)), timer(io) {}
  net::tls_socket<tcp::socket> socket;
  asio::steady_timer timer; // closes the socket at the deadline
  bool timed_out = false;
  bool used_before = false;
  steady::time_point idle_since{};
};
using connection_ptr = std::shared_ptr<connection>;

// Has the peer closed it, or sent what nobody asked for?
bool is_stale(connection& c) {
  char byte = 0;
  const auto n = ::recv(c.socket.plain().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return !(n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
}

struct waiter {
  explicit waiter(asio::io_context& io, steady::time_point until) : timer(io, until) {}
  asio::steady_timer timer;
  bool granted = false;
};

std::string text_of(const client_request& r, std::string_view host) {
  std::string out(to_string(r.verb));
  out.append(" ").append(r.target).append(" HTTP/1.1\r\nHost: ").append(host).append("\r\n");
  if (!r.body.empty() || r.verb == method::post || r.verb == method::put || r.verb == method::patch)
    out.append("Content-Type: ")
        .append(r.content_type)
        .append("\r\nContent-Length: ")
        .append(std::to_string(r.body.size()))
        .append("\r\n");
  for (const auto& [name, value] : r.headers)
    out.append(name).append(": ").append(value).append("\r\n");
  return out += "\r\n";
}

bool has_line_break(const client_request& r) {
  const auto bad = [](std::string_view s) { return s.find_first_of(std::string_view("\r\n\0", 3)) != s.npos; };
  for (const auto& [name, value] : r.headers)
    if (bad(name) || bad(value))
      return true;
  return bad(r.target) || bad(r.content_type);
}

} // namespace

std::string_view client_response::header(std::string_view name) const {
  for (const auto& [n, v] : headers)
    if (equal_without_case(n, name))
      return v;
  return {};
}

struct client::state : std::enable_shared_from_this<client::state> {
  state(asio::io_context& i, client_config c);

  asio::awaitable<result<client_response>> send(client_request r, steady::time_point deadline);
  asio::awaitable<result<void>> enter(steady::time_point deadline);
  void leave();
  asio::awaitable<result<void>> encrypt(connection_ptr c);
  asio::awaitable<result<connection_ptr>> connect(steady::time_point deadline);
  connection_ptr kept();
  void watch(const connection_ptr& c, steady::time_point deadline);
  // nullopt: the peer closed before a byte of its answer.
  asio::awaitable<std::optional<result<client_response>>> exchange(connection_ptr c, const client_request& r);
  error away(const connection_ptr& c, std::string_view why) const;

  asio::io_context& io;
  client_config settings;
  std::string host, port;
  std::string authority; // as the Host header names it
  std::unique_ptr<net::tls_context> tls;
  std::size_t running = 0;
  std::list<std::shared_ptr<waiter>> waiting;
  std::deque<connection_ptr> idle;
};

client::state::state(asio::io_context& i, client_config c) : io(i), settings(std::move(c)) {
  std::string_view url = settings.base_url;
  const bool encrypted = url.starts_with("https://");
  if (!encrypted && !url.starts_with("http://"))
    throw std::runtime_error("'" + settings.base_url + "' is not a base URL; write http://host:port or https://");
  url.remove_prefix(url.find("//") + 2);
  authority = url.substr(0, url.find('/'));
  const auto colon = authority.rfind(':');
  const bool has_port = colon != authority.npos && authority.find(']', colon) == authority.npos;
  host = authority.substr(0, has_port ? colon : authority.size());
  port = has_port ? authority.substr(colon + 1) : encrypted ? "443" : "80";
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  if (encrypted)
    tls = std::make_unique<net::tls_context>(net::tls_side::client, settings.tls);
}

error client::state::away(const connection_ptr& c, std::string_view why) const {
  if (c && c->timed_out)
    return {errc::timeout, settings.base_url + " did not answer in time"};
  return {errc::unavailable, settings.base_url + " cannot be reached: " + std::string(why), {}, 1};
}

// A slot for one request. A released slot goes to the longest waiter directly.
asio::awaitable<result<void>> client::state::enter(steady::time_point deadline) {
  if (running < settings.connections_max) {
    ++running;
    co_return result<void>();
  }
  if (waiting.size() >= settings.waiting_max)
    co_return error{errc::unavailable, settings.base_url + " is busy; try again in a moment", {}, 1};
  auto one = std::make_shared<waiter>(io, deadline);
  waiting.push_back(one);
  co_await one->timer.async_wait(as_tuple);
  if (one->granted)
    co_return result<void>();
  waiting.remove(one);
  co_return error{errc::timeout, settings.base_url + " was busy for too long"};
}

void client::state::leave() {
  if (waiting.empty()) {
    --running;
    return;
  }
  auto next = waiting.front();
  waiting.pop_front();
  next->granted = true;
  next->timer.cancel();
}

connection_ptr client::state::kept() {
  const auto oldest = steady::now() - std::chrono::seconds(settings.idle_timeout_s);
  while (!idle.empty()) {
    auto c = std::move(idle.back());
    idle.pop_back();
    if (c->idle_since > oldest && !is_stale(*c))
      return c;
  }
  return nullptr;
}

void client::state::watch(const connection_ptr& c, steady::time_point deadline) {
  c->timer.expires_at(deadline);
  c->timer.async_wait([weak = std::weak_ptr(c)](const error_code& ec) {
    const auto one = weak.lock();
    if (ec || !one)
      return;
    one->timed_out = true;
    error_code ignored;
    one->socket.plain().close(ignored);
  });
}

asio::awaitable<result<void>> client::state::encrypt(connection_ptr c) {
  auto* const line = c->socket.encrypt(tls->current());
  net::expect_peer(line, settings.tls_server_name.empty() ? host : settings.tls_server_name);
  auto [ec] = co_await c->socket.async_handshake(net::ssl::stream_base::client, as_tuple);
  if (!ec)
    co_return result<void>();
  const auto why = "no TLS with it: " + net::tls_failure(line, ec);
  if (!c->timed_out)
    log::warning("http: a peer is not trusted", {{"peer", settings.base_url.c_str()}, {"reason", why.c_str()}});
  co_return away(c, why);
}

asio::awaitable<result<connection_ptr>> client::state::connect(steady::time_point deadline) {
  auto c = std::make_shared<connection>(io);
  watch(c, deadline);
  error_code is_name;
  const auto address = asio::ip::make_address(host, is_name);
  if (!is_name) {
    const tcp::endpoint peer(address, static_cast<std::uint16_t>(std::stoi(port)));
    auto [ec] = co_await c->socket.plain().async_connect(peer, as_tuple);
    if (ec)
      co_return away(c, ec.message());
  } else {
    tcp::resolver resolver(io);
    auto [failed, found] = co_await resolver.async_resolve(host, port, as_tuple);
    if (failed || c->timed_out)
      co_return away(c, failed.message());
    auto [ec, peer] = co_await asio::async_connect(c->socket.plain(), found, as_tuple);
    if (ec)
      co_return away(c, ec.message());
  }
  error_code ignored;
  c->socket.plain().set_option(tcp::no_delay(true), ignored);
  if (c->timed_out)
    co_return away(c, {});
  if (tls)
    if (const auto trusted = co_await encrypt(c); !trusted)
      co_return trusted.error();
  co_return c;
}

asio::awaitable<std::optional<result<client_response>>> client::state::exchange(connection_ptr c,
                                                                                const client_request& r) {
  const auto head = text_of(r, authority);
  const std::array<asio::const_buffer, 2> both{asio::buffer(head), asio::buffer(r.body)};
  auto [write_error, written] = co_await asio::async_write(c->socket, both, as_tuple);
  if (write_error)
    co_return c->timed_out ? std::optional<result<client_response>>(away(c, {})) : std::nullopt;

  client_response out;
  response_parser parser(out, settings.response_max);
  parser.eager(true);
  parser.skip(r.verb == method::head);
  std::vector<char> buffer(16 * 1024);
  std::size_t held = 0;
  bool any = false;
  while (!parser.is_done()) {
    if (held == buffer.size())
      buffer.resize(2 * buffer.size());
    auto [ec, n] =
        co_await c->socket.async_read_some(asio::buffer(buffer.data() + held, buffer.size() - held), as_tuple);
    if (ec && !any && !c->timed_out)
      co_return std::nullopt;
    error_code parse_error;
    if (ec == asio::error::eof)
      parser.put_eof(parse_error);
    if (ec && (parse_error || !parser.is_done()))
      co_return result<client_response>(away(c, ec.message()));
    any = true;
    held += n;
    std::size_t used = 0;
    while (used < held && !parser.is_done()) {
      used += parser.put(asio::buffer(buffer.data() + used, held - used), parse_error);
      if (parse_error)
        break;
    }
    if (parse_error && parse_error != beast_http::error::need_more)
      co_return result<client_response>(away(c, parser.too_large ? "its answer is too large" : parse_error.message()));
    std::copy(buffer.begin() + static_cast<std::ptrdiff_t>(used), buffer.begin() + static_cast<std::ptrdiff_t>(held),
              buffer.begin());
    held -= used;
  }
  c->timer.cancel();
  if (parser.keep_alive() && held == 0 && !c->timed_out && c->socket.plain().is_open()) {
    c->idle_since = steady::now();
    c->used_before = true;
    idle.push_back(std::move(c));
  }
  co_return result<client_response>(std::move(out));
}

asio::awaitable<result<client_response>> client::state::send(client_request r, steady::time_point deadline) {
  if (has_line_break(r))
    co_return error{errc::internal, "a header or target of an outgoing request holds a line break"};
  const auto self = shared_from_this();
  const auto entered = co_await enter(deadline);
  if (!entered)
    co_return entered.error();
  const std::shared_ptr<void> slot(nullptr, [self](void*) { self->leave(); });
  for (;;) {
    auto c = kept();
    if (c) {
      watch(c, deadline);
    } else {
      auto fresh = co_await connect(deadline);
      if (!fresh)
        co_return fresh.error();
      c = std::move(*fresh);
    }
    const bool was_kept = c->used_before;
    auto answered = co_await exchange(c, r);
    if (answered)
      co_return std::move(*answered);
    if (!was_kept)
      co_return away(c, "it closed the connection");
  }
}

client::client(asio::io_context& io, client_config c) : state_(std::make_shared<state>(io, std::move(c))) {}
client::~client() = default;

asio::awaitable<result<client_response>> client::send(client_request r, steady::time_point deadline) {
  return state_->send(std::move(r), deadline);
}

} // namespace pricing::http
