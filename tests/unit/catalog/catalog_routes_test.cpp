// The catalog's routes on a real database.
#include "catalog/catalog_routes.hpp"

#include "postgres/session.hpp"
#include "support/api_call.hpp"
#include "support/postgres_server.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

using namespace pricing;
using namespace pricing::catalog;
namespace json = boost::json;

namespace {

class catalog_routes_test : public testing::Test {
 protected:
  // Items "pipe n inch" 1..7 (the odd ones in category Drainage) and "100%_odd\name"; suppliers A and B; four events in
  // which A asks n · 10 and is first, B asks n · 12; the buyer's estimate in each.
  catalog_routes_test() {
    session.begin(organization);
    session.execute("insert into categories (organization_id, name) values ($1, 'Drainage')", organization);
    session.execute("insert into items (organization_id, name, normalized_name, unit, is_priced, category_id) select "
                    "$1, 'Pipe, ' || n || ' inch', 'pipe ' || n || ' inch', case when n < 4 then 'ft' else 'ea' end, n "
                    "<> 7, case when n % 2 = 1 then c.id end from generate_series(1, 7) n, categories c",
                    organization);
    session.execute("insert into items (organization_id, name, normalized_name, unit) values ($1, "
                    "'100%_odd\\name', '100%_odd\\name', 'ea')",
                    organization);
    session.execute("insert into item_aliases (organization_id, item_id, normalized_name, unit) select $1, id, "
                    "'tube one', 'ft' from items where normalized_name = 'pipe 1 inch'",
                    organization);
    session.execute("insert into suppliers (organization_id, name, normalized_name) values ($1, 'A Co.', 'a'), ($1, "
                    "'B Inc.', 'b')",
                    organization);
    session.execute("insert into events (organization_id, reference, occurred_on, place) select $1, 'L-' || n, date "
                    "'2024-12-01' + make_interval(months => n), 'North' from generate_series(1, 4) n",
                    organization);
    session.execute(
        "insert into price_observations (organization_id, item_id, supplier_id, event_id, observed_on, line, kind, "
        "rank, price, quantity, currency, upload_id, source_row, row_key) select $1, i.id, s.id, e.id, e.occurred_on, "
        "1, case when s.id is null then 2 else 1 end, case s.name when 'A Co.' then 1 when 'B Inc.' then 2 end, "
        "substr(i.name, 7, 1)::int * case s.name when 'A Co.' then 10 else 12 end, 2, 'USD', 1, 1, row_number() over "
        "() from items i, events e, (select id, name from suppliers union all select null, null) s where i.name like "
        "'Pipe%'",
        organization);
    session.execute("insert into item_statistics (organization_id, item_id, observations, bids, suppliers, first_on, "
                    "last_on, median_price, last_price, spend, sparkline) select $1, item_id, count(*), count(*) "
                    "filter (where kind = 1), 2, min(observed_on), max(observed_on), min(price), min(price), "
                    "sum(price * quantity) filter (where rank = 1), '{1,2.5}' from price_observations group by item_id",
                    organization);
    session.execute("insert into supplier_statistics (organization_id, supplier_id, bids, events, wins, position, "
                    "spread, last_on) select $1, id, 28, 4, case name when 'A Co.' then 4 else 0 end, case name when "
                    "'A Co.' then -0.1 else 0.1 end, 0.02, '2025-04-01' from suppliers",
                    organization);
    session.execute("insert into supplier_items (organization_id, item_id, supplier_id, bids, position, low, high, "
                    "last_on) select $1, i.id, s.id, 4, case s.name when 'A Co.' then -0.1 else 0.1 end, 1, 2, "
                    "'2025-04-01' from items i, suppliers s where i.name like 'Pipe%'",
                    organization);
    session.commit();
  }

