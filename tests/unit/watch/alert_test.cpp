// Rules and alerts through routes and evaluation, on a real PostgreSQL.
#include "support/api_call.hpp"
#include "support/postgres_server.hpp"
#include "watch/alert_evaluation.hpp"
#include "watch/alert_routes.hpp"

#include <gtest/gtest.h>

using namespace pricing;
using namespace pricing::watch;
using http::method;
namespace json = boost::json;

namespace {

class alert_test : public testing::Test {
 protected:
  void SetUp() override {
    postgres::session owner(server.owner_url());
    owner.execute("insert into users (id, email, name, password_hash) overriding system value values (1, "
                  "'e@example.org', 'E', 'x') on conflict do nothing");
    execute("insert into items (organization_id, code, name, normalized_name, unit) values ($1, 'P1', 'Pipe', 'pipe', "
            "'ft'), ($1, 'S1', 'Sand', 'sand', 't')");
    execute("insert into item_statistics (organization_id, item_id, spend, first_on, last_on) select $1, id, 1000000, "
            "current_date - 3653, current_date from items where organization_id = $1");
    change_of("Pipe", 0.30);
    change_of("Sand", -0.10);
  }
  void execute(const char* sql) {
    session.begin(organization);
    session.execute(sql, organization);
    session.commit();
  }
  void change_of(const char* name, double change) {
    session.begin(organization);
    session.execute(
        "insert into item_changes (organization_id, item_id, change, from_price, to_price, bids) select $1, "
        "id, $3, 10, 12, 20 from items where organization_id = $1 and name = $2 on conflict "
        "(organization_id, item_id) do update set change = $3",
        organization, std::string(name), change);
    session.commit();
  }
  std::pair<int, json::value> ask(method verb, const std::string& path, const json::value& body = nullptr,
                                  std::vector<http::name_value> query = {}) {
    const auto routes = [](postgres::pool& pool) { return alert_routes(pool); };
    const char* permission = verb == method::get             ? "alert.read"
                             : path.ends_with("acknowledge") ? "alert.acknowledge"
                                                             : "alert.manage";
    return test::call(server.app_url(), routes, permission, organization,
                      {verb, "/api/v1/" + path, std::move(query), body.is_null() ? "" : json::serialize(body)});
  }
  std::int64_t rule(const json::value& body) {
    const auto [status, view] = ask(method::post, "alert-rules", body);
    EXPECT_EQ(status, 201) << json::serialize(view);
    return view.at("id").to_number<std::int64_t>();
  }
  std::vector<json::value> alerts(const std::string& state = "") {
    const auto [status, page] =
        ask(method::get, "alerts", nullptr,
            state.empty() ? std::vector<http::name_value>{} : std::vector<http::name_value>{{"state", state}});
    EXPECT_EQ(status, 200) << json::serialize(page);
    const auto& data = page.at("data").as_array();
    return {data.begin(), data.end()};
  }
  evaluate_out evaluate() { return evaluate_alerts(session, organization); }

  test::postgres_server& server = test::postgres_server::instance();
  const organization_id organization = server.new_organization();
  postgres::session session{server.app_url()};
};

TEST_F(alert_test, raises_keeps_and_resolves) {
  rule({{"name", "Moves"}, {"kind", "price_change"}, {"threshold", 0.25}});
  auto done = evaluate();
  EXPECT_EQ(std::tuple(done.rules, done.raised, done.kept, done.resolved), std::tuple(1, 1, 0, 0));
  auto found = alerts("open");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].at("title"), "Pipe");
  EXPECT_NEAR(found[0].at("value").as_double(), 0.30, 1e-12);
  EXPECT_NEAR(std::stod(found[0].at("money").as_string().c_str()), 30'000, 100) << "a tenth of the spend of ten years";

  change_of("Pipe", 0.22); // below the threshold, but not by much: it does not come and go
  done = evaluate();
  EXPECT_EQ(std::tuple(done.raised, done.kept, done.resolved), std::tuple(0, 1, 0));
  change_of("Pipe", 0.19);
  done = evaluate();
  EXPECT_EQ(std::tuple(done.raised, done.kept, done.resolved), std::tuple(0, 0, 1));
  EXPECT_EQ(alerts("open").size(), 0u);
  change_of("Pipe", -0.40); // a fall counts as a move, and a new one gets a row of its own
  EXPECT_EQ(evaluate().raised, 1);
  found = alerts();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_NEAR(found[0].at("value").as_double(), -0.40, 1e-12);
}

