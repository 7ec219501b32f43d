#pragma once
// HTTP/1.1 client with a keep-alive pool per host: pricing-web → pricing-ml, health checks. One per thread.
// With https:// the server's certificate must be of a known authority and name the host of the URL.
//
//   http::client ml(thread.io(), {.base_url = "http://127.0.0.1:8001"});
//   result<http::client_response> r = co_await ml.send({.verb = method::post, .target = "/api/v1/…", .body = json},
//   deadline);
#include "http/types.hpp"
#include "net/tls.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>

namespace pricing::http {

struct client_config {
  std::string base_url;                          // http://host[:port], or https://
  std::size_t connections_max = 16;              // requests at once
  std::size_t waiting_max = 256;                 // requests that wait for a connection; above: unavailable
  std::uint64_t response_max = 64 * 1024 * 1024; // bytes
  int idle_timeout_s = 30;                       // after which a kept connection is not used again
  net::tls_files tls{};                          // of https; the certificate only where the server asks for one
  std::string tls_server_name{};                 // that its certificate must have; empty: the URL's host
};

struct client_request {
  method verb = method::get;
  std::string target = "/";
  std::vector<name_value> headers{};
  std::string content_type = "application/json";
  std::string body{};
};

struct client_response {
  int status = 0;
  std::vector<name_value> headers;
  std::string body;
  std::string_view header(std::string_view name) const;
};

class client {
 public:
  // Throws std::exception when the URL or a file of TLS is wrong.
  client(asio::io_context& io, client_config c);
  ~client();
  // unavailable: no connection, no trust in its certificate, or the peer closed in the middle; timeout: the deadline
  // passed. Any HTTP status is a success. A request that failed on a kept connection before any byte of an answer is
  // sent once more on a new one.
  asio::awaitable<result<client_response>> send(client_request r, std::chrono::steady_clock::time_point deadline);

 private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace pricing::http