  auto get_as(organization_id caller, const std::string& path, std::vector<http::name_value> query = {}) const {
    std::unique_ptr<catalog_store> store;
    http::answer_cache answers(1 << 20);
    const auto routes = [&](postgres::pool& pool) {
      store = std::make_unique<catalog_store>(pool);
      return catalog_routes(*store, answers);
    };
    const std::string permission = path.find("suppliers") != std::string::npos ? "supplier.read"
                                   : path.find("events") != std::string::npos  ? "event.read"
                                                                               : "item.read";
    return test::get(server.app_url(), routes, permission, caller, path, std::move(query));
  }
  auto get(const std::string& path, std::vector<http::name_value> query = {}) const {
    return get_as(organization, path, std::move(query));
  }
  std::vector<std::string> names(std::vector<http::name_value> query) const {
    std::vector<std::string> out;
    const auto [status, body] = get("/api/v1/items", std::move(query));
    EXPECT_EQ(status, 200) << json::serialize(body);
    for (const auto& row : body.at("data").as_array())
      out.emplace_back(row.at("name").as_string());
    return out;
  }
  std::int64_t id_of(const std::string& table, const std::string& column, const std::string& value) {
    session.begin(organization);
    const auto id = session.query<std::int64_t>("select id from " + table + " where " + column + " = $1", value).at(0);
    session.commit();
    return id;
  }
  // Every value of `field` over all pages of two rows.
  std::vector<std::string> walk(const std::string& path, const std::string& field,
                                std::vector<http::name_value> query) {
    std::vector<std::string> out;
    std::string cursor;
    for (int page = 0; page < 50; ++page) {
      auto asked = query;
      asked.emplace_back("limit", "2");
      if (!cursor.empty())
        asked.emplace_back("cursor", cursor);
      const auto [status, body] = get(path, asked);
      EXPECT_EQ(status, 200) << json::serialize(body);
      for (const auto& row : body.at("data").as_array())
        out.push_back(json::serialize(row.at(field)));
      if (body.at("next_cursor").is_null())
        return out;
      cursor = std::string(body.at("next_cursor").as_string());
    }
    ADD_FAILURE() << path << " has no end";
    return out;
  }

