// Registry and inference on a real port and a real database, as apps/ml.cpp composes them.
#include "http/client.hpp"
#include "http/server.hpp"
#include "sample_models.hpp"
#include "serving/inference_routes.hpp"
#include "support/redis_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <future>

using namespace pricing;
using namespace pricing::serving;
using namespace std::chrono_literals;
namespace json = boost::json;
namespace asio = boost::asio;

namespace {

class ml_server {
 public:
  ml_server(storage::object_store& objects, const identity::token_signer& signer, config c,
            std::optional<answers_config> answers = std::nullopt)
      : settings_(std::move(c)),
        signer_(signer),
        manifests_(std::string(32, 's')),
        served_(
            [url = test::postgres_server::instance().app_url()] { return std::make_unique<postgres::session>(url); },
            objects, manifests_, settings_, counted_, 100ms) {
    std::promise<int> bound;
    auto known = bound.get_future();
    thread_ = std::thread([this, &objects, &bound, answers] {
      http::config h;
      h.port = 0;
      h.access_log = false;
      http::site site(h, registry_);
      io_ = std::make_unique<net::io_thread>(0);
      postgres::config d;
      d.url = test::postgres_server::instance().app_url();
      postgres::pool database(io_->io(), d);
      const auto who = std::make_shared<callers>(signer_, clock_);
      redis::config r;
      r.socket = answers ? test::redis_server::instance().socket() : std::string("/nonexistent/redis.sock");
      answer_store store(io_->io(), r, answers.value_or(answers_config{.ttl_s = 0}), kept);
      auto routes = inference_routes({.models = served_,
                                      .cpu = cpu_,
                                      .shadows = shadows_,
                                      .counted = counted_,
                                      .settings = settings_,
                                      .database = database,
                                      .answers = &store},
                                     who);
      for (auto& r : registry_routes({database, objects, cpu_, manifests_, settings_, clock_, &served_}))
        routes.push_back(std::move(r));
      http::server server(*io_, site, http::router::create(std::move(routes), token_hooks(who)).value());
      bound.set_value(server.port());
      io_->run();
    });
    port = known.get();
    EXPECT_TRUE(test::eventually([&] { return served_.ready(); }));
  }
  ~ml_server() {
    io_->request_stop();
    thread_.join();
  }
  int port = 0;

 private:
  const config settings_;
  const identity::token_signer& signer_;
  const manifest_signer manifests_;
  prometheus::Registry registry_;

 public:
  answers_series kept{registry_};

 private:
  metrics counted_{registry_};
  system_clock clock_;
  catalog served_;
  shadow_queue shadows_{100, counted_};
  net::cpu_pool cpu_{1, 4};
  std::unique_ptr<net::io_thread> io_;
  std::thread thread_;
};

class serving_routes : public testing::Test {
 protected:
  std::string token(identity::role as, organization_id o = {}) const {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    return signer.sign({o ? o : organization, {1}, as, now + 600s});
  }
  struct reply {
    int status = 0;
    json::value body;
    std::string text;
    std::string retry_after;
  };
  reply call(const ml_server& ml, http::method verb, const std::string& target, const std::string& body = {},
             std::optional<std::string> bearer = std::nullopt) const {
    const std::string given = bearer ? *bearer : token(identity::role::manager);
    asio::io_context io;
    http::client client(io, {.base_url = "http://127.0.0.1:" + std::to_string(ml.port)});
    http::client_request request{.verb = verb, .target = target, .body = body};
    if (!given.empty())
      request.headers.emplace_back("Authorization", "Bearer " + given);
    reply out;
    const auto ask = [&]() -> asio::awaitable<void> {
      const auto answered = co_await client.send(request, net::deadline_in(30s));
      EXPECT_TRUE(answered) << (answered ? "" : answered.error().message);
      if (answered) {
        out.status = answered->status;
        out.text = answered->body;
        out.retry_after = answered->header("Retry-After");
      }
    };
    asio::co_spawn(io, ask(), [&](std::exception_ptr e) {
      EXPECT_FALSE(e);
      io.stop();
    });
    io.run_for(40s);
    json::error_code ec;
    out.body = json::parse(out.text, ec);
    return out;
  }
  reply post(const ml_server& ml, const std::string& target, const std::string& body = "{}",
             std::optional<std::string> bearer = std::nullopt) const {
    return call(ml, http::method::post, target, body, std::move(bearer));
  }
  reply get(const ml_server& ml, const std::string& target, std::optional<std::string> bearer = std::nullopt) const {
    return call(ml, http::method::get, target, {}, std::move(bearer));
  }
  std::string error_of(const reply& r) const {
    const auto* o = r.body.if_object();
    return o && o->contains("error") ? std::string(o->at("error").as_string()) : "no error member in " + r.text;
  }
  // Uploads a version that is promoted at once.
  void serve(const ml_server& ml, double low, double high, const std::string& name = "steel") const {
    const auto r = post(ml, "/api/v1/models/" + name + "/versions?promote=true", test::step_model(low, high));
    ASSERT_EQ(r.status, 201) << r.text;
  }
  static double number(const json::value& v) { return v.to_number<double>(); }
  static std::string row(const std::string& values, const std::string& more = "") {
    return R"({"id":"42","inputs":[{"name":"input","shape":[1,2],"datatype":"FP32","data":[)" + values + "]}]" + more +
           "}";
  }

