#pragma once
// Section "redis". With sentinels, they name the master; else the Unix socket when it is named, else host and port.
#include <boost/describe.hpp>

#include <string>

namespace pricing::redis {

struct config {
  std::string socket;
  std::string host = "127.0.0.1";
  int port = 6379;
  std::string password;
  int timeout_ms = 2'000;
  int queue_max = 5'000;
  std::string username;
  int database = 0;
  std::string sentinels; // "host:port,host:port"
  std::string master_name = "mymaster";
  std::string sentinel_password;
  bool tls = false;                 // over TCP, to sentinels too; a Unix socket stays as it is
  std::string tls_ca_file;          // PEM; empty: the authorities that the system knows
  std::string tls_server_name;      // that the certificate must have; empty: the host that is connected to
  std::string tls_certificate_file; // our own, where the server asks for one
  std::string tls_key_file;
};
BOOST_DESCRIBE_STRUCT(config, (),
                      (socket, host, port, password, timeout_ms, queue_max, username, database, sentinels, master_name,
                       sentinel_password, tls, tls_ca_file, tls_server_name, tls_certificate_file, tls_key_file))

} // namespace pricing::redis
