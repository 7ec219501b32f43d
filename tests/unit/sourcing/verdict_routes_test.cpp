// Verdicts through the router on a real database; the price model is a fixed one, or away.
#include "sourcing/verdict_routes.hpp"

#include "http/router.hpp"
#include "match/normalize.hpp"
#include "postgres/session.hpp"
#include "support/postgres_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <iostream>

using namespace pricing;
using namespace pricing::sourcing;
namespace json = boost::json;

namespace {

using predicted = asio::awaitable<result<models::prediction_response>>;

// Expects 100 for every known item, from 200 comparable prices spread by 0.2.
predicted fixed_model(organization_id, user_id, models::prediction_request r) {
  models::prediction_response out;
  out.model_version = "7";
  for (const auto& line : r.lines) // as the real one does
    if (!line.item_id && match::normalize_item(line.description->value).empty())
      co_return invalid_input("some lines name neither an item nor a description");
  for (const auto& line : r.lines) {
    models::predicted_line p;
    if (line.item_id) {
      p.source = "model";
      p.expected = decimal::parse("100").value();
      p.low90 = decimal::parse("72").value(), p.low50 = decimal::parse("87").value();
      p.high50 = decimal::parse("114").value(), p.high90 = decimal::parse("139").value();
      p.effective_n = 200, p.bids = 300, p.log_scale = 0.2;
      p.reasons = {{"base", "Usual price", decimal::parse("100").value(), 0}};
      for (const auto& price : line.prices) {
        const double z = std::log(price.to_double() / 100) / 0.2;
        p.tails.push_back({std::max(1 / 201., 0.5 * std::erfc(z / std::sqrt(2.))),
                           std::max(1 / 201., 0.5 * std::erfc(-z / std::sqrt(2.))), 200});
      }
    }
    out.lines.push_back(std::move(p));
  }
  co_return out;
}

predicted away(organization_id, user_id, models::prediction_request) {
  co_return error{errc::unavailable, "the price model does not answer"};
}

struct call {
  http::method verb = http::method::get;
  std::string path;
  std::vector<http::name_value> query{};
  std::string body{};
};

class verdict_routes_test : public testing::Test {
 protected:
  // Sixty items "Culvert, Class <n>" in ft with benchmarks at 100 (n = 60), one lump sum, one alias.
  verdict_routes_test() {
    postgres::session root(server.superuser_url());
    root.begin(organization);
    user =
        root.query<std::int64_t>("insert into users (email, name, password_hash) values ('u' || $1 || '@x.org', 'U', "
                                 "'x') returning id",
                                 std::to_string(organization.value))
            .at(0);
    root.commit();
    session.begin(organization);
    session.execute("insert into items (organization_id, name, normalized_name, unit, is_priced) select $1, 'Culvert, "
                    "Class ' || n, 'culvert class ' || n, 'Ft', true from generate_series(1, 60) n",
                    organization);
    session.execute(
        "insert into items (organization_id, name, normalized_name, unit, is_priced) values ($1, "
        "'Mobilization, Max', 'mobilization max', 'LSUM', false), ($1, 'Guardrail, Reinforced, Galvanized', "
        "'guardrail reinforced galvanized', 'Ft', true)",
        organization);
    session.execute("insert into item_aliases (organization_id, item_id, normalized_name, unit) select $1, id, 'tube "
                    "one', 'ft' from items where normalized_name = 'culvert class 1'",
                    organization);
    session.execute("insert into suppliers (organization_id, name, normalized_name) values ($1, 'Rauh, Inc.', 'rauh')",
                    organization);
    session.execute(
        "insert into item_benchmarks (organization_id, item_id, as_of, reference_quantity, slope, q05, q25, "
        "q50, q75, q95, effective_n, newest_on, bids) select $1, id, '2026-01-01', 10, 0, ln(100) - 0.33, "
        "ln(100) - 0.135, ln(100), ln(100) + 0.135, ln(100) + 0.33, 60, '2025-12-01', 80 from items where "
        "normalized_name like 'culvert%'",
        organization);
    session.commit();
  }

