// How well the model in use does: verdicts against the prices that came in later, reports that were kept, and the
// series of both on /metrics.
#include "insight/calibration.hpp"
#include "insight/drift_report.hpp"
#include "insight/model_watch.hpp"
#include "unit/models/sample_market.hpp"
#include "wire/json.hpp"

#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <thread>

using namespace pricing;
using namespace pricing::insight;
using namespace std::chrono_literals;

namespace {

class model_quality_test : public testing::Test {
 protected:
  // An item; its id.
  std::int64_t add_item(const std::string& name) {
    session.begin(organization);
    const auto id = session
                        .query<std::int64_t>("insert into items (organization_id, name, normalized_name, unit) values "
                                             "($1, $2, $2, 'ft') returning id",
                                             organization, name)
                        .at(0);
    session.commit();
    return id;
  }
  // A verdict given so many days ago, for that day: ten feet should cost `expected`, half to twice of it nine times in
  // ten.
  void add_verdict(std::int64_t item, int days_ago, double expected, const std::string& source = "model") {
    session.begin(organization);
    session.execute("insert into verdicts (organization_id, occurred_on, request, result, created_at) select $1, "
                    "current_date - $3::int, '{}', jsonb_build_object('lines', jsonb_build_array(jsonb_build_object("
                    "'item_id', $2::bigint, 'quantity', '10', 'expected', $4::text, 'low90', ($4::numeric / 2)::text, "
                    "'high90', ($4::numeric * 2)::text, 'source', $5::text), jsonb_build_object('quantity', '1', "
                    "'source', 'none'))), now() - make_interval(days => $3)",
                    organization, item, days_ago, std::to_string(expected), source);
    session.commit();
  }
  // A price of so many days ago, loaded a day later.
  void add_price(std::int64_t item, int days_ago, double price, double quantity = 10,
                 learn::price_kind kind = learn::price_kind::bid) {
    session.begin(organization);
    session.execute("insert into price_observations (organization_id, item_id, observed_on, kind, price, quantity, "
                    "currency, upload_id, source_row, row_key, recorded_at) values ($1, $2, current_date - $3::int, "
                    "$4, $5::float8::numeric, $6::float8::numeric, 'USD', 1, 1, $7, now() - make_interval(days => $3 - "
                    "1))",
                    organization, item, days_ago, static_cast<int>(kind), price, quantity, ++key_);
    session.commit();
  }

