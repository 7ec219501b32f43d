#include "redis/stream.hpp"

#include "core/log.hpp"
#include "net/tls_socket.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace pricing::redis {

struct stream::body {
  explicit body(asio::io_context& io) : line(socket_type(io)) {}
  net::tls_socket<socket_type> line;
};

stream::stream(asio::io_context& io) : body_(std::make_shared<body>(io)) {}

socket_type& stream::socket() const {
  return body_->line.plain();
}

void stream::close() const {
  boost::system::error_code ignored;
  body_->line.plain().close(ignored);
}

bool stream::is_open() const {
  return body_->line.plain().is_open();
}

asio::awaitable<std::size_t> stream::read_some(asio::mutable_buffer into, boost::system::error_code& ec) const {
  const auto held = body_;
  co_return co_await held->line.async_read_some(into, asio::redirect_error(asio::use_awaitable, ec));
}

asio::awaitable<void> stream::write(asio::const_buffer all, boost::system::error_code& ec) const {
  const auto held = body_;
  co_await asio::async_write(held->line, all, asio::redirect_error(asio::use_awaitable, ec));
}

asio::awaitable<bool> stream::start_tls(config c, std::string host) const {
  const auto held = body_;
  std::string reason;
  try {
    auto* const tls = held->line.encrypt(std::make_shared<net::ssl::context>(net::make_tls_context(
        net::tls_side::client,
        {.ca_file = c.tls_ca_file, .certificate_file = c.tls_certificate_file, .key_file = c.tls_key_file})));
    net::expect_peer(tls, c.tls_server_name.empty() ? host : c.tls_server_name);
    boost::system::error_code ec;
    co_await held->line.async_handshake(net::ssl::stream_base::client, asio::redirect_error(asio::use_awaitable, ec));
    if (!ec)
      co_return true;
    reason = net::tls_failure(tls, ec);
  } catch (const std::exception& e) {
    reason = e.what();
  }
  log::warning("redis: no TLS with the server", {{"host", host.c_str()}, {"reason", reason.c_str()}});
  co_return false;
}

} // namespace pricing::redis
