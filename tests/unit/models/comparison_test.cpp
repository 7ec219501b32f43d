// Two versions of a model side by side: what is better, what differs, why one is in use.
#include "models/comparison.hpp"
#include "models/models_routes.hpp"
#include "models/part_cost_training.hpp"
#include "sample_market.hpp"
#include "support/api_call.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace pricing;
using namespace pricing::models;
namespace json = boost::json;

namespace {

model_record version(const std::string& name, const std::string& state, const std::string& metrics,
                     const std::string& parameters = "{}") {
  model_record out;
  out.version = name;
  out.state = state;
  out.metrics = json::parse(metrics);
  out.parameters = json::parse(parameters);
  return out;
}

const compared_figure& figure(const model_comparison& c, const std::string& name) {
  const auto at = std::ranges::find(c.figures, name, &compared_figure::name);
  if (at == c.figures.end())
    throw std::runtime_error("no figure " + name);
  return *at;
}

constexpr const char* good = R"({"low_ours":0.10,"median_ours":0.09,"low_last_price":0.21,"median_last_price":0.2,
  "low_trailing_median":0.18,"median_trailing_median":0.15,"within_20_ours":0.8,"coverage_90":0.93,"lines":100,
  "own":7,"categories":[{"name":"Pipe","lines":60,"mdape":0.1,"coverage":0.85},
                        {"name":"Curb","lines":90,"mdape":0.2,"coverage":0.91}]})";
constexpr const char* bad = R"({"low_ours":0.12,"median_ours":0.09,"low_last_price":0.11,"median_last_price":0.2,
  "low_trailing_median":0.18,"median_trailing_median":0.15,"within_20_ours":0.7,"coverage_90":0.88,"lines":120,
  "coverage_50":null,"categories":[{"name":"Pipe","lines":70,"mdape":0.08,"coverage":0.89},7,{"lines":3}]})";

TEST(compare_versions, says_which_is_better_in_the_sense_of_each_figure) {
  const auto c = compare_versions(model_kind::price, version("a", "promoted", good), version("b", "rejected", bad));
  EXPECT_EQ(c.name, "price");
  EXPECT_EQ(figure(c, "low_ours").best, "left"); // a lower error
  EXPECT_NEAR(figure(c, "low_ours").difference.value(), 0.02, 1e-12);
  EXPECT_EQ(figure(c, "median_ours").best, "equal");
  EXPECT_EQ(figure(c, "within_20_ours").best, "left"); // a higher share
  EXPECT_EQ(figure(c, "coverage_90").best, "right");   // nearer to 90 %
  EXPECT_FALSE(figure(c, "lines").best);               // neither good nor bad
  EXPECT_EQ(figure(c, "lines").difference, 20);
  EXPECT_FALSE(figure(c, "own").best); // nothing is known of it
  EXPECT_FALSE(figure(c, "own").right);
  EXPECT_TRUE(figure(c, "low_last_price").baseline);
  EXPECT_EQ(figure(c, "low_last_price").label, "Typical error, to the lowest bid, last price");
  EXPECT_EQ(c.figures.front().name, "low_ours"); // what people look at first
  EXPECT_TRUE(c.figures.back().baseline);
}

TEST(compare_versions, holds_categories_against_each_other_where_there_are_any) {
  const auto c = compare_versions(model_kind::price, version("a", "promoted", good), version("b", "rejected", bad));
  ASSERT_EQ(c.categories.size(), 2U);
  EXPECT_EQ(c.categories[0].name, "Pipe"); // the only one of both
  EXPECT_EQ(c.categories[0].best_error, "right");
  EXPECT_EQ(c.categories[0].best_coverage, "right");
  EXPECT_FALSE(c.categories[1].right_lines);
  EXPECT_FALSE(c.categories[1].best_error);
  EXPECT_TRUE(compare_versions(model_kind::price, version("a", "promoted", "{}"), version("b", "rejected", "null"))
                  .categories.empty());
}