TEST_F(alert_test, lists_the_dearest_first) {
  change_of("Sand", 0.60);
  rule({{"name", "Moves"}, {"kind", "price_change"}, {"threshold", 0.25}});
  EXPECT_EQ(evaluate().raised, 2);
  EXPECT_EQ(alerts().at(0).at("title"), "Sand");
}

TEST_F(alert_test, does_not_raise_again_what_was_acknowledged) {
  rule({{"name", "Moves"}, {"kind", "price_change"}, {"threshold", 0.25}});
  evaluate();
  const auto id = std::to_string(alerts().at(0).at("id").to_number<std::int64_t>());
  for (int i = 0; i < 2; ++i) {
    const auto [status, view] = ask(method::post, "alerts/" + id + "/acknowledge");
    EXPECT_EQ(status, 200);
    EXPECT_EQ(view.at("state"), "acknowledged");
  }
  EXPECT_EQ(evaluate().raised, 0);
  EXPECT_EQ(alerts().size(), 1u);
  EXPECT_EQ(ask(method::post, "alerts/999999/acknowledge").first, 404);
}

TEST_F(alert_test, a_judged_proposal_is_raised_once_for_all) {
  rule({{"name", "Dear"}, {"kind", "verdict_excess"}, {"threshold", 500}});
  execute("insert into verdicts (organization_id, name, occurred_on, request, result, total_excess) values ($1, "
          "'Bridge', '2026-01-01', '{}', '{}', 700), ($1, 'Road', '2026-01-01', '{}', '{}', 400)");
  EXPECT_EQ(evaluate().raised, 1);
  execute("update verdicts set created_at = now() - interval '31 days' where organization_id = $1");
  EXPECT_EQ(evaluate().resolved, 0) << "nobody has seen it yet";
  const auto alert = alerts().at(0);
  EXPECT_EQ(alert.at("title"), "Bridge");
  ask(method::post, "alerts/" + std::to_string(alert.at("id").to_number<std::int64_t>()) + "/acknowledge");
  EXPECT_EQ(evaluate().resolved, 1);
  execute("update verdicts set created_at = now() where organization_id = $1");
  EXPECT_EQ(evaluate().raised, 0);
}

TEST_F(alert_test, watches_market_suppliers_model_and_data) {
  for (const auto* kind : {"market_change", "supplier_position", "model_coverage", "model_age", "data_age"}) {
    const std::string_view name = kind;
    rule({{"name", name}, {"kind", name}, {"threshold", name.ends_with("_age") ? 90.0 : name[1] == 'o' ? 0.88 : 0.2}});
  }
  EXPECT_EQ(evaluate().raised, 0);
  execute("insert into market_index (organization_id, month, value, lower, upper, matched_items) values ($1, "
          "'2024-01-01', 1, 1, 1, 5), ($1, '2024-04-01', 1.3, 1.3, 1.3, 5)");
  execute("insert into suppliers (organization_id, name, normalized_name) values ($1, 'Dear & Sons', 'dear')");
  execute(
      "insert into supplier_statistics (organization_id, supplier_id, bids, events, wins, position, spread, last_on) "
      "select $1, id, 60, 60, 1, 0.5, 0.1, current_date from suppliers where organization_id = $1");
  execute(
      "insert into models (organization_id, version, state, object_key, sha256, trained_until, metrics) values ($1, "
      "'v1', 'promoted', 'k', '', current_date - 100, '{\"coverage_90\": 0.85}')");
  execute("update item_statistics set last_on = current_date - 100 where organization_id = $1");
  execute("update supplier_statistics set last_on = current_date - 100 where organization_id = $1");
  EXPECT_EQ(evaluate().raised, 5);
  execute("update models set metrics = '{\"coverage_90\": 0.883}' where organization_id = $1");
  EXPECT_EQ(evaluate().resolved, 0);
  execute("update models set metrics = '{\"coverage_90\": 0.9}', trained_until = current_date where organization_id = "
          "$1");
  EXPECT_EQ(evaluate().resolved, 2);
}

