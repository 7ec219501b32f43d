#include "redis/stream.hpp"

#include "core/log.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <optional>

namespace pricing::redis {

namespace ssl = asio::ssl;

struct stream::body {
  explicit body(asio::io_context& io) : socket(io) {}
  socket_type socket;
  std::optional<ssl::context> context;
  std::optional<ssl::stream<socket_type&>> tls;
};

namespace {

// Throws system_error naming what cannot be loaded.
ssl::context context_of(const config& c) {
  ssl::context out(ssl::context::tls_client);
  out.set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  out.set_verify_mode(ssl::verify_peer);
  if (c.tls_ca_file.empty())
    out.set_default_verify_paths();
  else
    out.load_verify_file(c.tls_ca_file);
  if (!c.tls_certificate_file.empty()) {
    out.use_certificate_chain_file(c.tls_certificate_file);
    out.use_private_key_file(c.tls_key_file, ssl::context::pem);
  }
  return out;
}

bool is_address(const std::string& host) {
  boost::system::error_code ec;
  asio::ip::make_address(host, ec);
  return !ec;
}

} // namespace

stream::stream(asio::io_context& io) : body_(std::make_shared<body>(io)) {}

socket_type& stream::socket() const {
  return body_->socket;
}

void stream::close() const {
  boost::system::error_code ignored;
  body_->socket.close(ignored);
}

bool stream::is_open() const {
  return body_->socket.is_open();
}

asio::awaitable<std::size_t> stream::read_some(asio::mutable_buffer into, boost::system::error_code& ec) const {
  const auto held = body_;
  if (held->tls)
    co_return co_await held->tls->async_read_some(into, asio::redirect_error(asio::use_awaitable, ec));
  co_return co_await held->socket.async_read_some(into, asio::redirect_error(asio::use_awaitable, ec));
}

asio::awaitable<void> stream::write(asio::const_buffer all, boost::system::error_code& ec) const {
  const auto held = body_;
  if (held->tls)
    co_await asio::async_write(*held->tls, all, asio::redirect_error(asio::use_awaitable, ec));
  else
    co_await asio::async_write(held->socket, all, asio::redirect_error(asio::use_awaitable, ec));
}

asio::awaitable<bool> stream::start_tls(config c, std::string host) const {
  const auto held = body_;
  const std::string name = c.tls_server_name.empty() ? host : c.tls_server_name;
  std::string reason;
  try {
    held->context.emplace(context_of(c));
    held->tls.emplace(held->socket, *held->context);
    held->tls->set_verify_callback(ssl::host_name_verification(name));
    if (!is_address(name))
      SSL_set_tlsext_host_name(held->tls->native_handle(), name.c_str());
    boost::system::error_code ec;
    co_await held->tls->async_handshake(ssl::stream_base::client, asio::redirect_error(asio::use_awaitable, ec));
    if (!ec)
      co_return true;
    reason = ec.message();
    if (const auto verdict = SSL_get_verify_result(held->tls->native_handle()); verdict != X509_V_OK)
      reason += std::string(": ") + X509_verify_cert_error_string(verdict);
  } catch (const boost::system::system_error& e) {
    reason = e.what();
  }
  log::warning("redis: no TLS with the server", {{"host", host.c_str()}, {"reason", reason.c_str()}});
  co_return false;
}

} // namespace pricing::redis