TEST(compare_versions, puts_the_largest_difference_of_the_error_first) {
  const auto c = compare_versions(model_kind::price, version("a", "promoted", R"({"categories":[
                                    {"name":"Pipe","lines":900,"mdape":0.20},{"name":"Curb","lines":40,"mdape":0.30}]})"),
                                  version("b", "rejected", R"({"categories":[
                                    {"name":"Curb","lines":41,"mdape":0.25},{"name":"Pipe","lines":900,"mdape":0.21},
                                    {"name":"Rail","lines":5000,"mdape":0.9}]})"));
  ASSERT_EQ(c.categories.size(), 3U);
  EXPECT_EQ(c.categories[0].name, "Curb");
  EXPECT_EQ(c.categories[1].name, "Pipe");
  EXPECT_EQ(c.categories[2].name, "Rail");
}

TEST(compare_versions, knows_whether_the_same_test_lines_judged_both) {
  auto left = version("a", "retired", R"({"lines":100})");
  auto right = version("b", "promoted", R"({"lines":100})");
  const auto same = [&] { return compare_versions(model_kind::price, left, right).same_test_lines; };
  EXPECT_FALSE(same().has_value()); // no snapshot was kept
  left.snapshot = right.snapshot = "one";
  EXPECT_EQ(same(), true);
  right.snapshot = "other"; // as many lines, of other data: nobody knows
  EXPECT_FALSE(same().has_value());
  right.snapshot = "one";
  right.metrics = json::parse(R"({"lines":90})"); // another rule for test lines
  EXPECT_EQ(same(), false);
  right.metrics = json::parse("{}");
  EXPECT_FALSE(same().has_value());
}

TEST(compare_versions, shows_which_parameters_and_features_differ) {
  auto left = version("a", "retired", good, R"({"depth":7,"rounds":110,"gone":0.12})");
  auto right = version("b", "promoted", good, R"({"depth":8,"rounds":110,"note":"x"})");
  EXPECT_FALSE(compare_versions(model_kind::price, left, right).features.known);
  left.features = {"b", "a", "c"};
  right.features = {"c", "d", "a"};
  left.snapshot = right.snapshot = "one";
  const auto c = compare_versions(model_kind::price, left, right);
  ASSERT_EQ(c.parameters.size(), 4U);
  EXPECT_EQ(c.parameters[0].name, "depth");
  EXPECT_EQ(c.parameters[0].right, "8");
  EXPECT_TRUE(c.parameters[0].differs);
  EXPECT_TRUE(c.parameters[1].differs); // gone
  EXPECT_EQ(c.parameters[1].left, "0.12");
  EXPECT_FALSE(c.parameters[3].differs);
  EXPECT_EQ(c.features.shared, 2);
  EXPECT_EQ(c.features.only_left, std::vector<std::string>{"b"});
  EXPECT_EQ(c.features.only_right, std::vector<std::string>{"d"});
  EXPECT_TRUE(c.same_data);
  left.snapshot = right.snapshot = "";
  EXPECT_FALSE(compare_versions(model_kind::price, left, right).same_data); // not known to be
}

TEST(why_in_use, gives_the_figures_that_decided) {
  EXPECT_EQ(why_in_use(model_kind::price, version("a", "promoted", good)),
            "In use: its typical error to the lowest bid is 10.0 %, that of the last price 21.0 % and of the trailing "
            "median 18.0 %; to the middle bid 9.0 %, 20.0 % and 15.0 %");
  EXPECT_EQ(why_in_use(model_kind::price, version("b", "rejected", bad)),
            "Not taken: its typical error to the lowest bid, 12.0 %, is not below that of the last price, 11.0 %");
  EXPECT_NE(why_in_use(model_kind::price, version("c", "retired", "{}")).find("were not kept"), std::string::npos);
  EXPECT_EQ(why_in_use(model_kind::part_cost,
                       version("d", "rejected", R"({"rmsle":0.9,"rmsle_usual":0.8,"tested_quotes":40})")),
            "Not taken: on parts that it had not seen it is off by 0.900 (root mean square of the log), the usual cost "
            "by 0.800");
  EXPECT_NE(why_in_use(model_kind::part_cost, version("e", "rejected", R"({"rmsle":0,"rmsle_usual":0})"))
                .find("could not be tested"),
            std::string::npos);
}

