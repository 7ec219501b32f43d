// Two versions side by side over HTTP, on a real database.
#include "models/compare_routes.hpp"
#include "sample_market.hpp"
#include "serving/manifest.hpp"
#include "support/api_call.hpp"

using namespace pricing;
namespace json = boost::json;

namespace {

class compare_routes_test : public testing::Test {
 protected:
  std::pair<int, json::value> compare(const std::string& model, const std::string& left, const std::string& right,
                                      std::optional<organization_id> as = std::nullopt) {
    const auto routes = [this](postgres::pool& pool) {
      return std::vector<http::route>{models::compare_route(pool, trained.objects, files)};
    };
    return test::get(server.app_url(), routes, "model.read", as.value_or(organization),
                     "/api/v1/models/" + model + "/compare", {{"left", left}, {"right", right}});
  }
  void add(const std::string& version, const std::string& snapshot, const std::string& metrics,
           const std::string& parameters, const std::string& object_key = "models/00/gone") {
    postgres::session s(server.app_url());
    s.begin(organization);
    s.execute("insert into models (organization_id, version, state, object_key, sha256, snapshot_hash, trained_until, "
              "metrics, parameters) values ($1, $2, 'retired', $3, ''::bytea, $4, '2026-01-01', $5, $6)",
              organization, version, object_key, snapshot, json::parse(metrics), json::parse(parameters));
    s.commit();
  }
  void add_served(int version, const std::string& metadata, std::vector<std::string> features) {
    serving::manifest m;
    m.name = "steel";
    m.version = version;
    m.features = static_cast<std::int64_t>(features.size());
    m.feature_names = std::move(features);
    m.metadata = json::parse(metadata);
    postgres::session s(server.app_url());
    s.begin(organization);
    s.execute("insert into served_models (organization_id, name) values ($1, 'steel') on conflict do nothing",
              organization);
    s.execute("insert into served_model_versions (organization_id, name, version, object_key, manifest, signature) "
              "values ($1, 'steel', $2, 'models/00/gone', $3, ''::bytea)",
              organization, version, wire::encode(m));
    s.commit();
  }
  std::string message(const json::value& answer) const { return json::value_to<std::string>(answer.at("message")); }

  test::postgres_server& server = test::postgres_server::instance();
  test::trained_market& trained = test::trained_market::instance();
  organization_id organization = server.new_organization();
  net::cpu_pool files{1, 4};
};

TEST_F(compare_routes_test, puts_two_versions_of_the_price_model_side_by_side) {
  postgres::session s(server.app_url());
  s.begin(trained.market.organization);
  const auto key =
      s.query<std::string>("select object_key from models where version = $1", trained.report.version).at(0);
  s.commit();
  const std::string parameters = R"({"rounds": 110, "depth": 7})";
  add("2026-01-02.1", "one",
      R"({"low_ours": 0.25, "coverage_90": 0.95, "lines": 100, "trained_lines": 900, "low_trailing_median": 0.4,
          "categories": [{"name": "Pipe", "lines": 60, "mdape": 0.2, "coverage": 0.9}]})",
      parameters, key);
  add("2026-01-02.2", "one",
      R"({"low_ours": 0.22, "coverage_90": 0.89, "lines": 100, "trained_lines": 900, "low_trailing_median": 0.4,
          "categories": [{"name": "Pipe", "lines": 60, "mdape": 0.15, "coverage": 0.8}]})",
      R"({"rounds": 110, "depth": 9})", key);
  const auto [status, c] = compare("price", "2026-01-02.1", "2026-01-02.2");
  ASSERT_EQ(status, 200) << json::serialize(c);
  EXPECT_EQ(c.at("left").at("version"), "2026-01-02.1");
  EXPECT_EQ(c.at("left").at("snapshot"), "one");
  EXPECT_EQ(c.at("left").at("trained_until"), "2026-01-01");
  EXPECT_EQ(c.at("left").at("tested_from"), "2025-01-01");
  EXPECT_EQ(c.at("left").at("trained_lines"), 900);
  EXPECT_GT(c.at("left").at("features").as_int64(), 10); // read from the model file
  EXPECT_EQ(c.at("features").at("same"), true);
  EXPECT_EQ(c.at("like_for_like"), true);
  const auto& low = c.at("metrics").at(0);
  EXPECT_EQ(low.at("name"), "low_ours");
  EXPECT_NEAR(low.at("difference").as_double(), -0.03, 1e-9);
  EXPECT_EQ(low.at("better"), "right");
  EXPECT_EQ(c.at("categories").at(0).at("coverage").at("better"), "left");
  ASSERT_EQ(c.at("parameters").as_array().size(), 1U);
  EXPECT_EQ(c.at("parameters").at(0).at("name"), "depth");
  EXPECT_EQ(c.at("parameters").at(0).at("right"), 9);
}

