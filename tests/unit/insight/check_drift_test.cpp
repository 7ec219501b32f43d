// The check for drift from the database and back: what the task keeps is what the page reads.
#include "insight/check_drift.hpp"
#include "insight/drift_routes.hpp"
#include "support/api_call.hpp"
#include "support/postgres_server.hpp"
#include "support/process.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <filesystem>

using namespace pricing;
namespace json = boost::json;

namespace {

constexpr int lettings = 156; // one a week for three years; the model has seen all but the last fifteen

class check_drift_test : public testing::Test {
 protected:
  ~check_drift_test() override { std::filesystem::remove_all(folder); }

  // Twenty items of five kinds each, told apart by the first word alone; each letting has a level of its own (a tenth),
  // twenty lines and four bids on each. Pipes cost `dearer` times as much in the newest fifteen lettings.
  void fill(double dearer) {
    postgres::session owner(server.owner_url());
    owner.execute("insert into users (id, email, name, password_hash) overriding system value values (1, "
                  "'one@example.org', 'One', 'x') on conflict do nothing");
    session.begin(organization);
    const auto upload =
        session
            .query<std::int64_t>("insert into uploads (organization_id, file_name, sha256, bytes, object_key, state, "
                                 "loaded) values ($1, 'a.csv', sha256('a'), 1, 'a', 'completed', 1) returning id",
                                 organization)
            .at(0);
    session.execute("insert into suppliers (organization_id, name, normalized_name) select $1, 'S' || n, 's' || n from "
                    "generate_series(1, 4) n",
                    organization);
    session.execute(
        "insert into items (organization_id, name, normalized_name, unit) select $1, w || ' ' || n, w || "
        "' ' || n, 'ft' from generate_series(1, 20) n, unnest(array['pipe', 'kerb', 'sign', 'post', 'seed']) w",
        organization);
    session.execute("insert into events (organization_id, reference, occurred_on) select $1, 'E' || n, date "
                    "'2021-01-06' + n * 7 from generate_series(0, $2 - 1) n",
                    organization, lettings);
    // Numbers between 0 and 1 that every version of the server draws alike.
    session.execute(
        "create or replace function pg_temp.chance(text) returns float8 language sql immutable as $$ select "
        "('x' || substr(md5($1), 1, 8))::bit(32)::bigint / 4294967296.0 $$");
    session.execute(
        "with e as (select id, occurred_on, substr(reference, 2)::int as n, 0.1 * (pg_temp.chance('a' || reference) + "
        "pg_temp.chance('b' || reference) + pg_temp.chance('c' || reference) - 1.5) * 2 as level from events where "
        "organization_id = $1), picked as (select e.*, i.id as item_id, i.name, "
        "row_number() over (partition by e.id order by pg_temp.chance(e.n || i.name)) as line from e, items i where "
        "i.organization_id = $1),"
        " line as (select *, round(exp(4 + pg_temp.chance(n || 'q' || line))::numeric) as quantity from picked where "
        "line <= 20) insert into "
        "price_observations (organization_id, item_id, supplier_id, event_id, observed_on, line, kind, rank, price, "
        "quantity, currency, upload_id, source_row, row_key) select $1, l.item_id, s.id, l.id, l.occurred_on, l.line, "
        "1, 1, "
        "round(((10 + substr(l.name, 6)::int) * exp(l.level + 0.3 * (pg_temp.chance('d' || l.n || '.' || l.line || "
        "s.name) + "
        "pg_temp.chance('e' || l.n || '.' || l.line || s.name) + pg_temp.chance('f' || l.n || '.' || l.line || s.name) "
        "- "
        "1.5)) * case "
        "when l.n >= $2 and l.name like 'pipe%' then $3::float8 else 1 end)::numeric, 4), l.quantity, 'USD', $4, 1, "
        "row_number() "
        "over () from line l, suppliers s where s.organization_id = $1",
        organization, lettings - 15, dearer, upload);
    session.execute("insert into models (organization_id, version, state, object_key, sha256, trained_until) values "
                    "($1, '1', 'promoted', 'none', sha256('1'), date '2021-01-06' + ($2 - 16) * 7)",
                    organization, lettings);
    session.commit();
  }

  // The group's row of the stored report.
  json::object residual_of(std::string_view group) {
    session.begin(organization);
    const auto report = json::parse(session
                                        .query<std::string>("select report::text from drift_reports where "
                                                            "organization_id = $1 order by id desc limit 1",
                                                            organization)
                                        .at(0));
    session.commit();
    for (const auto& g : report.at("groups").as_array())
      if (g.at("name").as_string() == group)
        for (const auto& row : g.at("rows").as_array())
          if (row.at("name").as_string() == "residual")
            return row.as_object();
    ADD_FAILURE() << "no residual of " << group << " in " << json::serialize(report);
    return {};
  }

  test::postgres_server& server = test::postgres_server::instance();
  const organization_id organization = server.new_organization();
  postgres::session session{server.app_url()};
  const std::filesystem::path folder = test::make_temporary_folder(false);
};

TEST_F(check_drift_test, finds_a_tenth_on_one_category_beneath_levels_of_lettings_as_large) {
  fill(1.1);
  storage::folder_store objects(folder);
  const auto done = insight::check_drift(session, objects, organization);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->version, "1");
  EXPECT_EQ(done->bids, 15 * 20 * 4);
  const auto pipes = residual_of("pipe");
  EXPECT_TRUE(pipes.at("drifted").as_bool()) << json::serialize(pipes);
  EXPECT_NEAR(pipes.at("window").to_number<double>() - pipes.at("reference").to_number<double>(), 0.1, 0.04);
  EXPECT_NE(pipes.at("text").as_string().find("against before"), json::string::npos);
  EXPECT_FALSE(residual_of("kerb").at("drifted").as_bool());

  const auto routes = [](postgres::pool& pool) { return insight::drift_routes(pool); };
  const auto [status, page] = test::call(server.app_url(), routes, "model.read", organization,
                                         test::api_request{.path = "/api/v1/models/drift"});
  EXPECT_EQ(status, 200) << json::serialize(page);
  EXPECT_NE(json::serialize(page).find("against before"), std::string::npos);
}

TEST_F(check_drift_test, is_quiet_while_only_levels_of_lettings_move) {
  fill(1);
  storage::folder_store objects(folder);
  const auto done = insight::check_drift(session, objects, organization);
  ASSERT_TRUE(done) << done.error().message;
  for (const char* kind : {"pipe", "kerb", "sign", "post", "seed"})
    EXPECT_FALSE(residual_of(kind).at("drifted").as_bool()) << kind;
}

TEST_F(check_drift_test, has_nothing_to_say_without_a_model) {
  storage::folder_store objects(folder);
  const auto done = insight::check_drift(session, objects, organization);
  ASSERT_TRUE(done);
  EXPECT_FALSE(done->version);
}

} // namespace
