// Two versions of a model side by side: what is better, what differs, why one is in use.
#include "models/comparison.hpp"
#include "models/comparison_routes.hpp"
#include "support/api_call.hpp"
#include "support/postgres_server.hpp"
#include "unit/serving/sample_models.hpp"

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

TEST(compare_versions, shows_which_parameters_differ) {
  auto left = version("a", "retired", good, R"({"depth":7,"rounds":110,"gone":0.12})");
  auto right = version("b", "promoted", good, R"({"depth":8,"rounds":110,"note":"x"})");
  left.snapshot = right.snapshot = "one";
  const auto c = compare_versions(model_kind::price, left, right);
  ASSERT_EQ(c.parameters.size(), 4U);
  EXPECT_EQ(c.parameters[0].name, "depth");
  EXPECT_EQ(c.parameters[0].right, "8");
  EXPECT_TRUE(c.parameters[0].differs);
  EXPECT_TRUE(c.parameters[1].differs); // gone
  EXPECT_EQ(c.parameters[1].left, "0.12");
  EXPECT_FALSE(c.parameters[3].differs);
  EXPECT_TRUE(c.same_data);
  left.snapshot = right.snapshot = "";
  EXPECT_FALSE(compare_versions(model_kind::price, left, right).same_data); // not known to be
}

std::vector<std::string> listed(const compared_features& features) {
  std::vector<std::string> out;
  for (const auto& f : features.list)
    out.push_back(f.change + " " + f.name + (f.kind.empty() ? "" : " (" + f.kind + ")"));
  return out;
}

TEST(compare_versions, says_which_features_were_added_removed_and_kept) {
  auto left = version("a", "retired", good), right = version("b", "promoted", good);
  const auto features = [&] { return compare_versions(model_kind::price, left, right).features; };
  EXPECT_FALSE(features().known);
  left.features =
      json::parse(R"([{"name":"b","kind":"market"},{"name":"a","kind":"season"},{"name":"c","kind":"season"}])");
  EXPECT_FALSE(features().known); // of one side only
  for (const char* none : {"[]", "{}", "\"a\"", "[7, null]"}) {
    right.features = json::parse(none);
    EXPECT_FALSE(features().known) << none;
  }
  right.features =
      json::parse(R"([{"name":"c","kind":"market"},{"name":"d","kind":"quantity"},{"name":"a","kind":"season"}])");
  const auto f = features();
  EXPECT_TRUE(f.known);
  EXPECT_EQ(f.added, 2);
  EXPECT_EQ(f.removed, 2);
  EXPECT_EQ(f.kept, 1);
  EXPECT_EQ(listed(f), (std::vector<std::string>{"added c (market)", "added d (quantity)", "removed b (market)",
                                                 "removed c (season)", "kept a (season)"}));
  left.features = json::parse(R"(["a", "c"])"); // kept without kinds
  EXPECT_EQ(listed(features()), (std::vector<std::string>{"added d", "kept a", "kept c"}));
}