  std::pair<int, json::value> ask(call what, predict_function predict = fixed_model,
                                  std::optional<organization_id> caller = {}) const {
    asio::io_context io;
    http::response answer;
    {
      net::cpu_pool cpu(1, 8);
      postgres::config c;
      c.url = server.app_url();
      postgres::pool pool(io, c);
      verdict_service service(pool, cpu, std::move(predict));
      http::hooks hooks;
      hooks.authenticate = [&](const http::request&) -> asio::awaitable<result<http::principal_ptr>> {
        http::principal p;
        p.organization = caller.value_or(organization);
        p.user = {user};
        p.permissions.assign(permissions.begin(), permissions.end());
        co_return std::make_shared<http::principal>(std::move(p));
      };
      const auto router = http::router::create(verdict_routes(service), hooks).value();
      const auto match = router.find(what.verb, what.path);
      if (!match.route)
        throw std::runtime_error("no route for " + what.path);
      http::request request;
      request.verb = what.verb;
      request.path = what.path;
      request.path_params = match.params;
      request.query = what.query;
      request.body = what.body;
      request.body_bytes = what.body.size();
      if (!match.route->options.raw_body)
        request.add_header("Content-Type", "application/json");
      request.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      http::context context{request, *match.route};
      const auto run = [&]() -> asio::awaitable<void> { answer = co_await router.handle(context); };
      asio::co_spawn(io, run(), [&](std::exception_ptr e) {
        EXPECT_FALSE(e);
        io.stop();
      });
      io.run_for(std::chrono::seconds(30));
    }
    io.restart();
    io.run_for(std::chrono::milliseconds(50));
    return {answer.status, answer.content().empty() ? json::value() : json::parse(answer.content())};
  }
  auto post_lines(const json::value& body, predict_function predict = fixed_model) const {
    return ask({http::method::post, "/api/v1/verdicts", {}, json::serialize(body)}, std::move(predict));
  }
  auto post_file(const std::string& bytes, predict_function predict = fixed_model) const {
    return ask({http::method::post, "/api/v1/verdicts/file", {{"file_name", "bids.csv"}}, bytes}, std::move(predict));
  }

  // Items × three bidders and the estimate; the first `dear` lines of "Ranck" cost 1.7 times the expected 100.
  static std::string tabulation(int lines, int dear) {
    std::string out =
        "letting_date,proposal_id,line_num,item_description,unit,quantity,vendor_name,bid_price,vendor_rank\n";
    for (int i = 1; i <= lines; ++i) {
      const std::string start =
          "2026-01-09,P7," + std::to_string(i) + ",\"Culvert, Class " + std::to_string(i) + "\",Ft,10,";
      out += start + "Eng Est,500,0\n" + start + "\"Rauh, Inc.\",98,1\n";
      out += start + "Ranck," + (i <= dear ? "170" : "99") + ",2\n" + start + "Third,104,3\n";
    }
    return out;
  }

