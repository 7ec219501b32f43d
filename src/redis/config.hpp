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
};
BOOST_DESCRIBE_STRUCT(config, (),
                      (socket, host, port, password, timeout_ms, queue_max, username, database, sentinels, master_name,
                       sentinel_password))

} // namespace pricing::redis