  test::postgres_server& server = test::postgres_server::instance();
  const organization_id organization = server.new_organization();
  postgres::session session{server.app_url()};
};

using list = std::vector<std::string>;

TEST_F(catalog_routes_test, items_are_found_by_all_their_words_in_any_order) {
  EXPECT_EQ(names({{"search", "inch 3 PIPE"}}), list{"Pipe, 3 inch"});
  EXPECT_EQ(names({{"search", "pip inc"}}).size(), 7u);
  EXPECT_EQ(names({{"search", "nothing like it"}}), list{});
}

TEST_F(catalog_routes_test, items_are_found_by_their_other_names) {
  EXPECT_EQ(names({{"search", "one tube"}}), list{"Pipe, 1 inch"});
  EXPECT_EQ(names({{"search", "tube"}, {"unit", "ea"}}), list{});
}

TEST_F(catalog_routes_test, wildcards_of_the_search_are_plain_text) {
  EXPECT_EQ(search_patterns("100%_odd\\name"), list{"%100\\%\\_odd\\\\name%"});
  EXPECT_EQ(names({{"search", "%"}}).size(), names({{"search", ""}}).size()); // no word left
}

TEST_F(catalog_routes_test, items_are_filtered_and_sorted) {
  EXPECT_EQ(names({{"unit", "ft"}, {"sort", "name"}}), (list{"Pipe, 1 inch", "Pipe, 2 inch", "Pipe, 3 inch"}));
  EXPECT_EQ(names({{"category", "Drainage"}, {"priced", "true"}, {"sort", "spend"}}),
            (list{"Pipe, 5 inch", "Pipe, 3 inch", "Pipe, 1 inch"}));
  EXPECT_EQ(names({{"priced", "false"}}), list{"Pipe, 7 inch"});
  EXPECT_EQ(get("/api/v1/items", {{"sort", "colour"}}).first, 422);
  EXPECT_EQ(get("/api/v1/items", {{"limit", "0"}}).first, 422);
}

TEST_F(catalog_routes_test, pages_meet_without_gap_or_overlap) {
  for (const char* order : {"name", "spend", "bids", "recent"}) {
    const auto all = walk("/api/v1/items", "id", {{"sort", order}});
    EXPECT_EQ(all.size(), 8u) << order;
    EXPECT_EQ(std::set(all.begin(), all.end()).size(), 8u) << order;
  }
  EXPECT_EQ(get("/api/v1/items", {{"cursor", "not-a-cursor"}}).first, 422);
  const auto prices = "/api/v1/items/" + std::to_string(id_of("items", "name", "Pipe, 2 inch")) + "/prices";
  const auto days = walk(prices, "observed_on", {});
  EXPECT_EQ(days.size(), 12u);
  EXPECT_TRUE(std::ranges::is_sorted(days, std::greater()));
}

TEST_F(catalog_routes_test, prices_say_who_asked_what_where_and_when) {
  const auto path = "/api/v1/items/" + std::to_string(id_of("items", "name", "Pipe, 2 inch")) + "/prices";
  const auto bids = get(path, {{"kind", "bid"}}).second.at("data").as_array();
  EXPECT_EQ(bids.size(), 8u);
  for (const auto& row : bids) {
    EXPECT_EQ(row.at("kind"), "bid");
    EXPECT_EQ(row.at("price"), row.at("supplier") == "A Co." ? "20" : "24");
    EXPECT_EQ(row.at("rank"), row.at("supplier") == "A Co." ? 1 : 2);
    EXPECT_EQ(std::string_view(row.at("event").as_string()).substr(0, 2), "L-");
  }
  const auto estimates = get(path, {{"kind", "estimate"}}).second.at("data").as_array();
  ASSERT_EQ(estimates.size(), 4u);
  EXPECT_TRUE(estimates[0].at("supplier").is_null());
  EXPECT_EQ(estimates[0].at("observed_on"), "2025-04-01");
  EXPECT_EQ(get(path, {{"kind", "gift"}}).first, 422);
}

TEST_F(catalog_routes_test, facets_count_items) {
  const auto facets = get("/api/v1/items/facets").second;
  EXPECT_EQ(json::serialize(facets.at("units")), R"([{"value":"ea","count":5},{"value":"ft","count":3}])");
  EXPECT_EQ(json::serialize(facets.at("categories")), R"([{"value":"Drainage","count":4}])");
}

TEST_F(catalog_routes_test, suppliers_have_their_record) {
  const auto body = get("/api/v1/suppliers", {{"sort", "position"}}).second;
  ASSERT_EQ(body.at("data").as_array().size(), 2u);
  EXPECT_EQ(body.at("data").at(0).at("name"), "A Co.");
  EXPECT_EQ(body.at("data").at(0).at("win_rate").to_number<double>(), 1);
  EXPECT_EQ(walk("/api/v1/suppliers", "name", {{"sort", "name"}}), (list{"\"A Co.\"", "\"B Inc.\""}));
  EXPECT_EQ(get("/api/v1/suppliers", {{"search", "B Incorporated"}}).second.at("data").as_array().size(), 1u);

  const auto one = get("/api/v1/suppliers/" + std::to_string(id_of("suppliers", "name", "A Co."))).second;
  EXPECT_EQ(one.at("cheap_items").as_array().size(), 7u);
  EXPECT_EQ(one.at("dear_items").as_array().size(), 0u);
  EXPECT_EQ(json::serialize(one.at("by_year")), R"([{"year":2025,"bids":28,"wins":4}])");
}

TEST_F(catalog_routes_test, events_show_their_bidders_lowest_first) {
  const auto events = get("/api/v1/events", {{"search", "l-3"}}).second.at("data").as_array();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].at("occurred_on"), "2025-03-01");
  EXPECT_EQ(events[0].at("bidders"), 2);
  EXPECT_EQ(events[0].at("lines"), 7);
  EXPECT_EQ(events[0].at("low_total"), "560"); // 28 · 10 · 2
  const auto event = get("/api/v1/events/" + json::serialize(events[0].at("id"))).second;
  EXPECT_EQ(event.at("place"), "North");
  const auto& bidders = event.at("by_bidder").as_array();
  ASSERT_EQ(bidders.size(), 3u);
  EXPECT_EQ(bidders[0].at("name"), "A Co.");
  EXPECT_EQ(bidders[1].at("total"), "672");
  EXPECT_TRUE(bidders[2].at("supplier_id").is_null());
  EXPECT_EQ(walk("/api/v1/events", "reference", {}), (list{"\"L-4\"", "\"L-3\"", "\"L-2\"", "\"L-1\""}));
}

TEST_F(catalog_routes_test, a_stranger_finds_nothing) {
  const auto stranger = server.new_organization();
  EXPECT_EQ(get_as(stranger, "/api/v1/items").second.at("data").as_array().size(), 0u);
  const auto item = "/api/v1/items/" + std::to_string(id_of("items", "name", "Pipe, 2 inch")) + "/prices";
  EXPECT_EQ(get_as(stranger, item).first, 404);
  EXPECT_EQ(get_as(stranger, "/api/v1/suppliers/" + std::to_string(id_of("suppliers", "name", "A Co."))).first, 404);
  EXPECT_EQ(get_as(stranger, "/api/v1/events/" + std::to_string(id_of("events", "reference", "L-1"))).first, 404);
}

} // namespace