TEST_F(alert_test, an_organization_starts_with_the_usual_rules_and_may_remove_them) {
  EXPECT_EQ(evaluate().rules, 5);
  const auto [status, page] = ask(method::get, "alert-rules");
  ASSERT_EQ(status, 200);
  ASSERT_EQ(page.at("data").as_array().size(), 5u);
  for (const auto& one : page.at("data").as_array())
    EXPECT_EQ(ask(method::delete_, "alert-rules/" + json::serialize(one.at("id"))).first, 204);
  EXPECT_EQ(evaluate().rules, 0);
  EXPECT_EQ(alerts().size(), 0u) << "alerts go with their rule";
}

TEST_F(alert_test, rules_are_checked_changed_and_limited) {
  const auto refused = [this](const json::value& body) { return ask(method::post, "alert-rules", body).first; };
  EXPECT_EQ(refused({{"name", "x"}, {"kind", "price_change"}, {"threshold", 0}}), 422);
  EXPECT_EQ(refused({{"name", "x"}, {"kind", "model_coverage"}, {"threshold", 0.95}}), 422);
  EXPECT_EQ(refused({{"name", "x"}, {"kind", "weather"}, {"threshold", 1}}), 422);
  EXPECT_EQ(refused({{"name", "x"}, {"kind", "price_change"}, {"threshold", 1}, {"item_id", 999'999}}), 422);
  EXPECT_EQ(refused({{"name", "x"}, {"kind", "data_age"}, {"threshold", 5}, {"item_id", 1}}), 422);

  session.begin(organization);
  const auto sand =
      session.query<std::int64_t>("select id from items where organization_id = $1 and name = 'Sand'", organization);
  session.commit();
  const auto id = rule({{"name", "Sand"}, {"kind", "price_change"}, {"threshold", 0.2}, {"item_id", sand.at(0)}});
  EXPECT_EQ(evaluate().raised, 0) << "the pipe is not watched";
  const auto path = "alert-rules/" + std::to_string(id);
  EXPECT_EQ(ask(method::patch, path, {{"threshold", 1e9}}).first, 422);
  EXPECT_EQ(ask(method::patch, path, {{"threshold", 0.05}}).second.at("threshold").as_double(), 0.05);
  EXPECT_EQ(evaluate().raised, 1);
  EXPECT_EQ(ask(method::patch, path, {{"enabled", false}}).first, 200);
  EXPECT_EQ(evaluate().rules, 0);
  EXPECT_EQ(ask(method::patch, "alert-rules/999999", {{"enabled", true}}).first, 404);
  for (int i = 1; i < 50; ++i)
    rule({{"name", "r"}, {"kind", "data_age"}, {"threshold", 50}});
  EXPECT_EQ(refused({{"name", "r"}, {"kind", "data_age"}, {"threshold", 50}}), 409);
}

TEST_F(alert_test, evaluation_on_demand_is_a_job) {
  const auto [status, view] = ask(method::post, "alerts/evaluate");
  EXPECT_EQ(status, 202);
  EXPECT_EQ(ask(method::post, "alerts/evaluate").second.at("job_id"), view.at("job_id"));
}

} // namespace
