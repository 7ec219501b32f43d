#pragma once
// TLS 1.2 or newer: contexts from files that are read again when they change, so that a renewed certificate needs no
// restart, and the check of whom a client talks to.
#include "core/error.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

namespace pricing::net {

namespace asio = boost::asio;
namespace ssl = asio::ssl;

// All PEM.
struct tls_files {
  std::string ca_file;          // who may have signed the other side; a client without it: the system's authorities
  std::string certificate_file; // our own with its chain; a client may have none
  std::string key_file;         // of certificate_file
};

enum class tls_side { client, server };

// A server with a ca_file asks its clients for a certificate of that authority and refuses those without one.
// Throws boost::system::system_error, or std::runtime_error naming a setting, when something cannot be loaded.
ssl::context make_tls_context(tls_side side, const tls_files& files);

// Thread-safe.
class tls_context {
 public:
  // Loads at once and throws as make_tls_context.
  tls_context(tls_side side, tls_files files);
  // The newest that could be loaded: the files are looked at again once a second at most, and what is wrong with them
  // is a line in the log. Connections keep theirs.
  std::shared_ptr<ssl::context> current();
  // Of our own certificate; the epoch without one.
  std::chrono::system_clock::time_point expires_at();

 private:
  std::string fingerprint() const;

  const tls_side side_;
  const tls_files files_;
  std::mutex mutex_;
  std::shared_ptr<ssl::context> context_;
  std::string loaded_;
  std::chrono::steady_clock::time_point looked_at_;
};

// Before a client's handshake: the peer's certificate must name `name`, a host name or an address.
void expect_peer(SSL* connection, const std::string& name);

// After a failed handshake: its error and what is wrong with the peer's certificate.
std::string tls_failure(SSL* connection, const boost::system::error_code& ec);

} // namespace pricing::net
