#pragma once
// What Redis is talked to over: a TCP or Unix socket, with TLS when the configuration says so. A handle: copies are the
// same connection, and an operation keeps it alive until it ends, also when its owner has let go of it.
#include "redis/config.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>

namespace pricing::redis {

namespace asio = boost::asio;
using socket_type = asio::generic::stream_protocol::socket;

class stream {
 public:
  explicit stream(asio::io_context& io);

  socket_type& socket() const;
  void close() const; // what is on its way ends with an error
  bool is_open() const;

  // Bytes read; 0 with an error in ec.
  asio::awaitable<std::size_t> read_some(asio::mutable_buffer into, boost::system::error_code& ec) const;
  asio::awaitable<void> write(asio::const_buffer all, boost::system::error_code& ec) const;

  // TLS 1.2 or newer over the connected socket. The server's certificate must be of a known authority (tls_ca_file,
  // else the system's) and name `host` (or tls_server_name). False, and a line in the log, when it is not.
  asio::awaitable<bool> start_tls(config c, std::string host) const;

 private:
  struct body;
  std::shared_ptr<body> body_;
};

} // namespace pricing::redis
