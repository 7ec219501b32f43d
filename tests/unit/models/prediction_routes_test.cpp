// pricing-ml on a real port with pricing-web's client in front of it, and both when the other is away.
#include "http/server.hpp"
#include "models/prediction_client.hpp"
#include "models/prediction_routes.hpp"
#include "sample_market.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <future>

using namespace pricing;
using namespace pricing::models;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

// As apps/ml.cpp composes it, on any free port or the given one.
class ml_server {
 public:
  explicit ml_server(const identity::token_signer& signer, int wanted_port = 0)
      : snapshots_(
            [url = test::postgres_server::instance().app_url()] { return std::make_unique<postgres::session>(url); },
            test::trained_market::instance().objects, {.organizations_max = 1'000}, registry_),
        hooks_(token_hooks(signer, clock_)) {
    std::promise<int> bound;
    auto known = bound.get_future();
    thread_ = std::thread([this, wanted_port, &bound] {
      http::config c;
      c.port = wanted_port;
      c.access_log = false;
      http::site site(c, registry_);
      io_ = std::make_unique<net::io_thread>(0);
      http::server server(*io_, site,
                          http::router::create(prediction_routes(snapshots_, cpu_, clock_), hooks_).value());
      bound.set_value(server.port());
      io_->run();
    });
    port = known.get();
  }
  ~ml_server() {
    io_->request_stop();
    thread_.join();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port); }
  int port = 0;

 private:
  prometheus::Registry registry_;
  system_clock clock_;
  snapshot_cache snapshots_;
  net::cpu_pool cpu_{1, 8};
  http::hooks hooks_;
  std::unique_ptr<net::io_thread> io_;
  std::thread thread_;
};

template <class F>
void run(F body) {
  boost::asio::io_context io;
  std::exception_ptr failed;
  bool ended = false;
  boost::asio::co_spawn(io, body(io), [&](std::exception_ptr e) {
    failed = e;
    ended = true;
    io.stop();
  });
  io.run_for(30s);
  if (failed)
    std::rethrow_exception(failed);
  EXPECT_TRUE(ended);
}

class prediction_routes_test : public testing::Test {
 protected:
  prediction_request two_lines() const {
    prediction_request out;
    out.on = test::sample_until;
    for (const int item : {3, 9}) {
      prediction_line line;
      line.item_id = market.items.at(static_cast<std::size_t>(item));
      line.quantity = decimal::parse("250").value();
      line.prices.push_back(decimal::parse("40").value());
      out.lines.push_back(std::move(line));
    }
    return out;
  }
  std::string token(identity::role as, std::chrono::seconds ttl = 60s, organization_id o = {}) const {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    return signer.sign({o ? o : market.organization, {1}, as, now + ttl});
  }
  static std::pair<int, json::value> post(const ml_server& ml, std::string path, std::string body, std::string bearer) {
    std::pair<int, json::value> out;
    run([&](boost::asio::io_context& io) -> boost::asio::awaitable<void> {
      http::client client(io, {.base_url = ml.url()});
      http::client_request request{.verb = http::method::post, .target = path, .body = body};
      if (!bearer.empty())
        request.headers.emplace_back("Authorization", "Bearer " + bearer);
      const auto answered = co_await client.send(request, net::deadline_in(20s));
      EXPECT_TRUE(answered);
      if (answered)
        out = {answered->status, json::parse(answered->body)};
    });
    return out;
  }