TEST_F(compare_routes_test, says_when_other_lines_judged_and_a_model_file_is_gone) {
  add("2026-01-02.1", "one", R"({"low_ours": 0.25, "lines": 100})", "{}");
  add("2026-01-02.2", "two", R"({"low_ours": 0.22, "lines": 120})", "{}");
  const auto [status, c] = compare("price", "2026-01-02.1", "2026-01-02.2");
  ASSERT_EQ(status, 200) << json::serialize(c);
  EXPECT_EQ(c.at("same_data"), false);
  EXPECT_EQ(c.at("same_test_lines"), false);
  EXPECT_EQ(c.at("like_for_like"), false);
  EXPECT_NE(c.at("test_lines").as_string().find("Not like for like"), std::string::npos);
  EXPECT_TRUE(c.at("left").at("features").is_null());
  EXPECT_TRUE(c.at("features").at("same").is_null());
}

TEST_F(compare_routes_test, compares_uploaded_models_by_their_manifests) {
  add_served(1, R"({"snapshot": "s1", "metrics": {"mdape": 0.3}, "parameters": {"eta": 0.1}})", {"weight", "grade"});
  add_served(2, R"({"snapshot": "s1", "metrics": {"mdape": 0.2}, "parameters": {"eta": 0.2}})", {"weight", "width"});
  const auto [status, c] = compare("steel", "1", "2");
  ASSERT_EQ(status, 200) << json::serialize(c);
  EXPECT_EQ(c.at("metrics").at(0).at("better"), "right");
  EXPECT_EQ(c.at("features").at("only_right").at(0), "width");
  EXPECT_EQ(c.at("same_data"), true);
  EXPECT_EQ(c.at("like_for_like"), false); // nothing says what tested them
  for (const char* unknown : {"3", "2026-01-02.1", "99999999999999999999"}) {
    const auto [missing, why] = compare("steel", "1", unknown);
    EXPECT_EQ(missing, 404);
    EXPECT_NE(message(why).find(unknown), std::string::npos) << message(why);
  }
}

TEST_F(compare_routes_test, names_what_is_wrong_with_the_question) {
  add("2026-01-02.1", "one", "{}", "{}");
  add("2026-01-02.2", "one", "{}", "{}");
  const auto [no_model, model_message] = compare("iron", "1", "2");
  EXPECT_EQ(no_model, 404);
  EXPECT_NE(message(model_message).find("no model 'iron'"), std::string::npos);
  const auto [no_version, version_message] = compare("price", "2026-01-02.1", "2026-01-02.9");
  EXPECT_EQ(no_version, 404);
  EXPECT_NE(message(version_message).find("'2026-01-02.9'"), std::string::npos);
  const auto [same, same_message] = compare("price", "2026-01-02.1", "2026-01-02.1");
  EXPECT_EQ(same, 422) << json::serialize(same_message);
  EXPECT_NE(message(same_message).find("itself"), std::string::npos);
  // Of others nobody learns anything.
  EXPECT_EQ(compare("price", "2026-01-02.1", "2026-01-02.2", server.new_organization()).first, 404);
}

} // namespace
