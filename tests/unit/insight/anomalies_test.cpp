// Strange prices from the database and back: search, list, decision, search again.
#include "insight/anomaly_routes.hpp"
#include "insight/find_anomalies.hpp"
#include "support/api_call.hpp"
#include "support/postgres_server.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

using namespace pricing;
namespace json = boost::json;

namespace {

class anomalies_test : public testing::Test {
 protected:
  // Twenty items, four bidders, a letting every two weeks for two years; the newest letting is a load of its own, in
  // which one bid has its decimal point one place to the right.
  anomalies_test() {
    postgres::session owner(server.owner_url());
    owner.execute("insert into users (id, email, name, password_hash) overriding system value values (1, "
                  "'one@example.org', 'One', 'x') on conflict do nothing");
    session.begin(organization);
    for (const char* name : {"history.csv", "letting.csv"})
      uploads.push_back(session
                            .query<std::int64_t>("insert into uploads (organization_id, file_name, sha256, bytes, "
                                                 "object_key, state, loaded) values ($1, $2, sha256($2::bytea), 1, "
                                                 "$2, 'completed', 1) returning id",
                                                 organization, std::string(name))
                            .at(0));
    session.execute("insert into suppliers (organization_id, name, normalized_name) select $1, 'S' || n, 's' || n from "
                    "generate_series(1, 4) n",
                    organization);
    session.execute("insert into items (organization_id, name, normalized_name, unit) select $1, 'I' || n, 'i' || n, "
                    "'ft' from generate_series(1, 20) n",
                    organization);
    session.execute("insert into events (organization_id, reference, occurred_on) select $1, 'E' || n, date "
                    "'2024-01-10' + n * 14 from generate_series(0, 51) n",
                    organization);
    session.execute(
        "insert into price_observations (organization_id, item_id, supplier_id, event_id, observed_on, line, kind, "
        "rank, price, quantity, currency, upload_id, source_row, row_key) select $1, i.id, s.id, e.id, e.occurred_on, "
        "1, 1, 1, (10 + substr(i.name, 2)::int) * exp(0.1 * sin(12.9898 * row_number() over (order by e.id, i.id, "
        "s.id))) * case when e.reference = 'E51' and i.name = 'I7' and s.name = 'S2' then 10 else 1 end, 100 + "
        "substr(e.reference, 2)::int % 7, 'USD', case when e.reference = 'E51' then $3::bigint else $2 end, 1, "
        "row_number() over () from items i, suppliers s, events e where i.organization_id = $1 and s.organization_id "
        "= $1 and e.organization_id = $1",
        organization, uploads[0], uploads[1]);
    session.commit();
  }
  std::pair<int, json::value> ask(test::api_request request, const char* permission = "anomaly.read") const {
    const auto routes = [](postgres::pool& pool) { return insight::anomaly_routes(pool); };
    return test::call(server.app_url(), routes, permission, organization, std::move(request));
  }
  json::array list(std::vector<http::name_value> query = {}) const {
    const auto [status, body] = ask({.path = "/api/v1/anomalies", .query = std::move(query)});
    EXPECT_EQ(status, 200) << json::serialize(body);
    return body.at("data").as_array();
  }
  test::postgres_server& server = test::postgres_server::instance();
  const organization_id organization = server.new_organization();
  postgres::session session{server.app_url()};
  std::vector<std::int64_t> uploads;
};

TEST_F(anomalies_test, a_strange_price_of_a_load_is_found_listed_and_kept_as_decided) {
  const auto done = insight::find_anomalies(session, {organization, std::nullopt});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->uploads, 2);
  EXPECT_GE(done->found, 1);

  const auto of_load = list({{"upload_id", std::to_string(uploads[1])}});
  ASSERT_EQ(of_load.size(), 1U) << json::serialize(of_load);
  const json::object& found = of_load[0].as_object();
  EXPECT_EQ(found.at("item"), "I7");
  EXPECT_EQ(found.at("supplier"), "S2");
  EXPECT_EQ(found.at("file_name"), "letting.csv");
  EXPECT_EQ(found.at("state"), "open");
  const auto number = [&](const char* name) { return std::stod(std::string(found.at(name).as_string())); };
  EXPECT_NEAR(number("price") / number("expected"), 10, 2);
  EXPECT_NEAR(number("excess"), (number("price") - number("expected")) * number("quantity"), 2);
  EXPECT_EQ(found.at("money"), found.at("excess"));
  ASSERT_FALSE(found.at("reasons").as_array().empty());
  const auto& reason = found.at("reasons").as_array()[0];
  EXPECT_FALSE(reason.at("text").as_string().empty());

  const std::string path = "/api/v1/anomalies/" + std::to_string(found.at("id").as_int64());
  const auto [refused, why] = ask({http::method::patch, path, {}, R"({"state": "gone"})"}, "anomaly.manage");
  EXPECT_EQ(refused, 422);
  const auto [status, decided] = ask({http::method::patch, path, {}, R"({"state": "dismissed"})"}, "anomaly.manage");
  ASSERT_EQ(status, 200) << json::serialize(decided);
  EXPECT_EQ(decided.at("state"), "dismissed");
  EXPECT_FALSE(decided.at("decided_at").is_null());

  // Nothing is new: the newest load is looked at again, and what was decided stays.
  const auto again = insight::find_anomalies(session, {organization, std::nullopt});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->uploads, 1);
  EXPECT_TRUE(list({{"upload_id", std::to_string(uploads[1])}, {"state", "open"}}).empty());
  EXPECT_EQ(list({{"upload_id", std::to_string(uploads[1])}, {"state", "dismissed"}}).size(), 1U);

  const auto [summed, summary] = ask({.path = "/api/v1/anomalies/summary"});
  ASSERT_EQ(summed, 200) << json::serialize(summary);
  EXPECT_EQ(summary.at("dismissed"), 1);
  ASSERT_EQ(summary.at("runs").as_array().size(), 2U);
  EXPECT_EQ(summary.at("runs").at(0).at("rows_examined"), 80);
}

TEST_F(anomalies_test, pages_go_on_by_money) {
  session.begin(organization);
  session.execute(
      "insert into anomalies (organization_id, upload_id, row_key, observed_on, source_row, item_id, price, "
      "expected, quantity, excess, score, p, q, reasons) select $1, $2, -n, '2024-01-01', 1, (select "
      "min(id) from items where organization_id = $1), 1, 1, 1, case n % 2 when 0 then n else -n end, 1, "
      "0, 0, '[]' from generate_series(1, 5) n",
      organization, uploads[0]);
  session.commit();
  std::vector<std::string> money;
  std::string cursor;
  do {
    const auto [status, body] = ask({.path = "/api/v1/anomalies", .query = {{"limit", "2"}, {"cursor", cursor}}});
    ASSERT_EQ(status, 200) << json::serialize(body);
    for (const auto& row : body.at("data").as_array())
      money.emplace_back(row.at("money").as_string());
    cursor = body.at("next_cursor").is_null() ? "" : std::string(body.at("next_cursor").as_string());
  } while (!cursor.empty());
  EXPECT_EQ(money, (std::vector<std::string>{"5", "4", "3", "2", "1"}));
}

TEST_F(anomalies_test, an_upload_that_is_not_there_is_said_so) {
  const auto done = insight::find_anomalies(session, {organization, 999'999'999});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, errc::not_found);
}

} // namespace