  const test::sample_market& market = test::trained_market::instance().market;
  const identity::token_signer signer = identity::token_signer::create(std::string(32, 's')).value();
  const identity::token_signer stranger = identity::token_signer::create(std::string(32, 't')).value();
  static constexpr const char* batch = "/api/v1/predictions/batch";
};

TEST_F(prediction_routes_test, answers_only_callers_with_a_valid_token_and_permission) {
  const ml_server ml(signer);
  const std::string body = wire::encode(two_lines());
  EXPECT_EQ(post(ml, batch, body, "").first, 401);
  EXPECT_EQ(post(ml, batch, body, "nonsense").first, 401);
  EXPECT_EQ(post(ml, batch, body, token(identity::role::analyst, -5s)).first, 401);
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto forged = stranger.sign({market.organization, {1}, identity::role::admin, now + 60s});
  EXPECT_EQ(post(ml, batch, body, forged).first, 401);
  EXPECT_EQ(post(ml, batch, body, token(identity::role::viewer)).first, 403);
  const auto [status, answer] = post(ml, batch, body, token(identity::role::analyst));
  ASSERT_EQ(status, 200) << json::serialize(answer);
  EXPECT_EQ(answer.at("model_version").as_string(), test::trained_market::instance().report.version);
  ASSERT_EQ(answer.at("lines").as_array().size(), 2U);
  const auto& line = answer.at("lines").at(0);
  EXPECT_EQ(line.at("source"), "model");
  EXPECT_TRUE(line.at("expected").is_string());
  EXPECT_EQ(line.at("tails").as_array().size(), 1U);
}

TEST_F(prediction_routes_test, keeps_organizations_apart_and_says_when_there_is_no_model) {
  const ml_server ml(signer);
  const auto other = test::postgres_server::instance().new_organization();
  const auto [status, answer] = post(ml, batch, wire::encode(two_lines()), token(identity::role::analyst, 60s, other));
  ASSERT_EQ(status, 200) << json::serialize(answer);
  EXPECT_TRUE(!answer.as_object().contains("model_version") || answer.at("model_version").is_null());
  ASSERT_EQ(answer.at("lines").as_array().size(), 2U);
  EXPECT_EQ(answer.at("lines").at(1).at("source"), "none");
}

TEST_F(prediction_routes_test, predicts_a_single_line_like_one_of_a_batch) {
  const ml_server ml(signer);
  const std::string bearer = token(identity::role::analyst);
  prediction_request one = two_lines();
  one.lines.pop_back();
  const auto [status, answer] = post(
      ml, "/api/v1/predictions/price",
      R"({"on":")" + to_string(test::sample_until) + R"(","line":)" + wire::encode(one.lines.front()) + "}", bearer);
  ASSERT_EQ(status, 200) << json::serialize(answer);
  EXPECT_EQ(answer.at("line"), post(ml, batch, wire::encode(one), bearer).second.at("lines").at(0));
}

TEST_F(prediction_routes_test, refuses_what_it_cannot_read_with_a_reason) {
  const ml_server ml(signer);
  const std::string bearer = token(identity::role::analyst);
  const auto [status, answer] = post(ml, batch, R"({"lines":[{"unit":"Ea","quantity":"1","prices":[]}]})", bearer);
  EXPECT_EQ(status, 422) << json::serialize(answer);
  EXPECT_EQ(answer.at("details").at(0).at("path"), "lines[0].description");
  json::array many(lines_max + 1, json::object{{"item_id", 1}, {"quantity", "1"}});
  EXPECT_EQ(post(ml, batch, json::serialize(json::object{{"lines", std::move(many)}}), bearer).first, 422);
}

TEST_F(prediction_routes_test, client_opens_its_circuit_while_nobody_answers_and_closes_it_again) {
  int port = 0;
  {
    const ml_server ml(signer);
    port = ml.port;
    run([&](boost::asio::io_context& io) -> boost::asio::awaitable<void> {
      prediction_client client(io, {.url = ml.url(), .timeout_ms = 10'000}, signer);
      auto request = two_lines();
      const auto answered = co_await client.predict(market.organization, {1}, request);
      EXPECT_TRUE(answered) << (answered ? "" : answered.error().message);
      if (answered) {
        EXPECT_EQ(answered->lines.size(), 2U);
      }
      auto nameless = prediction_request();
      nameless.lines.push_back(prediction_line());
      const auto refused = co_await client.predict(market.organization, {1}, nameless);
      EXPECT_TRUE(!refused && refused.error().code == errc::invalid_input);
    });
  }
  run([&](boost::asio::io_context& io) -> boost::asio::awaitable<void> {
    const ml_config c{
        .url = "http://127.0.0.1:" + std::to_string(port), .timeout_ms = 10'000, .failures_max = 2, .retry_after_s = 1};
    prediction_client client(io, c, signer);
    auto request = two_lines();
    for (int i = 0; i < 2; ++i) {
      const auto away = co_await client.predict(market.organization, {1}, request);
      EXPECT_TRUE(!away && away.error().code == errc::unavailable);
    }
    const ml_server back(signer, port);
    const auto open = co_await client.predict(market.organization, {1}, request);
    EXPECT_FALSE(open); // it is there, but not asked yet
    co_await net::sleep_for(1'100ms);
    const auto closed = co_await client.predict(market.organization, {1}, request);
    EXPECT_TRUE(closed) << (closed ? "" : closed.error().message);
  });
}

TEST_F(prediction_routes_test, client_gives_up_in_time) {
  run([&](boost::asio::io_context& io) -> boost::asio::awaitable<void> {
    // Accepts and never answers.
    boost::asio::ip::tcp::acceptor silent(io, {boost::asio::ip::address_v4::loopback(), 0});
    prediction_client client(
        io, {.url = "http://127.0.0.1:" + std::to_string(silent.local_endpoint().port()), .timeout_ms = 200}, signer);
    const auto started = std::chrono::steady_clock::now();
    auto request = two_lines();
    const auto late = co_await client.predict(market.organization, {1}, request);
    EXPECT_TRUE(!late && late.error().code == errc::unavailable);
    EXPECT_LT(std::chrono::steady_clock::now() - started, 2s);
  });
}

} // namespace
