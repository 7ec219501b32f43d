// The registry of models over HTTP.
#include "models/models_routes.hpp"
#include "sample_market.hpp"
#include "support/api_call.hpp"

using namespace pricing;
using namespace pricing::models;
namespace json = boost::json;

namespace {

class models_routes_test : public testing::Test {
 protected:
  std::pair<int, json::value> get(organization_id o, const std::string& path) const {
    return test::get(server.app_url(), models_routes, "model.read", o, path);
  }
  // Status and body of POST /models/train.
  std::pair<int, json::value> train(organization_id o, const std::string& permission) const {
    boost::asio::io_context io;
    http::response answer;
    {
      postgres::config c;
      c.url = server.app_url();
      postgres::pool pool(io, c);
      http::hooks hooks;
      hooks.authenticate = [=](const http::request&) -> boost::asio::awaitable<result<http::principal_ptr>> {
        http::principal caller;
        caller.organization = o;
        caller.user = {1};
        caller.permissions = {permission};
        co_return std::make_shared<http::principal>(std::move(caller));
      };
      const auto router = http::router::create(models_routes(pool), hooks).value();
      http::request request;
      request.verb = http::method::post;
      request.path = "/api/v1/models/train";
      request.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
      const auto match = router.find(request.verb, request.path);
      http::context context{request, *match.route};
      const auto ask = [&]() -> boost::asio::awaitable<void> { answer = co_await router.handle(context); };
      boost::asio::co_spawn(io, ask(), [&](std::exception_ptr e) {
        EXPECT_FALSE(e);
        io.stop();
      });
      io.run_for(std::chrono::seconds(20));
    }
    io.restart();
    io.run_for(std::chrono::milliseconds(50));
    return {answer.status, json::parse(answer.content())};
  }
  test::postgres_server& server = test::postgres_server::instance();
};

TEST_F(models_routes_test, says_that_there_is_no_model_yet) {
  const auto o = server.new_organization();
  const auto [status, answer] = get(o, "/api/v1/models/current");
  EXPECT_EQ(status, 404);
  EXPECT_NE(json::value_to<std::string>(answer.at("message")).find("train"), std::string::npos);
  EXPECT_TRUE(get(o, "/api/v1/models").second.at("data").as_array().empty());
}

TEST_F(models_routes_test, compares_the_model_in_use_with_the_estimate_and_simple_guesses) {
  const auto& trained = test::trained_market::instance();
  const auto [status, current] = get(trained.market.organization, "/api/v1/models/current");
  ASSERT_EQ(status, 200) << json::serialize(current);
  EXPECT_EQ(current.at("version").as_string(), trained.report.version);
  EXPECT_EQ(current.at("trained_until").as_string(), to_string(test::sample_until - std::chrono::days(14)));
  EXPECT_GT(current.at("metrics").at("coverage_90").as_double(), 0.5);
  const auto& table = current.at("table").as_array();
  ASSERT_EQ(table.size(), 4U);
  // Figures pass through JSON as decimal text: the last bit may differ.
  EXPECT_DOUBLE_EQ(table[0].at("ours").as_double(), trained.report.tested.ours.to_low);
  EXPECT_DOUBLE_EQ(table[0].at("estimate").as_double(), trained.report.tested.estimate.to_low);
  EXPECT_DOUBLE_EQ(table[1].at("kernel_median").as_double(), trained.report.tested.kernel_median.to_median);
  EXPECT_DOUBLE_EQ(table[0].at("trailing_median").as_double(), trained.report.tested.trailing_median.to_low);
}

TEST_F(models_routes_test, lists_versions_of_the_own_organization_only) {
  const auto& trained = test::trained_market::instance();
  const auto list = get(trained.market.organization, "/api/v1/models").second.at("data").as_array();
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].at("state"), "promoted");
  EXPECT_TRUE(list[0].at("promoted_at").is_string());
  EXPECT_TRUE(get(server.new_organization(), "/api/v1/models").second.at("data").as_array().empty());
}

TEST_F(models_routes_test, asks_for_one_training_at_a_time) {
  const auto o = server.new_organization();
  EXPECT_EQ(train(o, "model.read").first, 403);
  const auto [status, first] = train(o, "model.manage");
  EXPECT_EQ(status, 202) << json::serialize(first);
  EXPECT_EQ(train(o, "model.manage").second.at("job_id"), first.at("job_id"));
  postgres::session session(server.app_url());
  session.begin(o);
  EXPECT_EQ(session.query<std::int64_t>("select count(*) from jobs where kind = 'train' and state = 'queued'").at(0),
            1);
  session.commit();
}

} // namespace
