// The link from pricing-web to pricing-ml under TLS: a real server, our own authority, and whatever must be refused.
#include "http/client.hpp"

#include "running_server.hpp"
#include "support/certificates.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include <filesystem>

namespace pricing::http {
namespace {

using namespace std::chrono_literals;
using pricing::test::certificates;
using test::raw_socket;
using test::running_server;

running_server::make_routes routes() {
  return [](net::io_thread&) {
    return std::vector<route>{
        raw_route(method::post, "/echo", {.is_public = true, .body_max = 8 << 20},
                  [](context& c) -> asio::awaitable<result<response>> { co_return response::text(c.request.body); })};
  };
}

config encrypted(int port, const certificates::pair& shown) {
  return {.tls_port = port, .tls_certificate_file = shown.certificate, .tls_key_file = shown.key};
}

// One request; its status, or what was wrong.
struct outcome {
  int status = 0;
  std::string body, why;
};

class http_tls : public testing::Test {
 protected:
  client_config trusting(const certificates& authority) const {
    return {.base_url = "https://localhost:" + std::to_string(port), .tls = {.ca_file = authority.ca}};
  }

  static outcome ask(client& c, asio::io_context& io, const std::string& body) {
    outcome out;
    const auto send = [&]() -> asio::awaitable<void> {
      client_request r{.verb = method::post, .target = "/echo", .body = body};
      const auto answered = co_await c.send(r, net::deadline_in(10s));
      if (answered)
        out = {answered->status, answered->body, {}};
      else
        out.why = answered.error().message;
    };
    io.restart();
    asio::co_spawn(io, send(), [&](std::exception_ptr e) {
      EXPECT_FALSE(e);
      io.stop();
    });
    io.run_for(20s);
    return out;
  }
  static outcome ask(const client_config& c, const std::string& body = "hello") {
    asio::io_context io;
    client one(io, c);
    return ask(one, io, body);
  }