  test::postgres_server& server = test::postgres_server::instance();
  const organization_id organization = server.new_organization();
  postgres::session session{server.app_url()};
  std::int64_t key_ = 0;
};

TEST_F(model_quality_test, holds_verdicts_against_the_prices_that_came_in_later) {
  const auto pipe = add_item("pipe"), kerb = add_item("kerb");
  EXPECT_EQ(measure_live_quality(session, organization).prices, 0);
  add_verdict(pipe, 40, 100);
  add_price(pipe, 50, 1'000); // was known before
  add_price(kerb, 20, 1'000); // nobody asked about it
  add_price(pipe, 20, 1'000, 100);
  add_price(pipe, 20, 1'000, 10, learn::price_kind::estimate);
  EXPECT_EQ(measure_live_quality(session, organization).prices, 0);
  add_price(pipe, 30, 110);
  add_price(pipe, 25, 150, 15);
  add_price(pipe, 20, 210, 10, learn::price_kind::invoice);
  add_price(pipe, 20, 80);
  const auto live = measure_live_quality(session, organization);
  EXPECT_EQ(live.prices, 4);
  EXPECT_DOUBLE_EQ(live.coverage_90, 0.75);
  EXPECT_NEAR(live.typical_error, 0.35, 1e-9); // of 0.1, 0.2, 0.5 and 1.1
}

TEST_F(model_quality_test, counts_a_price_once_for_the_newest_verdict_before_it) {
  const auto pipe = add_item("pipe");
  add_verdict(pipe, 60, 400);
  add_verdict(pipe, 50, 100);
  add_verdict(pipe, 45, 400, "benchmark"); // not the model's word
  add_verdict(pipe, 10, 400);              // later than the price
  add_price(pipe, 30, 90);
  const auto live = measure_live_quality(session, organization);
  EXPECT_EQ(live.prices, 1);
  EXPECT_EQ(live.coverage_90, 1);
  EXPECT_NEAR(live.typical_error, 0.1, 1e-9);
  add_verdict(pipe, 170, 100);
  add_price(pipe, 75, 1'000); // too long after that
  EXPECT_EQ(measure_live_quality(session, organization).prices, 1);
}

class kept_reports_test : public model_quality_test {
 protected:
  void add_reports(const std::string& version) {
    calibration_report tested;
    tested.overall = {.name = "all", .bids = 500, .coverage_90 = 0.88, .typical_error = 0.2};
    tested.reliability = {{0.5, 0.46}, {0.9, 0.88}};
    drift_report drift;
    drift.model_version = version;
    drift.groups = {{"all", 500, false, {{.name = "residual", .drifted = true}, {.name = "coverage"}}},
                    {"pipe", 300, false, {{.name = "residual", .drifted = true}}},
                    {"kerb", 200, false, {{.name = "residual", .drifted = true}, {.name = "age", .drifted = true}}}};
    session.begin(organization);
    session.execute("insert into model_calibrations (organization_id, version, tested_from, tested_to, object_key, "
                    "report) values ($1, $2, '2025-01-01', '2026-01-01', '', $3)",
                    organization, version, wire::to_value(tested));
    session.execute("insert into drift_reports (organization_id, window_from, window_to, rows, drifted, report) values "
                    "($1, '2026-01-01', '2026-02-01', 500, 4, $2)",
                    organization, wire::to_value(drift));
    session.commit();
  }
};

TEST_F(kept_reports_test, are_those_of_the_version_in_use) {
  add_reports("a.1");
  const auto other = find_model_quality(session, organization, "a.2");
  EXPECT_FALSE(other.tested);
  EXPECT_FALSE(other.drift);
  const auto found = find_model_quality(session, organization, "a.1");
  ASSERT_TRUE(found.tested && found.drift);
  EXPECT_EQ(found.tested->coverage_90, 0.88);
  EXPECT_EQ(found.tested->typical_error, 0.2);
  EXPECT_NEAR(found.tested->calibration_error, 0.03, 1e-9);
  ASSERT_EQ(found.drift->columns.size(), 3U);
  EXPECT_EQ(found.drift->columns[0].name, "age");
  EXPECT_FALSE(found.drift->columns[0].over_all);
  EXPECT_EQ(found.drift->columns[0].categories, 1);
  EXPECT_EQ(found.drift->columns[2].name, "residual");
  EXPECT_TRUE(found.drift->columns[2].over_all);
  EXPECT_EQ(found.drift->columns[2].categories, 2);
}

std::string text_of(const prometheus::Registry& registry) {
  return prometheus::TextSerializer().Serialize(registry.Collect());
}
bool shows(const prometheus::Registry& registry, const std::string& what) {
  return text_of(registry).find(what) != std::string::npos;
}

TEST(model_series, are_those_of_organizations_in_memory_and_of_one_version_each) {
  prometheus::Registry registry;
  model_series series(registry);
  const models::snapshot first({}, learn::price_model(), "a.1"), second({}, learn::price_model(), "a.2");
  const model_quality known{.promoted_at = timestamp(5s),
                            .tested = tested_quality{0.9, 0.2, 0.01},
                            .drift = drift_state{timestamp(7s), {{"residual", true, 3}}}};
  series.show({7}, first, known, {100, 0.875, 0.25});
  series.show({8}, first, {}, {});
  EXPECT_TRUE(shows(registry, R"(pricing_model_live_coverage_ratio{organization="7"} 0.875)")) << text_of(registry);
  EXPECT_TRUE(shows(registry, R"(version="a.1")"));
  EXPECT_TRUE(shows(registry, R"(pricing_model_live_prices{organization="8"} 0)"));
  EXPECT_FALSE(shows(registry, R"(pricing_model_live_coverage_ratio{organization="8"})")); // 0 would look like a fault
  EXPECT_FALSE(shows(registry, R"(pricing_model_tested_coverage_ratio{organization="8"})"));
  model_quality unchecked = known;
  unchecked.drift.reset();
  series.show({7}, second, unchecked, {});
  EXPECT_TRUE(shows(registry, R"(version="a.2")"));
  for (const char* gone : {R"(version="a.1")", "pricing_model_drifted{", "pricing_model_live_coverage_ratio{"})
    EXPECT_FALSE(shows(registry, gone)) << gone;
  series.keep_only({{8}});
  EXPECT_FALSE(shows(registry, R"(organization="7")"));
  EXPECT_TRUE(shows(registry, R"(organization="8")"));
}

TEST(model_watch, shows_models_in_memory_and_counts_prices_as_they_come) {
  const auto& trained = test::trained_market::instance();
  const auto organization = trained.market.organization;
  const auto& server = test::postgres_server::instance();
  postgres::session session(server.app_url());
  session.begin(organization);
  session.execute("insert into verdicts (organization_id, occurred_on, request, result, created_at) select $1, $2, "
                  "'{}', jsonb_build_object('lines', jsonb_agg(jsonb_build_object('item_id', item_id, 'quantity', "
                  "quantity::text, 'expected', price::text, 'low90', '0.01', 'high90', '100000', 'source', 'model'))), "
                  "now() - interval '1 day' from price_observations where kind = 1 and observed_on >= $2",
                  organization, test::sample_until - std::chrono::days(60));
  session.commit();
  prometheus::Registry registry;
  const auto connect = [&server] { return std::make_unique<postgres::session>(server.app_url()); };
  models::snapshot_cache snapshots(connect, trained.objects, {.organizations_max = 100, .settle = 50ms}, registry);
  const model_watch watch(connect, snapshots, 50ms, registry);
  const std::string label = R"({organization=")" + std::to_string(organization.value) + "\"} ";
  const auto value_of = [&](const std::string& name) -> std::optional<double> {
    const std::string text = text_of(registry);
    const auto at = text.find("\n" + name + label);
    return at == std::string::npos ? std::nullopt
                                   : std::optional(std::stod(text.substr(at + 1 + name.size() + label.size())));
  };
  const auto within = [](auto condition) {
    for (int i = 0; i < 2'000 && !condition(); ++i)
      std::this_thread::sleep_for(10ms);
    return condition();
  };
  ASSERT_TRUE(within([&] { return value_of("pricing_model_live_prices").value_or(0) > 100; })) << text_of(registry);
  EXPECT_EQ(value_of("pricing_model_live_coverage_ratio"), 1);
  EXPECT_EQ(value_of("pricing_model_trained_until_timestamp_seconds"),
            std::chrono::duration<double>((test::sample_until - std::chrono::days(14)).time_since_epoch()).count());
  const double before = *value_of("pricing_model_live_prices");
  session.begin(organization);
  session.execute("insert into price_observations (organization_id, item_id, observed_on, kind, price, quantity, "
                  "currency, upload_id, source_row, row_key) select $1, item_id, $2, 1, price, quantity, 'USD', 1, 1, "
                  "1000000 from price_observations where kind = 1 and observed_on >= $2 limit 1",
                  organization, test::sample_until - std::chrono::days(60));
  session.query<std::string>("select pg_notify('prices', $1::text)::text", std::to_string(organization.value));
  session.commit();
  EXPECT_TRUE(within([&] { return value_of("pricing_model_live_prices") == before + 1; })) << text_of(registry);
  EXPECT_EQ(value_of("pricing_model_quality_failures_total"), std::nullopt); // it has no labels
  EXPECT_TRUE(shows(registry, "pricing_model_quality_failures_total 0"));
}

} // namespace
