#pragma once
// Opens what client and subscriber talk over: finds the master (Sentinel), connects, encrypts, authenticates, selects
// the database. A server that is not a master (by ROLE, with sentinels) is refused, so that a failover is followed.
#include "redis/config.hpp"
#include "redis/resp.hpp"
#include "redis/stream.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <optional>
#include <utility>

namespace pricing::redis {

// nullopt when no usable server answers within config.timeout_ms.
asio::awaitable<std::optional<stream>> open_connection(asio::io_context& io, config c);

// "host:port,host:port"; entries without a port get 26379.
std::vector<std::pair<std::string, std::string>> parse_sentinels(std::string_view text);

} // namespace pricing::redis
