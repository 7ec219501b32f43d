#include "http/router.hpp"

#include "http/problem.hpp"
#include "http/text.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace pricing::http {
namespace {

handler saying(std::string text) {
  return [text](context&) -> asio::awaitable<result<response>> { co_return response::text(text); };
}
route public_route(method verb, std::string path) {
  return raw_route(verb, path, {.is_public = true}, saying(path));
}
std::string found(const router& r, method verb, std::string_view path) {
  const auto m = r.find(verb, path);
  std::string out = m.route ? m.route->path : m.what == router::outcome::wrong_method ? "405 " + m.allow : "404";
  for (const auto& [name, value] : m.params)
    out += " " + name + "=" + value;
  return out;
}

TEST(router, prefers_literals_over_parameters_and_comes_back) {
  const auto r = router::create({public_route(method::get, "/items/{id}"), public_route(method::get, "/items/facets"),
                                 public_route(method::get, "/items/{item}/prices"),
                                 public_route(method::get, "/items/facets/{name}/x"),
                                 public_route(method::post, "/items"), public_route(method::delete_, "/items/{id}"),
                                 public_route(method::get, "/files/{path...}"), public_route(method::get, "/")})
                     .value();
  EXPECT_EQ(found(r, method::get, "/items/7"), "/items/{id} id=7");
  EXPECT_EQ(found(r, method::get, "/items/facets"), "/items/facets");
  EXPECT_EQ(found(r, method::get, "/items/facets/prices"), "/items/{item}/prices item=facets");
  EXPECT_EQ(found(r, method::head, "/items/7"), "/items/{id} id=7");
  EXPECT_EQ(found(r, method::delete_, "/items/7"), "/items/{id} id=7");
  EXPECT_EQ(found(r, method::put, "/items/7"), "405 GET, HEAD, DELETE");
  EXPECT_EQ(found(r, method::get, "/items"), "405 POST");
  EXPECT_EQ(found(r, method::get, "/items/"), "404");
  EXPECT_EQ(found(r, method::get, "/items//prices"), "404");
  EXPECT_EQ(found(r, method::get, "/files/a/b.txt"), "/files/{path...} path=a/b.txt");
  EXPECT_EQ(found(r, method::get, "/"), "/");
}

TEST(router, decodes_each_segment_on_its_own) {
  const auto r = router::create({public_route(method::get, "/items/{id}")}).value();
  EXPECT_EQ(found(r, method::get, "/items/a%2Fb%20c"), "/items/{id} id=a/b c");
  EXPECT_EQ(found(r, method::get, "/items/%zz"), "404");
}

TEST(router, refuses_unguarded_and_doubled_routes) {
  EXPECT_FALSE(router::create({raw_route(method::get, "/x", {}, saying("x"))}));
  EXPECT_FALSE(router::create({public_route(method::get, "/x/{a}"), public_route(method::get, "/x/{b}")}));
  EXPECT_FALSE(router::create({public_route(method::get, "x")}));
  EXPECT_FALSE(router::create({public_route(method::get, "/{rest...}/x")}));
  // Guarded, but nobody to say who calls.
  EXPECT_FALSE(router::create({raw_route(method::get, "/x", {.permission = "x.read"}, saying("x"))}));
}

// admitted_first: as what has to be admitted before its body is read.
response answer_of(const router& r, method verb, std::string_view path, bool admitted_first = false) {
  asio::io_context io;
  response out;
  const auto m = r.find(verb, path);
  request q;
  q.request_id = "r1";
  context c{q, *m.route};
  const auto run = [&]() -> asio::awaitable<void> {
    if (admitted_first) {
      if (const auto admitted = co_await r.admit(c); !admitted) {
        out = router::failure(c, admitted.error());
        co_return;
      }
    }
    out = co_await r.handle(c);
  };
  asio::co_spawn(io, run(), [](std::exception_ptr e) {
    if (e)
      std::rethrow_exception(e);
  });
  io.run();
  return out;
}

TEST(router, asks_who_calls_and_what_they_may) {
  hooks h;
  result<principal> caller = error{errc::unauthenticated, "sign in"};
  int asked = 0;
  h.authenticate = [&](const request&) -> asio::awaitable<result<principal_ptr>> {
    ++asked;
    if (!caller)
      co_return caller.error();
    co_return std::make_shared<principal>(*caller);
  };
  std::vector<std::string> seen;
  h.before.push_back([&](context&) -> asio::awaitable<result<std::optional<response>>> {
    seen.push_back("before");
    co_return std::nullopt;
  });
  h.after.push_back([&](context&, response& r) -> asio::awaitable<void> {
    seen.push_back("after " + std::to_string(r.status));
    co_return;
  });
  const auto r = router::create({raw_route(method::get, "/x", {.permission = "x.read"}, saying("x")),
                                 raw_route(method::get, "/me", {.any_user = true}, saying("me")),
                                 raw_route(method::get, "/throws", {.is_public = true},
                                           [](context&) -> asio::awaitable<result<response>> {
                                             throw std::runtime_error("password=1234");
                                             co_return response{};
                                           })},
                                h)
                     .value();
  EXPECT_EQ(answer_of(r, method::get, "/x").status, 401);
  EXPECT_EQ(answer_of(r, method::get, "/x", true).status, 401);
  EXPECT_TRUE(seen.empty());
  caller = principal{.organization = {1}, .user = {2}, .permissions = {"a.read"}};
  EXPECT_EQ(answer_of(r, method::get, "/x").status, 403);
  EXPECT_EQ(answer_of(r, method::get, "/x", true).status, 403);
  EXPECT_EQ(answer_of(r, method::get, "/me").body, "me");
  caller->permissions.push_back("x.read");
  EXPECT_EQ(answer_of(r, method::get, "/x").body, "x");
  EXPECT_EQ(seen, (std::vector<std::string>{"before", "after 200", "before", "after 200"}));
  asked = 0;
  EXPECT_EQ(answer_of(r, method::get, "/x", true).body, "x");
  EXPECT_EQ(asked, 1);
  const auto thrown = answer_of(r, method::get, "/throws");
  EXPECT_EQ(thrown.status, 500);
  EXPECT_EQ(seen.back(), "after 500");
  EXPECT_EQ(thrown.body.find("1234"), std::string::npos);
}

TEST(router, lets_before_hooks_answer_and_add_headers_to_errors) {
  hooks h;
  h.before.push_back([](context& c) -> asio::awaitable<result<std::optional<response>>> {
    c.response_headers.emplace_back("RateLimit-Remaining", "0");
    co_return error{errc::rate_limited, "slow down", {}, 7};
  });
  const auto r = router::create({public_route(method::get, "/x")}, h).value();
  const auto a = answer_of(r, method::get, "/x");
  EXPECT_EQ(a.status, 429);
  const std::vector<name_value> wanted{
      {"Cache-Control", "no-store"}, {"Retry-After", "7"}, {"RateLimit-Remaining", "0"}};
  EXPECT_EQ(a.headers, wanted);
}

struct find_items {
  std::optional<std::string> search;
  wire::defaulted<wire::bounded<int, 1, 200>, 50> limit;
};
BOOST_DESCRIBE_STRUCT(find_items, (), (search, limit))
struct new_item {
  wire::text<1, 200> name;
};
BOOST_DESCRIBE_STRUCT(new_item, (), (name))
struct put_item {
  item_id id;
  bool notify = false;
  new_item body;
};
BOOST_DESCRIBE_STRUCT(put_item, (), (id, notify, body))

TEST(router, writes_openapi_from_its_routes) {
  auto list = json_route<find_items, page<new_item>>(
      method::get, "/api/v1/items", {.summary = "Items", .is_public = true},
      [](context&, find_items) -> answer<page<new_item>> { co_return page<new_item>{}; });
  auto put = json_route<put_item, nothing>(method::put, "/api/v1/items/{id}", {.is_public = true},
                                           [](context&, put_item) -> answer<nothing> { co_return nothing{}; });
  const auto r = router::create({list, put}).value();
  const auto doc = wire::parse_json(r.openapi("T", "1")).value();
  const auto& get = doc.at("paths").at("/api/v1/items").at("get");
  EXPECT_EQ(get.at("tags").at(0), "items");
  EXPECT_EQ(get.at("parameters").as_array().size(), 2u);
  EXPECT_EQ(get.at("parameters").at(1).at("name"), "limit");
  EXPECT_EQ(get.at("parameters").at(1).at("required"), false);
  const auto& p = doc.at("paths").at("/api/v1/items/{id}").at("put");
  EXPECT_EQ(p.at("parameters").at(0).at("in"), "path");
  EXPECT_EQ(p.at("parameters").at(1).at("in"), "query");
  EXPECT_TRUE(p.at("responses").as_object().contains("204"));
  EXPECT_TRUE(p.at("requestBody").at("content").at("application/json").at("schema").as_object().contains("$ref"));
}

TEST(http_text, decodes_queries) {
  const std::vector<name_value> wanted{{"a", "1 2"}, {"b", "x&y"}, {"c", ""}};
  EXPECT_EQ(parse_query("a=1+2&b=x%26y&&c"), wanted);
  EXPECT_FALSE(parse_query("a=%"));
  EXPECT_FALSE(parse_query("a=%00"));
  EXPECT_EQ(percent_encode("a b/ü"), "a%20b%2F%C3%BC");
}

TEST(http_text, reads_accept_encoding_and_tags) {
  EXPECT_TRUE(accepts("deflate, GZIP;q=0.5", "gzip"));
  EXPECT_FALSE(accepts("gzip;q=0.0, br", "gzip"));
  EXPECT_FALSE(accepts("xgzip", "gzip"));
  EXPECT_TRUE(etag_matches("W/\"a\", \"b\"", "\"a\""));
  EXPECT_TRUE(etag_matches("*", "\"a\""));
  EXPECT_FALSE(etag_matches("\"ab\"", "\"a\""));
}

TEST(http_text, takes_only_sane_request_ids) {
  EXPECT_TRUE(is_sane_id("abc-123.X_y"));
  EXPECT_FALSE(is_sane_id(""));
  EXPECT_FALSE(is_sane_id("a b"));
  EXPECT_FALSE(is_sane_id(std::string(65, 'a')));
  EXPECT_NE(random_id(), random_id());
}

TEST(request, finds_headers_and_cookies) {
  request r;
  r.add_header("Content-Type", "application/json");
  r.add_header("COOKIE", "a=1; pricing_session=x=y; b=2");
  EXPECT_EQ(r.header("content-type"), "application/json");
  EXPECT_EQ(r.cookie("pricing_session"), "x=y");
  EXPECT_EQ(r.cookie("b"), "2");
  EXPECT_EQ(r.cookie("session"), "");
}

TEST(problem, maps_every_code) {
  EXPECT_EQ(status_of({errc::conflict, ""}), 409);
  EXPECT_EQ(status_of(invalid_input("not JSON")), 400);
  EXPECT_EQ(status_of(invalid_input("x", {{"x", "is required"}})), 422);
  EXPECT_EQ(problem(error{errc::too_large, "a\"b"}, "id").body,
            R"({"code":"too_large","message":"a\"b","details":[],"request_id":"id"})");
}

} // namespace
} // namespace pricing::http