TEST(compare_versions, lists_no_more_features_than_people_read) {
  auto left = version("a", "retired", good), right = version("b", "promoted", good);
  json::array many;
  for (int i = 0; i < 1200; ++i)
    many.emplace_back(fmt::format("f{}", i));
  left.features = many;
  many.emplace_back("new");
  right.features = many;
  const auto f = compare_versions(model_kind::price, left, right).features;
  EXPECT_EQ(f.kept, 1200);
  EXPECT_EQ(f.list.size(), features_listed_max);
  EXPECT_EQ(f.list.front().name, "new");
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
    const auto routes = [&](postgres::pool& database) {
      return std::vector{compare_route({database, objects, cpu, signer, settings})};
    };
    return test::get(server.app_url(), routes, permission, o, "/api/v1/models/" + name + "/compare",
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
  test::temporary_folder folder;
  mutable storage::folder_store objects{folder.path};
  mutable net::cpu_pool cpu{1, 8};
  const serving::manifest_signer signer{std::string(32, 's')};
  serving::config settings;
};

TEST_F(compare_route_test, answers_for_versions_of_the_price_model) {
  const auto o = server.new_organization();
  add(o, "v1", "retired", good,
      R"({"depth":7,"features":[{"name":"a","kind":"season"},{"name":"b","kind":"market"}]})");
  add(o, "v2", "promoted", bad, R"({"depth":7,"features":[{"name":"b","kind":"market"}]})");
  const auto [status, c] = compare(o, "price", "v1", "v2");
  ASSERT_EQ(status, 200) << json::serialize(c);
  EXPECT_EQ(c.at("left").at("version"), "v1"); // in the order that was asked for
  EXPECT_EQ(c.at("right").at("state"), "promoted");
  EXPECT_EQ(c.at("left").at("trained_until"), "2026-01-01");
  EXPECT_TRUE(c.at("same_data").as_bool());
  EXPECT_EQ(c.at("categories").as_array().size(), 2U);
  const auto& features = c.at("features");
  EXPECT_EQ(features.at("removed"), 1);
  EXPECT_EQ(features.at("list").at(0).at("name"), "a");
  EXPECT_EQ(features.at("list").at(0).at("change"), "removed");
  EXPECT_EQ(features.at("list").at(1).at("kind"), "market");
  EXPECT_EQ(c.at("parameters").as_array().size(), 1U); // features are no parameter
  EXPECT_EQ(compare(o, "price", "v2", "v1").second.at("left").at("version"), "v2");
  add(o, "v0", "retired", good, R"({"depth":7})"); // of an older version of the product
  EXPECT_FALSE(compare(o, "price", "v0", "v2").second.at("features").at("known").as_bool());
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
  const auto& features = c.at("features");
  EXPECT_EQ(features.at("kept"), 1);
  EXPECT_EQ(features.at("list").at(0).at("name"), "Weight");
  EXPECT_EQ(features.at("list").at(0).at("kind"), "measure");
  EXPECT_EQ(features.at("list").at(1).at("name"), "Length");
  EXPECT_EQ(c.at("figures").at(0).at("best"), "equal");
  EXPECT_EQ(compare(o, "price", "one", "two").first, 404);
}

TEST_F(compare_route_test, answers_for_versions_of_an_uploaded_model) {
  const auto o = server.new_organization();
  postgres::session session(server.app_url());
  const auto upload = [&](const std::string& file, const std::string& metadata) {
    return test::add_version(session, objects, signer, o, "steel", file, json::parse(metadata).as_object());
  };
  upload(test::step_model(1, 2), R"({"metrics":{"mdape":0.3},"snapshot":"s"})");
  upload(test::step_model(1, 3), R"({"metrics":{"mdape":0.2},"snapshot":"s"})");
  const auto promote = [&](int version) {
    session.begin(o);
    session.query<std::string>("select name from promote_served_model('steel', $1, $2)", version,
                               std::optional<std::int64_t>());
    session.commit();
  };
  promote(1), promote(2);
  session.begin(o);
  session.query<std::string>("select name from roll_back_served_model('steel', null)");
  session.commit();

  const auto [status, c] = compare(o, "steel", "1", "2");
  ASSERT_EQ(status, 200) << json::serialize(c);
  EXPECT_EQ(c.at("name"), "steel");
  EXPECT_EQ(c.at("left").at("state"), "promoted");
  EXPECT_EQ(c.at("right").at("state"), "retired");
  EXPECT_TRUE(c.at("right").at("promotions").at(0).at("undone_at").is_string());
  EXPECT_TRUE(c.at("left").at("promotions").at(0).at("undone_at").is_null());
  EXPECT_EQ(c.at("left").at("file").at("trees"), 1);
  EXPECT_EQ(c.at("left").at("file").at("depth"), 1);
  EXPECT_NE(c.at("left").at("file").at("sha256"), c.at("right").at("file").at("sha256"));
  EXPECT_EQ(c.at("features").at("kept"), 2);
  EXPECT_EQ(c.at("features").at("list").at(0).at("name"), "a"); // the one that is used
  EXPECT_EQ(c.at("features").at("list").at(0).at("left").at("splits"), 1);
  EXPECT_TRUE(c.at("answers").is_null()); // nobody is a shadow
  EXPECT_TRUE(c.at("same_data").as_bool());

  EXPECT_EQ(compare(o, "steel", "2", "2").first, 422);
  for (const char* none : {"3", "0", "-1", "1.0", "1 ", "one", "99999999999999999999"}) {
    const auto [refused, why] = compare(o, "steel", "1", none);
    EXPECT_EQ(refused, 404) << none;
    EXPECT_NE(json::value_to<std::string>(why.at("message")).find("no version '" + std::string(none) + "'"),
              std::string::npos);
  }
  EXPECT_EQ(compare(server.new_organization(), "steel", "1", "2").first, 404); // of somebody else
}

TEST_F(compare_route_test, says_nothing_of_uploaded_files_that_were_changed) {
  const auto o = server.new_organization();
  postgres::session session(server.app_url());
  const std::string file = test::step_model(4, 5);
  test::add_version(session, objects, signer, o, "steel", file);
  test::add_version(session, objects, signer, o, "steel", test::step_model(6, 7));
  ASSERT_TRUE(objects.put(storage::content_key("models", file), test::step_model(8, 9)));
  const auto [status, answer] = compare(o, "steel", "1", "2");
  EXPECT_EQ(status, 409);
  EXPECT_NE(json::value_to<std::string>(answer.at("message")).find("not the one of its manifest"), std::string::npos);
}

} // namespace