  certificates ours{false};
  certificates::pair shown{ours.certificate, ours.key};
  const int port = pricing::test::free_port();
};

TEST_F(http_tls, carries_small_and_large_bodies_over_one_connection) {
  auto c = encrypted(port, shown);
  c.connections_max = 1;
  const running_server server(c, routes());
  asio::io_context io;
  client one(io, trusting(ours));
  for (const std::size_t bytes : {5u, 100'000u, 4'000'000u, 1u}) {
    const std::string body(bytes, 'x');
    const auto got = ask(one, io, body);
    EXPECT_EQ(got.status, 200) << got.why;
    EXPECT_TRUE(got.body == body) << bytes;
  }
}

TEST_F(http_tls, refuses_a_server_that_it_cannot_trust) {
  const running_server server(encrypted(port, shown), routes());
  ASSERT_EQ(ask(trusting(ours)).status, 200);

  const certificates theirs(false);
  const auto stranger = ask(trusting(theirs));
  EXPECT_EQ(stranger.status, 0);
  EXPECT_NE(stranger.why.find("certificate"), std::string::npos) << stranger.why;

  auto renamed = trusting(ours);
  renamed.tls_server_name = "pricing-ml.example.com";
  EXPECT_NE(ask(renamed).why.find("ostname mismatch"), std::string::npos) << ask(renamed).why;
  renamed.base_url = "https://127.0.0.1:" + std::to_string(port);
  renamed.tls_server_name.clear();
  EXPECT_EQ(ask(renamed).status, 200) << "its certificate names the address too";

  auto of_the_system = trusting(ours);
  of_the_system.tls.ca_file.clear();
  EXPECT_EQ(ask(of_the_system).status, 0) << "no public authority knows our test";
  EXPECT_THROW(ask({.base_url = "https://localhost", .tls = {.ca_file = "/nonexistent/ca.pem"}}), std::exception);
}

TEST_F(http_tls, refuses_an_expired_certificate) {
  const running_server server(encrypted(port, ours.issue("old", "DNS:localhost", -1)), routes());
  const auto got = ask(trusting(ours));
  EXPECT_EQ(got.status, 0);
  EXPECT_NE(got.why.find("expired"), std::string::npos) << got.why;
}

TEST_F(http_tls, asks_for_a_certificate_where_it_shall) {
  auto c = encrypted(port, shown);
  c.tls_client_ca_file = ours.ca;
  const running_server server(c, routes());
  EXPECT_EQ(ask(trusting(ours)).status, 0) << "without a certificate";

  auto known = trusting(ours);
  const auto mine = ours.issue("pricing-web", "DNS:pricing-web");
  known.tls.certificate_file = mine.certificate;
  known.tls.key_file = mine.key;
  const auto got = ask(known);
  EXPECT_EQ(got.status, 200) << got.why;

  const certificates theirs(false);
  known.tls.certificate_file = theirs.certificate;
  known.tls.key_file = theirs.key;
  EXPECT_EQ(ask(known).status, 0) << "with one of another authority";
}

TEST_F(http_tls, shows_a_renewed_certificate_without_a_restart) {
  const auto old = ours.issue("renewed", "DNS:old.example");
  const running_server server(encrypted(port, old), routes());
  auto to_old = trusting(ours), to_new = trusting(ours);
  to_old.tls_server_name = "old.example";
  to_new.tls_server_name = "new.example";
  EXPECT_EQ(ask(to_old).status, 200);
  EXPECT_EQ(ask(to_new).status, 0);

  // Half of a change is none: the certificate does not fit the key.
  const auto key = old.key.string() + ".kept";
  std::filesystem::copy_file(old.key, key);
  ours.issue("renewed", "DNS:new.example");
  std::filesystem::rename(old.key, old.key.string() + ".new");
  std::filesystem::rename(key, old.key);
  std::this_thread::sleep_for(1200ms);
  EXPECT_EQ(ask(to_old).status, 200);

  std::filesystem::rename(old.key.string() + ".new", old.key);
  outcome got;
  for (int tries = 0; tries < 100 && got.status != 200; ++tries) {
    std::this_thread::sleep_for(50ms);
    got = ask(to_new);
  }
  EXPECT_EQ(got.status, 200) << got.why;
}

TEST_F(http_tls, answers_probes_only_on_the_plain_port) {
  const running_server server(encrypted(port, shown), routes());
  raw_socket plain(server.port());
  EXPECT_EQ(plain.ask(test::get("/health/live")).status, 200);
  const auto scraped = plain.ask(test::get("/metrics"));
  EXPECT_EQ(scraped.status, 200);
  EXPECT_NE(scraped.body.find("pricing_http_tls_certificate_expires_timestamp_seconds"), std::string::npos);
  const auto refused = plain.ask(test::post("/echo", "hello"));
  EXPECT_EQ(refused.status, 421);
  EXPECT_NE(refused.body.find("tls_required"), std::string::npos);
}

TEST_F(http_tls, survives_strangers_and_stops_with_open_connections) {
  running_server server(encrypted(port, shown), routes());
  raw_socket speaks_plain(port);
  speaks_plain.send(test::get("/echo"));
  EXPECT_TRUE(speaks_plain.is_closed());
  raw_socket says_nothing(port);
  asio::io_context io;
  client one(io, trusting(ours));
  EXPECT_EQ(ask(one, io, "hello").status, 200);
  raw_socket metrics(server.port());
  EXPECT_NE(metrics.ask(test::get("/metrics")).body.find("pricing_http_tls_handshakes_failed_total 1"),
            std::string::npos);
  server.request_stop();
  server.stop();
}

TEST_F(http_tls, is_configured_wholly_or_not_at_all) {
  prometheus::Registry registry;
  EXPECT_THROW(site({.tls_port = port}, registry), std::runtime_error);
  EXPECT_THROW(site({.tls_certificate_file = shown.certificate, .tls_key_file = shown.key}, registry),
               std::runtime_error);
  EXPECT_THROW(site({.tls_port = port, .tls_certificate_file = shown.certificate, .tls_key_file = ours.ca}, registry),
               std::exception);
}

} // namespace
} // namespace pricing::http