class compare_route_test : public testing::Test {
 protected:
  std::pair<int, json::value> compare(organization_id o, const std::string& name, const std::string& left,
                                      const std::string& right, const std::string& permission = "model.read") const {
    return test::get(server.app_url(), models_routes, permission, o, "/api/v1/models/" + name + "/compare",
                     {{"left", left}, {"right", right}});
  }
  void add(organization_id o, const std::string& name, const std::string& state, const std::string& metrics,
           const std::string& parameters) const {
    postgres::session session(server.app_url());
    session.begin(o);
    session.execute("insert into models (organization_id, version, state, object_key, sha256, snapshot_hash, "
                    "trained_until, metrics, parameters) values ($1, $2, $3, 'k', '', 'snap', '2026-01-01', $4, $5)",
                    o, name, state, json::parse(metrics), json::parse(parameters));
    session.commit();
  }
  test::postgres_server& server = test::postgres_server::instance();
};

TEST_F(compare_route_test, answers_for_versions_of_the_price_model) {
  const auto o = server.new_organization();
  add(o, "v1", "retired", good, R"({"depth":7,"features":["a","b"]})");
  add(o, "v2", "promoted", bad, R"({"depth":7,"features":["b"]})");
  const auto [status, c] = compare(o, "price", "v1", "v2");
  ASSERT_EQ(status, 200) << json::serialize(c);
  EXPECT_EQ(c.at("left").at("version"), "v1"); // in the order that was asked for
  EXPECT_EQ(c.at("right").at("state"), "promoted");
  EXPECT_EQ(c.at("left").at("trained_until"), "2026-01-01");
  EXPECT_TRUE(c.at("same_data").as_bool());
  EXPECT_EQ(c.at("categories").as_array().size(), 2U);
  EXPECT_EQ(c.at("features").at("only_left").at(0), "a");
  EXPECT_EQ(c.at("parameters").as_array().size(), 1U); // features are no parameter
  EXPECT_EQ(compare(o, "price", "v2", "v1").second.at("left").at("version"), "v2");
}

TEST_F(compare_route_test, refuses_what_it_does_not_know) {
  const auto o = server.new_organization();
  add(o, "v1", "promoted", "{}", "{}");
  const auto [status, answer] = compare(o, "price", "v1", "v9");
  EXPECT_EQ(status, 404);
  EXPECT_NE(json::value_to<std::string>(answer.at("message")).find("'v9'"), std::string::npos);
  EXPECT_EQ(compare(o, "price", "'; drop table models; --", "v1").first, 404);
  EXPECT_EQ(compare(o, "price", "v1", "v1").first, 422);
  EXPECT_EQ(compare(o, "price", "", "v1").first, 422);
  EXPECT_EQ(compare(o, "price", std::string(101, 'x'), "v1").first, 422);
  EXPECT_EQ(compare(o, "weather", "v1", "v2").first, 404);
  add(o, "v2", "rejected", "{}", "{}");
  EXPECT_EQ(compare(o, "price", "v1", "v2").first, 200);                         // without any figures
  EXPECT_EQ(compare(server.new_organization(), "price", "v1", "v2").first, 404); // of somebody else
}

TEST_F(compare_route_test, answers_for_versions_of_the_part_cost_model) {
  const auto o = server.new_organization();
  postgres::session session(server.app_url());
  session.begin(o);
  for (const auto& [table, measure] : {std::pair("one", "Length"), std::pair("two", "Weight")})
    session.execute("with t as (insert into part_tables (organization_id, name, object_key, sha256, currency, quotes, "
                    "parts, suppliers, left_out, measures, labels) values ($1, $2, 'k', $2, 'USD', 9, 9, 1, 0, "
                    "array[$3], '{Material}') returning id) insert into part_cost_models (organization_id, version, "
                    "state, table_id, object_key, sha256, metrics) select $1, $2, 'retired', id, 'k', 'k', "
                    "'{\"rmsle\": 0.3, \"rmsle_usual\": 0.9, \"tested_quotes\": 9, \"form\": {}}' from t",
                    o, std::string(table), std::string(measure));
  session.commit();
  const auto [status, c] = compare(o, "part-cost", "one", "two");
  ASSERT_EQ(status, 200) << json::serialize(c);
  EXPECT_FALSE(c.at("same_data").as_bool());
  EXPECT_EQ(c.at("features").at("shared"), 1);
  EXPECT_EQ(c.at("features").at("only_right").at(0), "Weight");
  EXPECT_EQ(c.at("figures").at(0).at("best"), "equal");
  EXPECT_EQ(compare(o, "price", "one", "two").first, 404);
}

} // namespace