  test::postgres_server& server = test::postgres_server::instance();
  const organization_id organization = server.new_organization();
  test::temporary_folder folder;
  storage::folder_store objects{folder.path};
  const identity::token_signer signer = identity::token_signer::create(std::string(32, 's')).value();
};

TEST_F(serving_routes, registers_promotes_and_rolls_back) {
  const ml_server ml(objects, signer, {});
  const std::string versions = "/api/v1/models/steel/versions";
  auto r = post(ml, versions + "?metadata=%7B%22code_version%22%3A%22abc%22%7D", test::step_model(1, 2));
  ASSERT_EQ(r.status, 201) << r.text;
  EXPECT_EQ(r.body.at("version"), 1);
  EXPECT_EQ(r.body.at("features"), 2);
  EXPECT_EQ(r.body.at("feature_names"), json::parse(R"(["a","b"])"));
  EXPECT_EQ(r.body.at("metadata").at("code_version"), "abc");
  EXPECT_EQ(r.body.at("sha256").as_string().size(), 64U);
  EXPECT_EQ(r.body.at("signature").as_string().size(), 128U);
  EXPECT_EQ(post(ml, "/v2/models/steel/infer", row("0.4,0")).status, 404); // nothing is promoted
  EXPECT_EQ(post(ml, "/api/v1/models/steel/promote", R"({"version":1})").status, 200);
  EXPECT_EQ(number(post(ml, "/v2/models/steel/infer", row("0.4,0")).body.at("outputs").at(0).at("data").at(0)), 1.0);
  serve(ml, 10, 20);
  EXPECT_EQ(number(post(ml, "/v2/models/steel/infer", row("0.4,0")).body.at("outputs").at(0).at("data").at(0)), 10.0);
  r = post(ml, "/api/v1/models/steel/rollback");
  EXPECT_EQ(r.status, 200) << r.text;
  EXPECT_EQ(r.body.at("current_version"), 1);
  EXPECT_EQ(post(ml, "/v2/models/steel/infer", row("0.4,0")).body.at("model_version"), "1");
  EXPECT_EQ(post(ml, "/api/v1/models/steel/rollback").status, 409);
  r = get(ml, versions);
  ASSERT_EQ(r.status, 200) << r.text;
  ASSERT_EQ(r.body.at("data").as_array().size(), 2U);
  EXPECT_EQ(r.body.at("data").at(0).at("version"), 2);
  EXPECT_EQ(r.body.at("data").at(1).at("current"), true);
  EXPECT_EQ(get(ml, "/api/v1/served-models").body.at("data").as_array().size(), 1U);
}

TEST_F(serving_routes, refuses_what_is_no_model_and_who_may_not) {
  const ml_server ml(objects, signer, {.model_bytes_max = 10'000, .gate_metric = "mdape"});
  const std::string versions = "/api/v1/models/steel/versions";
  auto r = post(ml, versions, "not a model");
  EXPECT_EQ(r.status, 400) << r.text;
  EXPECT_NE(r.text.find("not a model that can be served"), std::string::npos) << r.text;
  EXPECT_EQ(post(ml, versions, test::step_model(1, 2).substr(0, 300)).status, 400);
  EXPECT_EQ(post(ml, versions, std::string(20'000, 'x')).status, 413);
  EXPECT_EQ(post(ml, versions, test::step_model(1, 2), token(identity::role::analyst)).status, 403);
  EXPECT_EQ(post(ml, versions, test::step_model(1, 2), "").status, 401);
  EXPECT_EQ(post(ml, "/api/v1/models/train/versions", test::step_model(1, 2)).status, 422);
  EXPECT_EQ(post(ml, versions + "?metadata=%5B%5D", test::step_model(1, 2)).status, 422);
  r = post(ml, versions + "?promote=true", test::step_model(1, 2)); // the gate asks for a metric
  EXPECT_EQ(r.status, 409) << r.text;
  EXPECT_EQ(get(ml, "/api/v1/models/steel").body.at("current_version"), json::value());
}

TEST_F(serving_routes, speaks_the_open_inference_protocol) {
  const ml_server ml(objects, signer, {});
  serve(ml, 1, 2);
  EXPECT_EQ(get(ml, "/v2", "").body.at("name"), "pricing-ml");
  EXPECT_EQ(get(ml, "/v2/health/live", "").body.at("live"), true);
  EXPECT_EQ(get(ml, "/v2/health/ready", "").body.at("ready"), true);
  EXPECT_EQ(get(ml, "/v2/models/steel/ready").body.at("ready"), true);
  EXPECT_EQ(get(ml, "/v2/models/steel/versions/1/ready").status, 200);
  EXPECT_EQ(get(ml, "/v2/models/steel/versions/2/ready").status, 404);
  const auto about = get(ml, "/v2/models/steel").body;
  EXPECT_EQ(about.at("platform"), "lightgbm");
  EXPECT_EQ(about.at("versions"), json::parse(R"(["1"])"));
  EXPECT_EQ(about.at("inputs").at(0).at("shape"), json::parse("[-1,2]"));
  EXPECT_EQ(about.at("parameters").at("feature_names"), json::parse(R"(["a","b"])"));

  auto r = post(ml, "/v2/models/steel/infer", row("0.4,0", R"(,"parameters":{"margin":true,"contributions":true})"));
  ASSERT_EQ(r.status, 200) << r.text;
  EXPECT_EQ(r.body.at("model_name"), "steel");
  EXPECT_EQ(r.body.at("model_version"), "1");
  EXPECT_EQ(r.body.at("id"), "42");
  const auto& outputs = r.body.at("outputs").as_array();
  ASSERT_EQ(outputs.size(), 3U);
  EXPECT_EQ(outputs[0], json::parse(R"({"name":"predict","datatype":"FP32","shape":[1,1],"data":[1]})"));
  EXPECT_EQ(outputs[1].at("name"), "margin");
  EXPECT_EQ(outputs[2].at("shape"), json::parse("[1,1,3]"));
  EXPECT_EQ(outputs[2].at("data"), json::parse("[-0.5,0,1.5]"));
  // One input a feature, in any order; a feature that is left out is missing.
  r = post(ml, "/v2/models/steel/versions/1/infer",
           R"({"inputs":[{"name":"b","shape":[2],"datatype":"INT64","data":[7,7]},
               {"name":"a","shape":[2,1],"datatype":"FP64","data":[[0],[1]]}],"outputs":[{"name":"margin"}]})");
  ASSERT_EQ(r.status, 200) << r.text;
  EXPECT_EQ(r.body.at("outputs"), json::parse(R"([{"name":"margin","datatype":"FP32","shape":[2,1],"data":[1,2]}])"));
}

TEST_F(serving_routes, answers_errors_as_the_protocol_wants_them) {
  const ml_server ml(objects, signer, {});
  serve(ml, 1, 2);
  const auto expect = [&](const reply& r, int status, std::string_view part) {
    EXPECT_EQ(r.status, status) << r.text;
    EXPECT_NE(error_of(r).find(part), std::string::npos) << r.text;
  };
  expect(post(ml, "/v2/models/steel/infer", row("1,2"), ""), 401, "access token");
  expect(post(ml, "/v2/models/steel/infer", row("1,2"), "nonsense"), 401, "token");
  expect(post(ml, "/v2/models/steel/infer", row("1,2"), token(identity::role::viewer)), 403, "prediction.read");
  expect(post(ml, "/v2/models/wood/infer", row("1,2")), 404, "no model 'wood'");
  expect(post(ml, "/v2/models/steel/versions/9/infer", row("1,2")), 404, "no version '9'");
  expect(post(ml, "/v2/models/steel/infer", "{"), 400, "byte 1");
  expect(post(ml, "/v2/models/steel/infer", row("1,2,3")), 400, "asks for 2 values");
  expect(post(ml, "/v2/models/steel/infer",
              R"({"inputs":[{"name":"input","shape":[1,3],"datatype":"FP32","data":[1,2,3]}]})"),
         400, "has 2 features");
  expect(post(ml, "/v2/models/steel/infer",
              R"({"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[1]},
                  {"name":"c","shape":[1],"datatype":"FP32","data":[1]}]})"),
         400, "no feature 'c'");
  const auto other = server.new_organization();
  expect(post(ml, "/v2/models/steel/infer", row("1,2"), token(identity::role::manager, other)), 404, "no model");
  expect(post(ml, "/v2/repository/models/steel/unload", "{}", token(identity::role::analyst)), 403, "model.manage");
}

TEST_F(serving_routes, unloads_and_loads_again) {
  const ml_server ml(objects, signer, {});
  serve(ml, 1, 2);
  EXPECT_EQ(post(ml, "/v2/repository/index").body,
            json::parse(R"([{"name":"steel","version":"1","state":"READY","reason":""}])"));
  EXPECT_EQ(post(ml, "/v2/repository/models/steel/unload").status, 200);
  EXPECT_EQ(post(ml, "/v2/models/steel/infer", row("1,2")).status, 404);
  EXPECT_EQ(post(ml, "/v2/repository/index").body,
            json::parse(R"([{"name":"steel","state":"UNAVAILABLE","reason":"unloaded"}])"));
  EXPECT_EQ(post(ml, "/v2/repository/index", R"({"ready":true})").body.as_array().size(), 0U);
  EXPECT_EQ(post(ml, "/v2/repository/models/steel/load").status, 200);
  EXPECT_EQ(post(ml, "/v2/models/steel/infer", row("1,2")).status, 200);
  EXPECT_EQ(post(ml, "/v2/repository/models/wood/load").status, 404);
}

TEST_F(serving_routes, predicts_plain_rows) {
  const ml_server ml(objects, signer, {});
  serve(ml, 1, 2);
  const std::string predict = "/api/v1/predict/steel";
  EXPECT_EQ(post(ml, predict, R"({"features":[0.4,0]})").text, R"({"model":"steel","version":1,"prediction":1})");
  EXPECT_EQ(number(post(ml, predict, R"({"features":{"b":0,"a":0.6}})").body.at("prediction")), 2.0);
  EXPECT_EQ(post(ml, predict + "?version=1", R"({"rows":[[0.4,0],[0.6,0]],"margin":true})").text,
            R"({"model":"steel","version":1,"predictions":[1,2],"margins":[1,2]})");
  EXPECT_EQ(post(ml, predict + "?version=7", R"({"features":[1,2]})").status, 404);
  EXPECT_EQ(post(ml, predict, R"({"features":[1]})").status, 400);
  EXPECT_EQ(post(ml, predict, R"({"features":[1,2]})", token(identity::role::viewer)).status, 403);
}

TEST_F(serving_routes, shadows_splits_and_pins) {
  const ml_server ml(objects, signer, {});
  serve(ml, 1, 2), serve(ml, 1, 3), serve(ml, 1, 4);
  const std::string traffic = "/api/v1/models/steel/traffic";
  auto r = call(ml, http::method::put, traffic, R"({"shadow":2,"challenger":1,"challenger_share":0.5,"pinned":[1,2]})");
  ASSERT_EQ(r.status, 200) << r.text;
  EXPECT_EQ(call(ml, http::method::put, traffic, R"({"shadow":9})").status, 409);
  EXPECT_EQ(call(ml, http::method::put, traffic, R"({"pinned":[9]})").status, 404);
  EXPECT_EQ(
      number(post(ml, "/v2/models/steel/versions/2/infer", row("0.6,0")).body.at("outputs").at(0).at("data").at(0)),
      3.0);
  int current = 0, challenged = 0;
  for (int i = 0; i < 60; ++i) {
    const auto body = R"({"features":[0.6,0],"key":"k)" + std::to_string(i) + "\"}";
    const auto first = post(ml, "/api/v1/predict/steel", body).body,
               again = post(ml, "/api/v1/predict/steel", body).body;
    EXPECT_EQ(first, again);
    (first.at("version") == 3 ? current : challenged)++;
    EXPECT_EQ(number(first.at("prediction")), first.at("version") == 3 ? 4.0 : 2.0); // never the shadow's
  }
  EXPECT_GT(current, 10);
  EXPECT_GT(challenged, 10);
  EXPECT_TRUE(
      test::eventually([&] { return get(ml, "/api/v1/models/steel").body.at("compared").at("rows") == 2 * current; }));
  EXPECT_EQ(number(get(ml, "/api/v1/models/steel").body.at("compared").at("max_difference")), 1.0);
}

