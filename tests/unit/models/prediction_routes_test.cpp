// pricing-ml on a real port with pricing-web's client in front of it, and both when the other is away.
#include "http/server.hpp"
#include "models/prediction_client.hpp"
#include "models/prediction_routes.hpp"
#include "sample_market.hpp"
#include "support/redis_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <prometheus/counter.h>
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
  // Keeps answers in a private Redis where it is told so.
  explicit ml_server(const identity::token_signer& signer, int wanted_port = 0, bool keeps_answers = false)
      : snapshots_(
            [url = test::postgres_server::instance().app_url()] { return std::make_unique<postgres::session>(url); },
            test::trained_market::instance().objects, {.organizations_max = 1'000}, registry_),
        hooks_(token_hooks(signer, clock_)) {
    std::promise<int> bound;
    auto known = bound.get_future();
    redis::config redis;
    if (keeps_answers)
      redis.socket = test::redis_server::instance().socket();
    thread_ = std::thread([this, wanted_port, redis, &bound] {
      http::config c;
      c.port = wanted_port;
      c.access_log = false;
      http::site site(c, registry_);
      io_ = std::make_unique<net::io_thread>(0);
      serving::answer_store store(io_->io(), redis, {.ttl_s = redis.socket.empty() ? 0 : 60, .timeout_ms = 2'000},
                                  answers);
      http::server server(*io_, site,
                          http::router::create(prediction_routes(snapshots_, cpu_, clock_, &store), hooks_).value());
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

 public:
  serving::answers_series answers{registry_};

 private:
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
    const auto [status, text] = post_text(ml, std::move(path), std::move(body), std::move(bearer));
    return {status, json::parse(text)};
  }
  static std::pair<int, std::string> post_text(const ml_server& ml, std::string path, std::string body,
                                               std::string bearer) {
    std::pair<int, std::string> out;
    run([&](boost::asio::io_context& io) -> boost::asio::awaitable<void> {
      http::client client(io, {.base_url = ml.url()});
      http::client_request request{.verb = http::method::post, .target = path, .body = body};
      if (!bearer.empty())
        request.headers.emplace_back("Authorization", "Bearer " + bearer);
      const auto answered = co_await client.send(request, net::deadline_in(20s));
      EXPECT_TRUE(answered);
      if (answered)
        out = {answered->status, answered->body};
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

TEST_F(prediction_routes_test, explains_a_new_item_again_from_redis_bit_for_bit_until_prices_change) {
  const auto o = test::postgres_server::instance().new_organization();
  postgres::session session(test::postgres_server::instance().app_url());
  const auto add_price = [&](std::int64_t key) {
    session.begin(o);
    session.execute("insert into price_observations (organization_id, item_id, supplier_id, observed_on, kind, price, "
                    "quantity, currency, upload_id, source_row, row_key) select $1, id, 1, '2025-03-01', 4, 5, 1, "
                    "'USD', 1, 1, $2 from items",
                    o, key);
    session.query<std::string>("select pg_notify('prices', $1::text)::text", std::to_string(o.value));
    session.commit();
  };
  session.begin(o);
  session.execute("insert into items (organization_id, name, normalized_name, unit) values ($1, 'Pipe', 'pipe', 'ft')",
                  o);
  session.execute("insert into models (organization_id, version, state, object_key, sha256) values ($1, 'a.1', "
                  "'promoted', $2, '')",
                  o, test::trained_market::instance().objects.list("models").value().at(0));
  session.commit();
  add_price(1);
  const ml_server ml(signer, 0, true);
  const std::string path = "/api/v1/explanations", bearer = token(identity::role::analyst, 60s, o);
  const std::string by_name =
      R"({"on":"2026-01-01","line":{"description":"Pipe large","unit":"ft","quantity":"10","prices":[]}})";
  const auto answered = post_text(ml, path, by_name, bearer);
  const std::string& first = answered.second;
  ASSERT_EQ(answered.first, 200) << first;
  EXPECT_EQ(json::parse(first).at("bids_known"), 1) << first;
  const auto eventually = [](auto condition) {
    for (int i = 0; i < 500 && !condition(); ++i)
      std::this_thread::sleep_for(20ms);
    return condition();
  };
  ASSERT_TRUE(eventually([&] {
    EXPECT_EQ(post_text(ml, path, by_name, bearer).second, first); // found or made
    return ml.answers.hits.Value() > 0;
  }));
  add_price(2);
  std::string renewed;
  ASSERT_TRUE(eventually([&] {
    renewed = post_text(ml, path, by_name, bearer).second;
    return json::parse(renewed).at("snapshot") != json::parse(first).at("snapshot");
  }));
  EXPECT_EQ(json::parse(renewed).at("bids_known"), 2) << renewed;
  const double looks = ml.answers.hits.Value() + ml.answers.misses.Value();
  session.begin(o);
  const auto item = session.query<std::int64_t>("select id from items").at(0);
  session.commit();
  const auto named = post_text(ml, path,
                               R"({"on":"2026-01-01","line":{"item_id":)" + std::to_string(item) +
                                   R"(,"unit":"ft","quantity":"10","prices":[]}})",
                               bearer);
  EXPECT_EQ(named.first, 200) << named.second; // sooner made than looked for
  EXPECT_EQ(ml.answers.hits.Value() + ml.answers.misses.Value(), looks);
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
