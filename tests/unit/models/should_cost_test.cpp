// From a table of part quotes to a cost with its causes, through a real database.
#include "models/part_cost_training.hpp"
#include "models/part_form.hpp"
#include "models/should_cost_routes.hpp"
#include "sample_market.hpp"
#include "support/api_call.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

using namespace pricing;
using namespace pricing::models;
namespace json = boost::json;

namespace {

// Cut and bent: metal by length, twice as dear in steel; a nut costs 3; set-up of 40 shared by the quantity.
std::string workshop(int parts) {
  std::mt19937_64 random(5);
  std::string out = "Part,Supplier,Date,Quantity,Length,Material,Bill,Cost\n";
  for (int i = 0; i < parts; ++i) {
    const int length = 50 + static_cast<int>(random() % 400);
    const bool steel = random() % 2 == 0;
    const int nuts = static_cast<int>(random() % 3);
    for (const int quantity : {1, 10, 100}) {
      const double cost = 0.02 * length * (steel ? 2 : 1) + 3.0 * nuts + 40.0 / quantity;
      out += fmt::format("P-{},S-{},2024-05-{:02},{},{},{},{},\"{:.2f}\"\n", i, i % 3, 1 + i % 28, quantity, length,
                         steel ? "steel" : "brass", nuts > 0 ? fmt::format("NUT*{}", nuts) : "", cost);
    }
  }
  return out;
}

result<part_table> read(const std::string& text) {
  return read_part_table({{}, std::make_shared<const std::string>(text)});
}

TEST(part_table, tells_measures_labels_bills_and_terms_apart) {
  const auto t = read("PART NO;unit price;Qty;Length;Material;bill;Annual usage\n"
                      "A;\"1,200.50\";5;12.5;steel;NUT*2 | CAP;100\n"
                      "A;$900;10;99;brass;;\n"
                      "B;7;;;brass;;\n"
                      ";7;1;1;steel;;\n"
                      "C;free;1;1;steel;;\n");
  ASSERT_TRUE(t) << t.error().message;
  EXPECT_EQ(t->measures, std::vector<std::string>{"Length"});
  EXPECT_EQ(t->labels, std::vector<std::string>{"Material"});
  EXPECT_EQ(t->left_out, 2U);
  EXPECT_EQ(t->left_out_rows.at(1), "row 6 has no price above zero");
  ASSERT_EQ(t->quotes.size(), 3U);
  EXPECT_EQ(t->quotes[0].unit_cost, 1'200.5);
  EXPECT_EQ(t->quotes[0].annual_usage, 100);
  EXPECT_EQ(t->quotes[1].quantity, 10);
  EXPECT_EQ(t->quotes[2].quantity, 1);
  const auto& a = t->catalog.parts.at("A");
  EXPECT_EQ(a.labels, std::vector<std::string>{"Material=steel"}); // of its first row
  EXPECT_EQ(a.measures.at(0).second, 12.5);
  ASSERT_EQ(a.bill.size(), 2U);
  EXPECT_EQ(a.bill[0].component, "NUT");
  EXPECT_EQ(a.bill[0].quantity, 2);
  EXPECT_EQ(a.bill[1].component, "CAP");
  EXPECT_TRUE(t->catalog.parts.at("B").measures.empty());
}

TEST(part_form, tells_what_is_usual_and_gives_an_example) {
  std::string text = "Part;Vendor;Cost;Qty;Length;Grade=DIN;Bill\n";
  for (int i = 1; i <= 100; ++i)
    text +=
        fmt::format("P{:03};S{};5;1;{};{};{}\n", i, i % 3, i, i % 4 == 0 ? "A=1" : "B", i % 10 == 0 ? "NUT*2;NUT" : "");
  text += "P050;S2;4;10;50;B;\n";
  const auto table = read(text).value();
  const auto form = form_of(table);
  ASSERT_EQ(form.terms.size(), 5U);
  EXPECT_EQ(form.terms[1].column, "Vendor");
  EXPECT_EQ(form.terms[1].means, "supplier");
  ASSERT_EQ(form.measures.size(), 1U);
  EXPECT_EQ(form.measures[0].parts, 100);
  EXPECT_EQ(form.measures[0].low, 6);
  EXPECT_EQ(form.measures[0].usual, 51);
  EXPECT_EQ(form.measures[0].high, 95);
  ASSERT_EQ(form.labels.size(), 1U);
  EXPECT_EQ(form.labels[0].name, "Grade=DIN");
  ASSERT_EQ(form.labels[0].values.size(), 2U);
  EXPECT_EQ(form.labels[0].values[0].value, "B");
  EXPECT_EQ(form.labels[0].values[0].parts, 75);
  EXPECT_EQ(form.labels[0].values[1].value, "A=1");
  EXPECT_EQ(form.components.at(0).parts, 10); // named twice in a bill, once a part
  EXPECT_EQ(form.suppliers.size(), 3U);
  ASSERT_TRUE(form.example);
  EXPECT_EQ(form.example->part, "P050"); // the only one with a break
  EXPECT_EQ(form.example->quantities, (std::vector<double>{1, 10}));
  EXPECT_EQ(form.example->facts.at(0).value, "50");
  EXPECT_EQ(form.example->facts.at(1).name, "Grade=DIN");
  EXPECT_FALSE(form.labels[0].more);
  // As it is kept and read again.
  EXPECT_EQ(wire::encode(wire::decode_json<part_form>(wire::encode(form)).value()), wire::encode(form));
}

TEST(part_form, keeps_the_most_frequent_words_of_many) {
  std::string text = "part,price,colour\n";
  for (int i = 0; i < 300; ++i)
    text += fmt::format("P{0},1,c{1}\n", i, i < 10 ? 0 : i);
  const auto form = form_of(read(text).value());
  EXPECT_EQ(form.labels.at(0).values.size(), form_values_max);
  EXPECT_TRUE(form.labels[0].more);
  EXPECT_EQ(form.labels[0].values[0].value, "c0");
  EXPECT_EQ(form.labels[0].parts, 300);
}

TEST(part_table, says_what_a_table_lacks) {
  const auto t = read("name,length\nA,1\n");
  ASSERT_FALSE(t);
  EXPECT_EQ(t.error().details.size(), 2U);
  EXPECT_FALSE(read("part,price\nA,1\n"));                 // nothing about the parts
  EXPECT_FALSE(read("part,price,length\nA,none,1\n"));     // no row that can be read
  EXPECT_FALSE(read(std::string("\x89PNG\r\n\x1a\n", 8))); // no table
}

class should_cost_test : public testing::Test {
 protected:
  std::int64_t add_table(const std::string& text) {
    const auto key = storage::content_key("part-tables", text);
    objects.put(key, text).value();
    session.begin(organization);
    const auto id = session
                        .query<std::int64_t>("insert into part_tables (organization_id, name, object_key, sha256, "
                                             "currency, quotes, parts, suppliers, left_out, measures, labels) values "
                                             "($1, 'quotes.csv', $2, $3, 'USD', 1, 1, 1, 0, '{}', '{}') returning id",
                                             organization, key, key.substr(key.rfind('/') + 1))
                        .at(0);
    session.commit();
    return id;
  }
  // pricing-ml's route.
  std::pair<int, json::value> ask(const std::string& body) {
    return test::call(server.app_url(),
                      [this](postgres::pool& p) { return std::vector{should_cost_route(p, models, cpu, clock_)}; },
                      "prediction.read", organization, {http::method::post, "/api/v1/should-cost", {}, body});
  }
  static double number(const json::value& text) { return decimal::parse(text.as_string()).value().to_double(); }

  test::postgres_server& server = test::postgres_server::instance();
  const organization_id organization = server.new_organization();
  postgres::session session{server.app_url()};
  test::temporary_folder folder;
  storage::folder_store objects{folder.path};
  part_cost_cache models{objects};
  net::cpu_pool cpu{1, 8};
  system_clock clock_;
};

TEST_F(should_cost_test, learns_a_table_and_answers_with_an_interval_and_causes) {
  EXPECT_EQ(train_part_costs(session, objects, organization).error().code, errc::invalid_input);
  EXPECT_EQ(ask(R"({"facts":[{"name":"Length","value":"200"}]})").first, 404);
  add_table(workshop(150));
  std::vector<double> shares;
  const auto trained = train_part_costs(session, objects, organization,
                                        [&](std::string_view, double share) { shares.push_back(share); });
  EXPECT_GT(shares.size(), 10U); // each booster is told
  EXPECT_TRUE(std::ranges::is_sorted(shares));
  EXPECT_EQ(shares.back(), 1);
  ASSERT_TRUE(trained) << trained.error().message;
  EXPECT_TRUE(trained->promoted);
  EXPECT_LT(trained->rmsle, 0.5 * trained->rmsle_usual);

  const auto [status, answer] = ask(
      R"({"facts":[{"name":"Length","value":"200"},{"name":"Material","value":"steel"},{"name":"Colour","value":"red"}],)"
      R"("bill":[{"component":"NUT","quantity":2}],"on":"2024-06-01","quantities":["1","10","100"]})");
  ASSERT_EQ(status, 200) << json::serialize(answer);
  EXPECT_EQ(answer.at("model_version").as_string(), trained->version);
  EXPECT_EQ(answer.at("snapshot").as_string().size(), 64U);
  EXPECT_EQ(answer.at("currency"), "USD");
  EXPECT_EQ(answer.at("unknown"), json::array{"Colour=red"});
  const auto& costs = answer.at("costs").as_array();
  ASSERT_EQ(costs.size(), 3U);
  EXPECT_GT(number(costs[0].at("cost")), 1.5 * number(costs[2].at("cost"))); // 54 and 14.4
  for (const auto& c : costs) {
    EXPECT_LE(number(c.at("low90")), number(c.at("cost")));
    EXPECT_GE(number(c.at("high90")), number(c.at("cost")));
    EXPECT_LT(number(c.at("low90")), number(c.at("high90")));
    decimal sum = decimal::parse(c.at("base").as_string()).value();
    for (const auto& d : c.at("drivers").as_array())
      sum = sum + decimal::parse(d.at("money").as_string()).value();
    EXPECT_EQ(sum.to_string(), c.at("cost").as_string());
  }
  // Nothing can be told of nothing, and a measure must be a number.
  EXPECT_EQ(ask("{}").first, 422);
  EXPECT_EQ(ask(R"({"facts":[{"name":"Length","value":"long"}]})").first, 422);
}

TEST_F(should_cost_test, answers_from_the_newest_model_at_once) {
  const std::string body = R"({"facts":[{"name":"Length","value":"200"}],"on":"2024-06-01"})";
  add_table(workshop(60));
  ASSERT_TRUE(train_part_costs(session, objects, organization)->promoted);
  const auto before = ask(body).second;
  EXPECT_EQ(ask(body).second, before);
  add_table(workshop(90));
  const auto trained = train_part_costs(session, objects, organization).value();
  ASSERT_TRUE(trained.promoted);
  const auto after = ask(body).second;
  EXPECT_EQ(after.at("model_version").as_string(), trained.version);
  EXPECT_NE(after.at("snapshot"), before.at("snapshot"));
}

TEST_F(should_cost_test, shows_the_table_and_the_model_in_use) {
  const auto routes = [this](postgres::pool& p) { return part_table_routes(p, objects, cpu); };
  auto [status, state] = test::get(server.app_url(), routes, "model.read", organization, "/api/v1/should-cost");
  EXPECT_EQ(status, 200);
  EXPECT_TRUE(state.at("versions").as_array().empty());
  const auto id = add_table(workshop(60));
  train_part_costs(session, objects, organization).value();
  state = test::get(server.app_url(), routes, "model.read", organization, "/api/v1/should-cost").second;
  EXPECT_EQ(state.at("table").at("id").to_number<std::int64_t>(), id);
  EXPECT_EQ(state.at("model").at("state"), "promoted");
  EXPECT_GT(state.at("model").at("metrics").at("rmsle").to_number<double>(), 0);
  EXPECT_FALSE(state.at("model").at("metrics").as_object().contains("form"));
  EXPECT_EQ(state.at("form").at("measures").at(0).at("name"), "Length");
  EXPECT_EQ(state.at("form").at("labels").at(0).at("values").as_array().size(), 2U);
  EXPECT_EQ(state.at("form").at("components").at(0).at("value"), "NUT");
  // A model of before forms were kept.
  session.begin(organization);
  session.execute("update part_cost_models set metrics = metrics - 'form' where organization_id = $1", organization);
  session.commit();
  state = test::get(server.app_url(), routes, "model.read", organization, "/api/v1/should-cost").second;
  EXPECT_TRUE(state.at("form").is_null());
  EXPECT_EQ(state.at("model").at("state"), "promoted");
  // Nothing is known of how a table was read that was taken before that was kept.
  const auto reading = test::get(server.app_url(), routes, "model.read", organization,
                                 "/api/v1/should-cost/tables/" + std::to_string(id));
  EXPECT_EQ(reading.first, 200);
  EXPECT_EQ(reading.second.at("table"), state.at("table"));
  EXPECT_TRUE(reading.second.at("left_out_rows").is_null());
  EXPECT_TRUE(reading.second.at("terms").is_null());
  // Another organization sees none of it.
  const auto other = server.new_organization();
  EXPECT_TRUE(test::get(server.app_url(), routes, "model.read", other, "/api/v1/should-cost")
                  .second.at("versions")
                  .as_array()
                  .empty());
}

TEST_F(should_cost_test, keeps_why_rows_of_a_table_were_left_out) {
  const auto routes = [this](postgres::pool& p) { return part_table_routes(p, objects, cpu); };
  // Takes a table, and asks for it again.
  const auto take = [&](const std::string& text) {
    const auto path = folder.path / "body.csv";
    std::ofstream(path) << text;
    const auto [status, taken] =
        test::call(server.app_url(), routes, "model.manage", organization,
                   {http::method::post, "/api/v1/should-cost/tables", {{"name", "parts.csv"}}, {}, path.string()});
    EXPECT_EQ(status, 201) << json::serialize(taken);
    auto again = test::get(server.app_url(), routes, "model.read", organization,
                           "/api/v1/should-cost/tables/" + json::serialize(taken.at("table").at("id")));
    EXPECT_EQ(again.first, 200);
    for (const char* same : {"table", "terms", "left_out_rows"})
      EXPECT_EQ(again.second.at(same), taken.at(same)) << same;
    return again.second;
  };
  const auto few = take("part,price,length\nA,1,2\n,1,2\nB,free,2\n");
  EXPECT_EQ(few.at("left_out_rows"), (json::array{"row 3 names no part", "row 4 has no price above zero"}));
  EXPECT_EQ(few.at("terms").at(1).at("means"), "price");
  EXPECT_EQ(take("part,price,length\nA,1,2\n").at("left_out_rows"), json::array());

  std::string many = "part,price,length\nA,1,2\n";
  for (int i = 0; i < 1000; ++i)
    many += "B,0,2\n";
  const auto most = take(many);
  EXPECT_EQ(most.at("table").at("left_out"), 1000);
  EXPECT_EQ(most.at("left_out_rows").as_array().size(), left_out_rows_max);

  const auto path = "/api/v1/should-cost/tables/" + json::serialize(most.at("table").at("id"));
  EXPECT_EQ(test::get(server.app_url(), routes, "model.read", server.new_organization(), path).first, 404);
  EXPECT_EQ(test::get(server.app_url(), routes, "model.read", organization, "/api/v1/should-cost/tables/0").first, 422);
}

} // namespace
