#pragma once
// One call through the router to routes on a real database, without a socket.
#include "http/compress.hpp"
#include "http/router.hpp"
#include "postgres/pool.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace pricing::test {

// Status and body of the answer to a caller of `organization` who has one permission.
struct api_request {
  http::method verb = http::method::get;
  std::string path;
  std::vector<http::name_value> query{};
  std::string body{};      // JSON
  std::string body_file{}; // where a route takes the body as a file
};

inline std::pair<int, boost::json::value> call(const std::string& url,
                                               const std::function<std::vector<http::route>(postgres::pool&)>& routes,
                                               const std::string& permission, organization_id organization,
                                               api_request asked) {
  namespace asio = boost::asio;
  asio::io_context io;
  http::response answer;
  {
    postgres::config c;
    c.url = url;
    postgres::pool pool(io, c);
    http::hooks hooks;
    hooks.authenticate = [=](const http::request&) -> asio::awaitable<result<http::principal_ptr>> {
      http::principal caller;
      caller.organization = organization;
      caller.user = {1};
      caller.permissions = {permission};
      co_return std::make_shared<http::principal>(std::move(caller));
    };
    const auto router = http::router::create(routes(pool), hooks).value();
    const auto match = router.find(asked.verb, asked.path);
    if (!match.route)
      throw std::runtime_error("no route for " + asked.path);
    http::request request;
    request.verb = asked.verb;
    request.path = asked.path;
    request.path_params = match.params;
    request.query = std::move(asked.query);
    request.body = std::move(asked.body);
    request.body_bytes = request.body.size();
    request.body_file = std::move(asked.body_file);
    if (!request.body.empty())
      request.add_header("Content-Type", "application/json");
    request.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    http::context context{request, *match.route};
    const auto ask = [&]() -> asio::awaitable<void> { answer = co_await router.handle(context); };
    asio::co_spawn(io, ask(), [&](std::exception_ptr e) {
      EXPECT_FALSE(e);
      io.stop();
    });
    io.run_for(std::chrono::seconds(20));
  }
  EXPECT_NE(answer.status, 401);
  EXPECT_NE(answer.status, 403);
  io.restart();
  io.run_for(std::chrono::milliseconds(100));
  const std::string body =
      answer.unpacked_bytes > 0 ? http::gunzip(answer.content(), answer.unpacked_bytes) : std::string(answer.content());
  return {answer.status, body.empty() ? boost::json::value() : boost::json::parse(body)};
}

inline std::pair<int, boost::json::value> get(const std::string& url,
                                              const std::function<std::vector<http::route>(postgres::pool&)>& routes,
                                              const std::string& permission, organization_id organization,
                                              const std::string& path, std::vector<http::name_value> query = {}) {
  return call(url, routes, permission, organization, {http::method::get, path, std::move(query)});
}

} // namespace pricing::test
