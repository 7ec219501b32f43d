#include "http/router.hpp"
#include "ingest/ingest_routes.hpp"

#include <gtest/gtest.h>

#include <set>

using namespace pricing;
using namespace pricing::ingest;

TEST(ingest_routes, cover_the_contract_and_all_ask_for_a_permission) {
  const system_clock clock;
  ingest_service service([]() -> std::unique_ptr<postgres::session> { throw std::runtime_error("no database here"); },
                         {}, clock);
  net::cpu_pool pool(1, 1);
  const auto routes = ingest_routes(service, pool);
  std::set<std::string> found;
  for (const auto& r : routes) {
    EXPECT_FALSE(r.options.permission.empty()) << r.path;
    EXPECT_FALSE(r.options.summary.empty()) << r.path;
    found.insert(std::string(http::to_string(r.verb)) + " " + r.path);
  }
  for (const auto* wanted :
       {"POST /api/v1/uploads", "GET /api/v1/uploads", "GET /api/v1/uploads/{id}", "GET /api/v1/uploads/{id}/preview",
        "PUT /api/v1/uploads/{id}/mapping", "POST /api/v1/uploads/{id}/start", "GET /api/v1/uploads/{id}/quarantine",
        "POST /api/v1/uploads/{id}/quarantine/{row_number}/fix",
        "POST /api/v1/uploads/{id}/quarantine/{row_number}/dismiss", "GET /api/v1/uploads/{id}/quality",
        "GET /api/v1/matches", "POST /api/v1/matches/{id}/decision", "POST /api/v1/matches/{id}/undo",
        "GET /api/v1/mappings"})
    EXPECT_TRUE(found.contains(wanted)) << wanted;
  http::hooks hooks;
  hooks.authenticate = [](const http::request&) -> http::asio::awaitable<result<http::principal_ptr>> {
    co_return http::nobody();
  };
  const auto router = http::router::create(routes, hooks);
  EXPECT_TRUE(router) << (router ? std::string() : router.error().message);
}