TEST_F(serving_routes, answers_again_from_redis_but_never_with_another_version) {
  const ml_server ml(objects, signer, {.direct_us_max = -1}, answers_config{.timeout_ms = 2'000, .served_us_min = 0});
  serve(ml, 1, 2);
  const std::string why = R"(,"parameters":{"contributions":true})";
  const auto said = [&](const std::string& values) {
    return number(post(ml, "/v2/models/steel/infer", row(values, why)).body.at("outputs").at(0).at("data").at(0));
  };
  ASSERT_TRUE(test::eventually([&] { return said("0.4,0") == 1 && ml.kept.hits.Value() > 0; }));
  const double hits = ml.kept.hits.Value();
  EXPECT_EQ(said("0.4,0"), 1);
  EXPECT_EQ(ml.kept.hits.Value(), hits + 1);
  EXPECT_EQ(said("0.6,0"), 2); // another row
  serve(ml, 10, 20);
  EXPECT_EQ(said("0.4,0"), 10);
  EXPECT_EQ(said("0.4,0"), 10);
  EXPECT_EQ(post(ml, "/api/v1/models/steel/rollback").status, 200);
  EXPECT_EQ(said("0.4,0"), 1);
  EXPECT_EQ(post(ml, "/v2/models/steel/infer", row("0.4,0", why)).body.at("model_version"), "1");
  const double looks = ml.kept.hits.Value() + ml.kept.misses.Value();
  EXPECT_EQ(post(ml, "/v2/models/steel/infer", row("0.4,0")).status, 200); // quicker made than looked for
  EXPECT_EQ(ml.kept.hits.Value() + ml.kept.misses.Value(), looks);
}

TEST_F(serving_routes, without_tokens_serves_one_organization_and_changes_nothing) {
  const ml_server ml(objects, signer, {.anonymous_organization = organization.value});
  serve(ml, 1, 2);
  EXPECT_EQ(post(ml, "/v2/models/steel/infer", row("1,2"), "").status, 200);
  EXPECT_EQ(post(ml, "/v2/repository/models/steel/unload", "{}", "").status, 401);
  EXPECT_EQ(post(ml, "/api/v1/predict/steel", R"({"features":[1,2]})", "").status, 401);
}

TEST_F(serving_routes, too_much_work_is_refused_and_late_work_is_dropped) {
  const ml_server ml(objects, signer, {.direct_us_max = -1}); // everything goes to the pool: 1 thread, 4 wait
  serve(ml, 1, 2);
  EXPECT_EQ(post(ml, "/v2/models/steel/infer", row("1,2")).status, 200);
  const auto late = post(ml, "/v2/models/steel/infer", row("1,2", R"(,"parameters":{"timeout":1})"));
  EXPECT_EQ(late.status, 504) << late.text;
  EXPECT_FALSE(error_of(late).empty());
  EXPECT_EQ(late.retry_after, "1");
  std::string rows = "[0.4,0]";
  for (int i = 0; i < 200'000; ++i)
    rows += ",[1,0]";
  std::atomic<int> done = 0, refused = 0;
  std::vector<std::jthread> clients;
  for (int i = 0; i < 12; ++i)
    clients.emplace_back([&] {
      const auto r = post(ml, "/api/v1/predict/steel", "{\"rows\":[" + rows + "]}");
      EXPECT_TRUE(r.status == 200 || r.status == 503) << r.status << r.text.substr(0, 200);
      (r.status == 200 ? done : refused)++;
      if (r.status == 503) {
        EXPECT_FALSE(r.retry_after.empty());
      }
    });
  clients.clear();
  EXPECT_GT(done, 0);
}

// Version k answers k for one side and 1000 k for the other, and names itself: a mixed answer would show. Many rows
// make the answer long, so that versions change in the middle of many.
TEST_F(serving_routes, changes_versions_under_load_without_a_failed_or_mixed_answer) {
  const ml_server ml(objects, signer, {.direct_us_max = 50});
  serve(ml, 1, 1'000);
  std::string many = "{\"rows\":[[0,0]";
  for (int i = 0; i < 2'000; ++i)
    many += i % 2 == 0 ? ",[1,0]" : ",[0,0]";
  many += "]}";
  const std::string bearer = token(identity::role::manager);
  std::atomic<bool> stop = false;
  std::atomic<int> answers = 0, wrong = 0;
  std::mutex mutex;
  std::set<std::int64_t> versions;
  std::vector<std::jthread> clients;
  for (int i = 0; i < 4; ++i)
    clients.emplace_back([&, i] {
      asio::io_context io;
      asio::ip::tcp::socket socket(io);
      socket.connect({asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(ml.port)});
      const std::string body = i % 2 == 0 ? many : R"({"rows":[[0,0],[1,0]]})";
      const auto request = fmt::format("POST /api/v1/predict/steel HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n"
                                       "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                                       bearer, body.size(), body);
      std::string in;
      while (!stop) {
        asio::write(socket, asio::buffer(request));
        const auto head = asio::read_until(socket, asio::dynamic_buffer(in), "\r\n\r\n");
        const auto at = in.find("Content-Length: ");
        const auto size = head + std::stoul(in.substr(at + 16));
        while (in.size() < size)
          asio::read(socket, asio::dynamic_buffer(in), asio::transfer_at_least(1));
        const bool good = in.starts_with("HTTP/1.1 200");
        const auto answer = good ? json::parse(in.substr(head, size - head)) : json::value();
        in.erase(0, size);
        ++answers;
        if (!good) {
          ++wrong;
          continue;
        }
        const auto version = answer.at("version").as_int64();
        for (const auto& p : answer.at("predictions").as_array()) {
          const auto value = p.to_number<double>();
          wrong += value == static_cast<double>(version) || value == 1'000.0 * static_cast<double>(version) ? 0 : 1;
        }
        const std::lock_guard lock(mutex);
        versions.insert(version);
      }
    });
  for (int v = 2; v <= 6; ++v) {
    serve(ml, v, 1'000.0 * v);
    std::this_thread::sleep_for(50ms);
  }
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(post(ml, "/api/v1/models/steel/rollback").status, 200);
    std::this_thread::sleep_for(50ms);
  }
  stop = true;
  clients.clear();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(answers, 20);
  EXPECT_GE(versions.size(), 3U);
}

} // namespace
