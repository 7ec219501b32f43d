#pragma once
// One GET through the router to routes on a real database, without a socket.
#include "http/router.hpp"
#include "postgres/pool.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace pricing::test {

// Status and body of the answer to a caller of `organization` who has one permission.
inline std::pair<int, boost::json::value> get(const std::string& url,
                                              const std::function<std::vector<http::route>(postgres::pool&)>& routes,
                                              const std::string& permission, organization_id organization,
                                              const std::string& path, std::vector<http::name_value> query = {}) {
  namespace asio = boost::asio;
  asio::io_context io;
  http::response answer;
  {
    postgres::config c;
    c.url = url;
    postgres::pool pool(io, c);
    http::hooks hooks;
    hooks.authenticate = [=](const http::request&) -> asio::awaitable<result<http::principal>> {
      http::principal caller;
      caller.organization = organization;
      caller.user = {1};
      caller.permissions = {permission};
      co_return caller;
    };
    const auto router = http::router::create(routes(pool), hooks).value();
    const auto match = router.find(http::method::get, path);
    if (!match.route)
      throw std::runtime_error("no route for " + path);
    http::request request;
    request.path = path;
    request.path_params = match.params;
    request.query = std::move(query);
    request.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    http::context context{request, *match.route};
    const auto ask = [&]() -> asio::awaitable<void> {
      const auto admitted = co_await router.admit(context);
      EXPECT_TRUE(admitted);
      answer = co_await router.handle(context);
    };
    asio::co_spawn(io, ask(), [&](std::exception_ptr e) {
      EXPECT_FALSE(e);
      io.stop();
    });
    io.run_for(std::chrono::seconds(20));
  }
  io.restart();
  io.run_for(std::chrono::milliseconds(100));
  return {answer.status, boost::json::parse(answer.content())};
}

} // namespace pricing::test
