// Periodic jobs over HTTP, on a real PostgreSQL.
#include "jobs/schedule.hpp"
#include "jobs/schedules_routes.hpp"
#include "support/api_call.hpp"
#include "support/postgres_server.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

using namespace pricing;
using namespace pricing::jobs;
using http::method;
namespace json = boost::json;

namespace {

class schedules_routes_test : public testing::Test {
 protected:
  std::pair<int, json::value> ask(method verb, const std::string& path, const json::value& body = json::object()) {
    const auto routes = [](postgres::pool& pool) { return schedules_routes(pool, {"train", "refresh_market"}); };
    return test::call(server.app_url(), routes, verb == method::get ? "job.read" : "job.manage", organization,
                      {verb, "/api/v1/schedules" + path, {}, verb == method::get ? "" : json::serialize(body)});
  }
  std::pair<int, json::value> add(json::object with = {}) {
    json::object body{{"name", "Often"}, {"kind", "train"}, {"rule", "every 1 h"}};
    for (auto& [key, value] : with)
      body[key] = value;
    return ask(method::post, "", body);
  }
  static std::string at(const json::value& schedule) { return "/" + std::to_string(schedule.at("id").as_int64()); }
  json::array all() { return ask(method::get, "").second.at("data").as_array(); }

  test::postgres_server& server = test::postgres_server::instance();
  const organization_id organization = server.new_organization();
  postgres::session session{server.app_url()};
};

TEST_F(schedules_routes_test, adds_changes_and_deletes) {
  const auto [status, added] = add({{"time_zone", "America/Detroit"}, {"payload", {{"depth", 2}}}});
  ASSERT_EQ(status, 201) << json::serialize(added);
  EXPECT_EQ(added.at("catch_up"), "latest");
  EXPECT_EQ(added.at("enabled"), true);
  EXPECT_EQ(added.at("built_in"), false);
  EXPECT_EQ(added.at("payload").at("depth"), 2);
  EXPECT_TRUE(added.at("last_due").is_null());
  EXPECT_EQ(all(), json::array{added});

  const auto [changed_status, changed] =
      ask(method::patch, at(added), {{"rule", "0 2 1 1 *"}, {"catch_up", "all"}, {"name", "New Year"}});
  ASSERT_EQ(changed_status, 200) << json::serialize(changed);
  EXPECT_EQ(changed.at("name"), "New Year");
  EXPECT_EQ(changed.at("catch_up"), "all");
  EXPECT_EQ(changed.at("payload").at("depth"), 2);
  const std::string due(changed.at("next_due").as_string());
  EXPECT_EQ(due.substr(4, 12), "-01-01T07:00") << "two o'clock in Detroit";

  EXPECT_EQ(ask(method::delete_, at(added)).first, 204);
  EXPECT_EQ(ask(method::delete_, at(added)).first, 404);
  EXPECT_EQ(ask(method::patch, at(added), {{"enabled", false}}).first, 404);
  EXPECT_TRUE(all().empty());
}

TEST_F(schedules_routes_test, switching_on_again_makes_up_for_nothing) {
  const auto added = add({{"catch_up", "all"}}).second;
  ASSERT_EQ(ask(method::patch, at(added), {{"enabled", false}}).first, 200);
  session.begin(organization);
  session.execute("update schedules set next_due = '2020-01-01'");
  session.commit();
  const auto on = ask(method::patch, at(added), {{"enabled", true}}).second;
  EXPECT_GT(on.at("next_due").as_string(), "2026");
  const auto renamed = ask(method::patch, at(added), {{"name", "Other"}}).second;
  EXPECT_EQ(renamed.at("next_due"), on.at("next_due"));
}

TEST_F(schedules_routes_test, refuses_with_a_reason) {
  const auto wrong = [&](json::object with, int expected, std::string_view path) {
    const auto [status, answer] = add(std::move(with));
    EXPECT_EQ(status, expected) << json::serialize(answer);
    if (!path.empty()) {
      EXPECT_EQ(answer.at("details").at(0).at("path").as_string(), path);
    }
  };
  wrong({{"kind", "format the disk"}}, 422, "kind");
  wrong({{"rule", "at noon"}}, 422, "rule");
  wrong({{"time_zone", "Mars/Olympus"}}, 422, "time_zone");
  wrong({{"payload", 7}}, 422, "payload");
  wrong({{"catch_up", "maybe"}}, 422, "catch_up");
  wrong({{"name", ""}}, 422, "name");
  wrong({{"payload", {{"x", std::string(10'001, 'x')}}}}, 413, "");
  EXPECT_EQ(add().first, 201);
  wrong({}, 409, "");
  EXPECT_EQ(all().size(), 1U);
}

TEST_F(schedules_routes_test, keeps_the_built_in_ones_and_organizations_apart) {
  const auto added = add().second;
  session.begin(organization);
  session.execute("update schedules set built_in = true");
  session.commit();
  EXPECT_EQ(ask(method::delete_, at(added)).first, 409);
  const auto other = server.new_organization();
  const auto routes = [](postgres::pool& pool) { return schedules_routes(pool, {"train"}); };
  EXPECT_EQ(test::call(server.app_url(), routes, "job.manage", other,
                       {method::patch, "/api/v1/schedules" + at(added), {}, R"({"enabled":false})"})
                .first,
            404);
  EXPECT_EQ(test::call(server.app_url(), routes, "job.manage", other,
                       {method::post, "/api/v1/schedules" + at(added) + "/run"})
                .first,
            404);
}

TEST_F(schedules_routes_test, has_a_limit) {
  session.begin(organization);
  session.execute("insert into schedules (organization_id, name, kind, rule, next_due) select $1, n, 'train', 'every 1 "
                  "h', now() from generate_series(1, 200) n",
                  organization);
  session.commit();
  EXPECT_EQ(add().first, 409);
}

TEST_F(schedules_routes_test, runs_one_now_besides_its_times) {
  const auto added = add().second;
  const auto [status, answer] = ask(method::post, at(added) + "/run");
  ASSERT_EQ(status, 202) << json::serialize(answer);
  EXPECT_EQ(ask(method::post, at(added) + "/run").first, 202) << "a run by hand has no due time, so there may be many";
  session.begin(organization);
  EXPECT_EQ(session.query<std::string>("select kind from jobs where id = $1", answer.at("job_id").as_int64()).at(0),
            "train");
  session.commit();
  EXPECT_EQ(all().at(0).at("next_due"), added.at("next_due"));
}

} // namespace