  test::postgres_server& server = test::postgres_server::instance();
  const organization_id organization = server.new_organization();
  postgres::session session{server.app_url()};
  std::int64_t user = 0;
  std::vector<std::string> permissions = {"verdict.create", "verdict.read"};
};

TEST_F(verdict_routes_test, tells_the_model_day_and_place) {
  models::prediction_request seen;
  const auto model = [&seen](organization_id o, user_id u, models::prediction_request r) {
    seen = r;
    return fixed_model(o, u, std::move(r));
  };
  const auto body = json::parse(R"({"on":"2026-02-03","place":"North","lines":[{"description":"Pipe","unit":"Ft",)"
                                R"("quantity":"5","prices":[{"supplier":"Rauh","price":"9"}]}]})");
  ASSERT_EQ(post_lines(body, model).first, 201);
  ASSERT_TRUE(seen.place && seen.on);
  EXPECT_EQ(seen.place->value, "North");
  EXPECT_EQ(to_string(*seen.on), "2026-02-03");
}

TEST_F(verdict_routes_test, judges_a_file_of_three_bidders_and_an_estimate) {
  const auto [status, v] = post_file(tabulation(20, 2));
  ASSERT_EQ(status, 201) << json::serialize(v);
  EXPECT_EQ(v.at("name"), "P7");
  EXPECT_EQ(v.at("on"), "2026-01-09");
  EXPECT_EQ(v.at("currency"), "USD");
  EXPECT_EQ(v.at("model_available"), true);
  EXPECT_EQ(v.at("model_version"), "7");
  EXPECT_TRUE(v.at("notice").is_null()) << json::serialize(v.at("notice"));
  ASSERT_EQ(v.at("bidders").as_array().size(), 3U);
  ASSERT_EQ(v.at("lines").as_array().size(), 20U);
  const auto& best = v.at("bidders").at(0);
  EXPECT_EQ(best.at("supplier"), "Rauh, Inc.");
  EXPECT_EQ(best.at("rank"), 1);
  EXPECT_EQ(best.at("total"), "19600");
  EXPECT_EQ(best.at("expected_total"), "20000");
  EXPECT_FALSE(best.at("supplier_id").is_null());
  EXPECT_TRUE(v.at("bidders").at(1).at("supplier_id").is_null());
  const auto& line = v.at("lines").at(0);
  EXPECT_EQ(line.at("line"), "1");
  EXPECT_EQ(line.at("match_score").to_number<double>(), 1);
  EXPECT_EQ(line.at("source"), "model");
  EXPECT_EQ(line.at("quotes").at(1).at("supplier"), "Ranck");
  EXPECT_EQ(line.at("quotes").at(1).at("verdict"), "very_high");
  EXPECT_EQ(line.at("quotes").at(1).at("excess"), "700");
  EXPECT_EQ(line.at("quotes").at(0).at("verdict"), "fair");
  const auto& dear = v.at("bidders").at(2);
  EXPECT_EQ(dear.at("supplier"), "Ranck");
  EXPECT_EQ(dear.at("excess"), "1400");
  EXPECT_EQ(dear.at("unbalanced").at("flags").as_array().size(), 2U);
}

TEST_F(verdict_routes_test, keeps_what_it_judged) {
  const auto v = post_file(tabulation(12, 1)).second;
  const std::string path = "/api/v1/verdicts/" + std::to_string(v.at("id").as_int64());
  const auto [status, again] = ask({http::method::get, path});
  ASSERT_EQ(status, 200);
  EXPECT_EQ(again, v);
  const auto other = server.new_organization();
  EXPECT_EQ(ask({http::method::get, path}, fixed_model, other).first, 404);
  EXPECT_TRUE(ask({http::method::get, "/api/v1/verdicts"}, fixed_model, other).second.at("data").as_array().empty());
  EXPECT_EQ(ask({http::method::get, "/api/v1/verdicts/999999999"}).first, 404);
}

TEST_F(verdict_routes_test, lists_newest_first_in_pages) {
  for (int i = 1; i <= 3; ++i)
    ASSERT_EQ(post_file(tabulation(6, i)).first, 201);
  const auto first = ask({http::method::get, "/api/v1/verdicts", {{"limit", "2"}}}).second;
  ASSERT_EQ(first.at("data").as_array().size(), 2U);
  const auto& newest = first.at("data").at(0);
  EXPECT_EQ(newest.at("lines"), 6);
  EXPECT_EQ(newest.at("worst"), "fair") << "of the best bidder";
  EXPECT_EQ(newest.at("total_excess"), "0");
  const auto second = ask({http::method::get,
                           "/api/v1/verdicts",
                           {{"limit", "2"}, {"cursor", first.at("next_cursor").as_string().c_str()}}})
                          .second;
  ASSERT_EQ(second.at("data").as_array().size(), 1U);
  EXPECT_LT(second.at("data").at(0).at("id").as_int64(), first.at("data").at(1).at("id").as_int64());
  EXPECT_TRUE(second.at("next_cursor").is_null());
  EXPECT_EQ(ask({http::method::get, "/api/v1/verdicts", {{"cursor", "%00"}}}).first, 422);
}

TEST_F(verdict_routes_test, falls_back_to_benchmarks_while_the_model_is_away) {
  const auto [status, v] = post_file(tabulation(20, 2), away);
  ASSERT_EQ(status, 201) << json::serialize(v);
  EXPECT_EQ(v.at("model_available"), false);
  EXPECT_TRUE(v.at("model_version").is_null());
  EXPECT_NE(v.at("notice").as_string().find("not reachable"), json::string::npos);
  const auto& line = v.at("lines").at(0);
  EXPECT_EQ(line.at("source"), "benchmark");
  EXPECT_EQ(line.at("expected"), "100");
  EXPECT_EQ(line.at("quotes").at(1).at("verdict"), "very_high");
  EXPECT_EQ(line.at("quotes").at(0).at("verdict"), "fair");
}

TEST_F(verdict_routes_test, recognizes_lines_by_id_name_alias_and_likeness) {
  session.begin(organization);
  const auto id = session.query<std::int64_t>("select id from items where normalized_name = 'culvert class 2'").at(0);
  session.commit();
  const auto line = [](json::object what, const char* unit) {
    what["unit"] = unit;
    what["quantity"] = "10";
    what["prices"] = json::array{json::object{{"supplier", "A"}, {"price", "100"}}};
    return what;
  };
  const auto [status, v] = post_lines(json::object{
      {"name", "Mixed"},
      {"lines", json::array{line({{"item_id", id}}, ""), line({{"description", "CULVERT,  class 3"}}, "foot"),
                            line({{"description", "Tube one"}}, "Ft"), line({{"description", "Culvert, Class 4"}}, ""),
                            line({{"description", "Guardrail, Reinforced, Galvanised"}}, "Ft"),
                            line({{"description", "Helicopter"}}, "Ea"),
                            line({{"description", "Mobilization, Max"}}, "LSUM")}}});
  ASSERT_EQ(status, 201) << json::serialize(v);
  const auto& lines = v.at("lines").as_array();
  EXPECT_EQ(lines[0].at("item_id"), id);
  EXPECT_EQ(lines[0].at("description"), "Culvert, Class 2");
  EXPECT_EQ(lines[1].at("item_name"), "Culvert, Class 3");
  EXPECT_EQ(lines[1].at("match_score").to_number<double>(), 1);
  EXPECT_EQ(lines[2].at("item_name"), "Culvert, Class 1");
  EXPECT_EQ(lines[3].at("item_name"), "Culvert, Class 4");
  EXPECT_NE(lines[3].at("note").as_string().find("per Ft"), json::string::npos);
  EXPECT_EQ(lines[4].at("item_name"), "Guardrail, Reinforced, Galvanized");
  EXPECT_LT(lines[4].at("match_score").to_number<double>(), 1);
  EXPECT_GE(lines[4].at("match_score").to_number<double>(), 0.75);
  EXPECT_TRUE(lines[5].at("item_id").is_null());
  EXPECT_EQ(lines[5].at("quotes").at(0).at("verdict"), "too_little_data");
  EXPECT_FALSE(lines[5].at("note").as_string().empty());
}

TEST_F(verdict_routes_test, a_line_that_names_nothing_does_not_spoil_the_others) {
  const json::object body{{"text", "-----\tFt\t10\t1\nCulvert, Class 2\tFt\t10\t100\n"}};
  const auto [status, v] = ask({http::method::post, "/api/v1/verdicts/text", {}, json::serialize(body)});
  ASSERT_EQ(status, 201) << json::serialize(v);
  EXPECT_EQ(v.at("model_available"), true);
  EXPECT_EQ(v.at("lines").at(0).at("source"), "none");
  EXPECT_EQ(v.at("lines").at(1).at("source"), "model");
}

TEST_F(verdict_routes_test, says_what_the_model_refused_and_goes_on) {
  const auto refuse = [](organization_id, user_id, models::prediction_request) -> predicted {
    co_return invalid_input("too many lines");
  };
  const auto [status, v] = post_file(tabulation(6, 0), refuse);
  ASSERT_EQ(status, 201);
  EXPECT_NE(v.at("notice").as_string().find("too many lines"), json::string::npos);
  EXPECT_EQ(v.at("lines").at(0).at("source"), "benchmark");
}

TEST_F(verdict_routes_test, judges_pasted_lines) {
  const json::object body{{"text", "Culvert, Class 1\tFt\t10\t$100.00\nCulvert, Class 2\tFt\t10\t$170\n"},
                          {"name", "Desk"}};
  const auto [status, v] = ask({http::method::post, "/api/v1/verdicts/text", {}, json::serialize(body)});
  ASSERT_EQ(status, 201) << json::serialize(v);
  EXPECT_EQ(v.at("name"), "Desk");
  EXPECT_EQ(v.at("lines").at(1).at("quotes").at(0).at("verdict"), "very_high");
  EXPECT_EQ(v.at("bidders").at(0).at("excess"), "700");
  const auto listed = ask({http::method::get, "/api/v1/verdicts"}).second;
  EXPECT_EQ(listed.at("data").at(0).at("total_excess"), "700");
  EXPECT_EQ(listed.at("data").at(0).at("worst"), "very_high");
}

TEST_F(verdict_routes_test, says_what_is_wrong_with_the_input) {
  EXPECT_EQ(post_lines(json::object{{"lines", json::array{}}}).first, 422);
  const auto unknown = post_lines(json::parse(
      R"({"lines":[{"item_id":999999,"unit":"","quantity":"1","prices":[{"supplier":"A","price":"1"}]}]})"));
  EXPECT_EQ(unknown.first, 422);
  EXPECT_EQ(unknown.second.at("details").at(0).at("path"), "lines[0].item_id");
  const auto wrong = post_lines(json::parse(
      R"({"lines":[{"description":"x","unit":"","quantity":"0","prices":[{"supplier":"A","price":"1"}]}]})"));
  EXPECT_EQ(wrong.first, 422);
  EXPECT_EQ(wrong.second.at("details").at(0).at("path"), "lines[0].quantity");
  const auto euro = post_lines(json::parse(
      R"({"currency":"EUR","lines":[{"description":"x","unit":"","quantity":"1","prices":[{"supplier":"A","price":"1"}]}]})"));
  EXPECT_EQ(euro.first, 422);
  const auto png = post_file("\x89PNG\r\n\x1a\n garbage");
  EXPECT_EQ(png.first, 415);
  EXPECT_EQ(post_file("").first, 400);
  const auto columns = post_file("a,b\n1,2\n");
  EXPECT_EQ(columns.first, 400);
  EXPECT_NE(columns.second.at("message").as_string().find("item descriptions"), json::string::npos);
}

TEST_F(verdict_routes_test, needs_its_permissions) {
  permissions = {"verdict.read"};
  EXPECT_EQ(post_file(tabulation(2, 0)).first, 403);
  permissions = {"item.read"};
  EXPECT_EQ(ask({http::method::get, "/api/v1/verdicts"}).first, 403);
}

} // namespace
