#include "http/answer_cache.hpp"
#include "running_server.hpp"

#include "wire/json.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <mutex>
#include <random>
#include <sys/resource.h>
#include <zlib.h>

namespace pricing::http {
namespace {

using namespace std::chrono_literals;
using test::get;
using test::post;
using test::raw_socket;
using test::running_server;

struct sum_input {
  int a = 0;
  int b = 0;
};
BOOST_DESCRIBE_STRUCT(sum_input, (), (a, b))
struct sum_output {
  int sum = 0;
};
BOOST_DESCRIBE_STRUCT(sum_output, (), (sum))
struct line {
  wire::text<1, 5> name;
  decimal price;
};
BOOST_DESCRIBE_STRUCT(line, (), (name, price))
struct lines_input {
  item_id id;
  std::vector<line> lines;
};
BOOST_DESCRIBE_STRUCT(lines_input, (), (id, lines))
struct size_input {
  int size = 0;
};
BOOST_DESCRIBE_STRUCT(size_input, (), (size))

route open(route r) {
  r.options.is_public = true;
  return r;
}

route sum_route() {
  return open(json_route<sum_input, sum_output>(
      method::get, "/api/v1/sum", {},
      [](context&, sum_input in) -> answer<sum_output> { co_return sum_output{in.a + in.b}; }));
}
route big_route() {
  return open(
      json_route<size_input, response>(method::get, "/api/v1/big", {}, [](context&, size_input in) -> answer<response> {
        co_return response::text(std::string(static_cast<std::size_t>(in.size), 'x'));
      }));
}
route lines_route() {
  return open(json_route<lines_input, nothing>(method::post, "/api/v1/items/{id}/lines", {},
                                               [](context&, lines_input) -> answer<nothing> { co_return nothing{}; }));
}
route slow_route(std::chrono::milliseconds wait, int timeout_s = 0) {
  return open(json_route<nothing, sum_output>(method::get, "/api/v1/slow", {.timeout_s = timeout_s},
                                              [wait](context&, nothing) -> answer<sum_output> {
                                                co_await net::sleep_for(wait);
                                                co_return sum_output{1};
                                              }));
}
route upload_route() {
  return open(raw_route(method::post, "/api/v1/uploads", {.body_max = 64 << 20, .body_to_file = true},
                        [](context& c) -> asio::awaitable<result<response>> {
                          const auto size = std::filesystem::file_size(c.request.body_file);
                          co_return response::text(c.request.body_file + " " + std::to_string(size), 201);
                        }));
}

route file_route(std::string path) {
  return open(raw_route(method::get, "/api/v1/file", {}, [path](context&) -> asio::awaitable<result<response>> {
    response out;
    out.content_type = "application/gzip";
    out.body_file = path;
    co_return out;
  }));
}

running_server::make_routes with(std::vector<route> routes) {
  return [routes](net::io_thread&) { return routes; };
}

std::string unpack(const std::string& packed) {
  z_stream stream{};
  inflateInit2(&stream, 16 + 15);
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int rc = inflate(&stream, Z_FINISH);
  out.resize(rc == Z_STREAM_END ? stream.total_out : 0);
  inflateEnd(&stream);
  return out;
}

TEST(http_server, keeps_the_connection_alive) {
  running_server server({}, with({sum_route()}));
  raw_socket s(server.port());
  for (int i = 0; i < 3; ++i) {
    const auto a = s.ask(get("/api/v1/sum?a=" + std::to_string(i) + "&b=2"));
    EXPECT_EQ(a.status, 200);
    EXPECT_EQ(a.body, "{\"sum\":" + std::to_string(i + 2) + "}");
    EXPECT_EQ(a.header("Connection"), "keep-alive");
  }
}

TEST(http_server, answers_pipelined_requests_in_order) {
  running_server server({}, with({sum_route(), slow_route(50ms)}));
  raw_socket s(server.port());
  s.send(get("/api/v1/slow") + get("/api/v1/sum?a=1&b=1") + post("/nowhere", "{}") + get("/api/v1/sum?a=2&b=2"));
  EXPECT_EQ(s.receive().body, "{\"sum\":1}");
  EXPECT_EQ(s.receive().body, "{\"sum\":2}");
  EXPECT_EQ(s.receive().status, 404);
  EXPECT_EQ(s.receive().body, "{\"sum\":4}");
}

TEST(http_server, takes_a_request_byte_by_byte) {
  running_server server({}, with({lines_route()}));
  raw_socket s(server.port());
  for (char c : post("/api/v1/items/7/lines", R"({"lines":[{"name":"ab","price":"1.5"}]})"))
    s.send(std::string(1, c));
  EXPECT_EQ(s.receive(false).status, 204);
}

TEST(http_server, takes_a_chunked_body) {
  running_server server({}, with({lines_route()}));
  raw_socket s(server.port());
  const auto a = s.ask("POST /api/v1/items/7/lines HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "5\r\n{\"lin\r\n7\r\nes\":[]}\r\n0\r\n\r\n",
                       false);
  EXPECT_EQ(a.status, 204);
  EXPECT_EQ(s.ask(get("/health/live")).status, 200);
}

TEST(http_server, names_every_wrong_field) {
  running_server server({}, with({lines_route()}));
  raw_socket s(server.port());
  const auto a = s.ask(post("/api/v1/items/x/lines", R"({"lines":[{"name":"ab","price":"1"},{"name":"toolong"}]})"));
  EXPECT_EQ(a.status, 422);
  EXPECT_EQ(a.header("Content-Type"), "application/problem+json");
  const auto body = wire::parse_json(a.body).value();
  const auto& details = body.at("details").as_array();
  ASSERT_EQ(details.size(), 3u);
  EXPECT_EQ(details[0].at("path").as_string(), "id");
  EXPECT_EQ(details[1].at("path").as_string(), "lines[1].name");
  EXPECT_EQ(details[2].at("path").as_string(), "lines[1].price");
  EXPECT_EQ(body.at("request_id").as_string(), a.header("X-Request-Id"));
}

TEST(http_server, says_what_is_wrong_with_a_body) {
  running_server server({}, with({lines_route()}));
  raw_socket s(server.port());
  EXPECT_EQ(s.ask(post("/api/v1/items/1/lines", "{\"lines\":")).status, 400);
  EXPECT_EQ(s.ask(post("/api/v1/items/1/lines", "<x/>", "Content-Type: text/xml\r\n")).status, 415);
  EXPECT_EQ(s.ask(post("/api/v1/items/1/lines", "[]")).status, 422);
}

struct options_input {
  item_id id;
  std::optional<wire::text<1, 9>> name;
};
BOOST_DESCRIBE_STRUCT(options_input, (), (id, name))

TEST(http_server, takes_an_empty_body_when_nothing_in_it_is_required) {
  running_server server(
      {}, with({open(json_route<options_input, response>(method::post, "/items/{id}", {.reject_unknown = true},
                                                         [](context&, options_input in) -> answer<response> {
                                                           co_return response::text(in.name ? in.name->value : "none");
                                                         }))}));
  raw_socket s(server.port());
  EXPECT_EQ(s.ask(post("/items/1", "", "")).body, "none");
  EXPECT_EQ(s.ask(post("/items/1", "{\"name\":\"x\"}")).body, "x");
  const auto unknown = s.ask(post("/items/1", "{\"nmae\":\"x\"}"));
  EXPECT_EQ(unknown.status, 422);
  EXPECT_NE(unknown.body.find("nmae"), std::string::npos);
}

TEST(http_server, drops_a_client_that_does_not_read) {
  running_server server({.body_timeout_s = 1}, with({big_route()}));
  raw_socket deaf(server.port());
  deaf.send(get("/api/v1/big?size=60000000"));
  std::this_thread::sleep_for(1500ms);
  raw_socket s(server.port());
  EXPECT_NE(s.ask(get("/metrics")).body.find("pricing_http_connections 1\n"), std::string::npos);
  raw_socket reader(server.port());
  EXPECT_EQ(reader.ask(get("/api/v1/big?size=60000000")).body.size(), 60'000'000u);
}

// Random changes to good requests: whatever comes of it, the server goes on and nothing is answered with 5xx.
TEST(http_server, survives_mutated_requests) {
  running_server server({.header_timeout_s = 1, .body_timeout_s = 1},
                        with({lines_route(), sum_route(), upload_route()}));
  const std::vector<std::string> seeds{
      get("/api/v1/sum?a=1&b=%32", "Accept-Encoding: gzip\r\nCookie: a=b; c=d\r\nIf-None-Match: \"x\", *\r\n"),
      post("/api/v1/items/7/lines", R"({"lines":[{"name":"ab","price":"1.5"}]})"),
      "POST /api/v1/uploads HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"};
  std::mt19937 random(7);
  int answered = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string text = seeds[random() % seeds.size()];
    for (auto changes = 1 + random() % 4; changes > 0; --changes) {
      const auto at = random() % text.size();
      switch (random() % 3) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text.erase(at, 1 + random() % 8);
        break;
      default:
        text.insert(at, text.substr(random() % text.size(), random() % 20));
      }
      if (text.empty())
        text = "x";
    }
    raw_socket s(server.port());
    s.send(text);
    const auto a = s.receive(true, 3);
    answered += a.status != 0;
    EXPECT_LT(a.status == 505 ? 400 : a.status, 500) << text;
  }
  EXPECT_GT(answered, 500);
  raw_socket s(server.port());
  EXPECT_EQ(s.ask(get("/health/live")).status, 200);
}

TEST(http_server, closes_a_connection_that_sends_its_head_too_slowly) {
  running_server server({.header_timeout_s = 1}, with({sum_route()}));
  raw_socket s(server.port());
  s.send("GET /api/v1/sum HTTP/1.1\r\nHost: x\r\n");
  std::thread drip([&] {
    for (int i = 0; i < 8; ++i) {
      s.send("X-A: b\r\n");
      std::this_thread::sleep_for(200ms);
    }
  });
  const auto a = s.receive();
  drip.join();
  EXPECT_EQ(a.status, 408);
  EXPECT_TRUE(s.is_closed(3000));
}

TEST(http_server, closes_an_idle_connection) {
  running_server server({.idle_timeout_s = 1}, with({sum_route()}));
  raw_socket s(server.port());
  EXPECT_EQ(s.ask(get("/api/v1/sum?a=1&b=1")).status, 200);
  EXPECT_TRUE(s.is_closed(3000));
}

TEST(http_server, limits_the_body) {
  running_server server({.body_max = 100}, with({lines_route()}));
  const std::string large(101, 'x');
  {
    raw_socket s(server.port());
    const auto a = s.ask(post("/api/v1/items/1/lines", large));
    EXPECT_EQ(a.status, 413);
    EXPECT_EQ(a.header("Connection"), "close");
  }
  raw_socket chunked(server.port());
  EXPECT_EQ(chunked
                .ask("POST /api/v1/items/1/lines HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" +
                     large + "\r\n0\r\n\r\n")
                .status,
            413);
}

TEST(http_server, limits_the_head) {
  running_server server({.header_max = 2048}, with({sum_route()}));
  {
    raw_socket s(server.port());
    EXPECT_EQ(s.ask(get("/api/v1/sum", "X-Large: " + std::string(3000, 'x') + "\r\n")).status, 431);
    EXPECT_TRUE(s.is_closed());
  }
  raw_socket s(server.port());
  EXPECT_EQ(s.ask(get("/" + std::string(3000, 'x'))).status, 414);
}

TEST(http_server, refuses_what_is_not_http) {
  running_server server({}, with({sum_route()}));
  for (std::string_view wrong :
       {"GARBAGE\r\n\r\n", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET x HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    raw_socket s(server.port());
    EXPECT_EQ(s.ask(wrong).status, 400) << wrong;
  }
  raw_socket s(server.port());
  EXPECT_EQ(s.ask("GET / HTTP/3.0\r\nHost: x\r\n\r\n").status, 505);
}

TEST(http_server, compresses_large_answers_for_those_who_accept_it) {
  running_server server({}, with({big_route()}));
  raw_socket s(server.port());
  const auto packed = s.ask(get("/api/v1/big?size=5000", "Accept-Encoding: br, gzip\r\n"));
  EXPECT_EQ(packed.header("Content-Encoding"), "gzip");
  EXPECT_EQ(packed.header("Vary"), "Accept-Encoding");
  EXPECT_LT(packed.body.size(), 500u);
  EXPECT_EQ(unpack(packed.body), std::string(5000, 'x'));
  EXPECT_EQ(s.ask(get("/api/v1/big?size=5000")).body, std::string(5000, 'x'));
  EXPECT_EQ(s.ask(get("/api/v1/big?size=5000", "Accept-Encoding: gzip;q=0\r\n")).header("Content-Encoding"), "");
  EXPECT_EQ(s.ask(get("/api/v1/big?size=500", "Accept-Encoding: gzip\r\n")).header("Content-Encoding"), "");
}

TEST(http_server, unpacks_a_kept_answer_for_those_who_do_not_take_gzip) {
  answer_cache kept(1 << 20);
  int made = 0;
  auto big = big_route();
  big.handle = [inner = std::move(big.handle), &made](context& c) { return ++made, inner(c); };
  running_server server({}, with({cached(std::move(big), kept)}));
  raw_socket s(server.port());
  for (int i = 0; i < 2; ++i) {
    const auto packed = s.ask(get("/api/v1/big?size=5000", "Accept-Encoding: gzip\r\n"));
    EXPECT_EQ(packed.header("Content-Encoding"), "gzip");
    EXPECT_EQ(unpack(packed.body), std::string(5000, 'x'));
    const auto plain = s.ask(get("/api/v1/big?size=5000"));
    EXPECT_EQ(plain.header("Content-Encoding"), "");
    EXPECT_EQ(plain.header("Content-Length"), "5000");
    EXPECT_EQ(plain.body, std::string(5000, 'x'));
    for (const auto& tag : {packed.header("ETag"), plain.header("ETag")})
      EXPECT_EQ(s.ask(get("/api/v1/big?size=5000", "Accept-Encoding: gzip\r\nIf-None-Match: " + tag + "\r\n")).status,
                304);
  }
  EXPECT_EQ(made, 1);
}

TEST(http_server, answers_304_to_a_known_entity_tag) {
  running_server server({}, with({big_route()}));
  raw_socket s(server.port());
  for (std::string encoding : {"", "Accept-Encoding: gzip\r\n"}) {
    const auto first = s.ask(get("/api/v1/big?size=5000", encoding));
    const auto tag = first.header("ETag");
    ASSERT_GT(tag.size(), 10u);
    const auto again = s.ask(get("/api/v1/big?size=5000", encoding + "If-None-Match: \"other\", " + tag + "\r\n"));
    EXPECT_EQ(again.status, 304);
    EXPECT_EQ(again.header("ETag"), tag);
    EXPECT_EQ(again.header("Content-Length"), "");
    EXPECT_EQ(s.ask(get("/api/v1/big?size=5001", encoding + "If-None-Match: " + tag + "\r\n")).status, 200);
  }
}

TEST(http_server, answers_head_without_a_body) {
  running_server server({}, with({sum_route()}));
  raw_socket s(server.port());
  const auto a = s.ask("HEAD /api/v1/sum?a=1&b=2 HTTP/1.1\r\nHost: x\r\n\r\n", false);
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(a.header("Content-Length"), "9");
  EXPECT_EQ(s.ask(get("/api/v1/sum?a=1&b=2")).body, "{\"sum\":3}");
}

TEST(http_server, names_the_allowed_methods) {
  running_server server({}, with({sum_route()}));
  raw_socket s(server.port());
  const auto a = s.ask("OPTIONS /api/v1/sum HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(a.status, 405);
  EXPECT_EQ(a.header("Allow"), "GET, HEAD");
}

TEST(http_server, sends_security_headers_and_a_request_id) {
  running_server server({}, with({sum_route()}));
  raw_socket s(server.port());
  const auto a = s.ask(get("/api/v1/sum?a=1&b=1", "X-Request-Id: abc-123\r\n"));
  EXPECT_EQ(a.header("X-Request-Id"), "abc-123");
  EXPECT_EQ(a.header("X-Content-Type-Options"), "nosniff");
  EXPECT_NE(a.header("Content-Security-Policy").find("frame-ancestors 'none'"), std::string::npos);
  EXPECT_EQ(s.ask(get("/health/live", "X-Request-Id: evil id\r\n")).header("X-Request-Id").size(), 32u);
}

TEST(http_server, says_who_may_keep_an_answer) {
  const auto path = std::filesystem::temp_directory_path() / ("kept_" + std::to_string(::getpid()));
  std::ofstream(path, std::ios::binary) << "content";
  running_server server({}, with({sum_route(), file_route(path), lines_route()}));
  raw_socket s(server.port());
  const auto read = s.ask(get("/api/v1/sum?a=1&b=2"));
  EXPECT_EQ(read.header("Cache-Control"), "private, no-cache");
  EXPECT_EQ(read.header("Vary"), "Accept-Encoding");
  const auto unchanged = s.ask(get("/api/v1/sum?a=1&b=2", "If-None-Match: " + read.header("ETag") + "\r\n"));
  EXPECT_EQ(unchanged.status, 304);
  EXPECT_EQ(unchanged.header("Cache-Control"), "private, no-cache");
  EXPECT_EQ(unchanged.header("Vary"), "Accept-Encoding");
  EXPECT_EQ(s.ask(get("/api/v1/file")).header("Cache-Control"), "private, no-cache");
  EXPECT_EQ(s.ask(get("/api/v1/sum?a=x")).header("Cache-Control"), "no-store");
  const auto written = s.ask(post("/api/v1/items/7/lines", R"({"lines": []})", "Content-Type: application/json\r\n"));
  EXPECT_EQ(written.status, 204);
  EXPECT_EQ(written.header("Cache-Control"), "no-store");
  EXPECT_EQ(s.ask(get("/health/live")).header("Cache-Control"), "no-store");
  std::filesystem::remove(path);
}

TEST(http_server, streams_an_upload_to_a_file_and_removes_it) {
  running_server server({}, with({upload_route()}));
  raw_socket s(server.port());
  const std::string content(20 << 20, 'u');
  const auto a = s.ask(post("/api/v1/uploads", content, "Expect: 100-continue\r\n"));
  EXPECT_EQ(a.status, 100);
  const auto b = s.receive();
  EXPECT_EQ(b.status, 201);
  const auto space = b.body.find(' ');
  ASSERT_NE(space, std::string::npos);
  EXPECT_EQ(b.body.substr(space + 1), std::to_string(content.size()));
  EXPECT_EQ(s.ask(get("/health/live")).status, 200);
  EXPECT_FALSE(std::filesystem::exists(b.body.substr(0, space)));
}

TEST(http_server, sends_a_file_in_pieces_and_keeps_the_connection) {
  const auto path = std::filesystem::temp_directory_path() / ("sent_" + std::to_string(::getpid()));
  std::string content(3'000'001, '\0');
  for (std::size_t i = 0; i < content.size(); ++i)
    content[i] = static_cast<char>(i * 7 + i / 251);
  std::ofstream(path, std::ios::binary) << content;
  running_server server({}, with({file_route(path), sum_route()}));
  raw_socket s(server.port());
  const auto a = s.ask(get("/api/v1/file"));
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(a.header("Content-Length"), std::to_string(content.size()));
  EXPECT_TRUE(a.body == content);
  EXPECT_EQ(s.ask(get("/api/v1/sum?a=1&b=2")).status, 200);
  std::filesystem::remove(path);
  EXPECT_EQ(s.ask(get("/api/v1/file")).status, 404);
  EXPECT_EQ(s.ask(get("/api/v1/sum?a=1&b=2")).status, 200);
}

TEST(http_server, answers_504_when_a_handler_misses_its_deadline) {
  running_server server({}, with({slow_route(3s, 1)}));
  raw_socket s(server.port());
  const auto started = std::chrono::steady_clock::now();
  const auto a = s.ask(get("/api/v1/slow"));
  EXPECT_EQ(a.status, 504);
  EXPECT_LT(std::chrono::steady_clock::now() - started, 2500ms);
  EXPECT_TRUE(s.is_closed());
}

TEST(http_server, finishes_what_runs_when_it_is_stopped) {
  auto server = std::make_unique<running_server>(config{}, with({slow_route(1200ms), sum_route()}));
  raw_socket busy(server->port()), idle(server->port());
  EXPECT_EQ(idle.ask(get("/api/v1/sum?a=1&b=1")).status, 200);
  busy.send(get("/api/v1/slow"));
  std::this_thread::sleep_for(300ms);
  server->request_stop();
  EXPECT_TRUE(idle.is_closed(700));
  const auto a = busy.receive();
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(a.header("Connection"), "close");
  const auto started = std::chrono::steady_clock::now();
  server->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - started, 2s);
}

TEST(http_server, is_not_ready_while_it_still_serves_at_shutdown) {
  running_server server({.shutdown_delay_s = 1}, with({sum_route()}));
  raw_socket s(server.port());
  EXPECT_EQ(s.ask(get("/health/ready")).status, 200);
  server.request_stop();
  std::this_thread::sleep_for(200ms);
  raw_socket probe(server.port()), later(server.port());
  EXPECT_EQ(probe.ask(get("/health/ready")).status, 503);
  EXPECT_EQ(later.ask(get("/api/v1/sum?a=1&b=1")).status, 200);
}

TEST(http_server, asks_connections_to_close_while_it_stops) {
  running_server server({.shutdown_delay_s = 1}, with({sum_route()}));
  raw_socket s(server.port());
  EXPECT_EQ(s.ask(get("/api/v1/sum?a=1&b=1")).header("Connection"), "keep-alive");
  server.request_stop();
  std::this_thread::sleep_for(200ms);
  const auto last = s.ask(get("/api/v1/sum?a=1&b=1"));
  EXPECT_EQ(last.status, 200);
  EXPECT_EQ(last.header("Connection"), "close");
  EXPECT_TRUE(s.is_closed(700));
}

// A load balancer still has connections on their way when the listening socket closes.
TEST(http_server, answers_the_connections_that_wait_when_it_stops) {
  const auto blocking =
      open(json_route<nothing, response>(method::get, "/block", {}, [](context&, nothing) -> answer<response> {
        std::this_thread::sleep_for(500ms); // the loop cannot accept meanwhile
        co_return response::text("ok");
      }));
  auto server = std::make_unique<running_server>(config{}, with({blocking, sum_route()}));
  raw_socket busy(server->port());
  busy.send(get("/block"));
  std::this_thread::sleep_for(100ms);
  server->request_stop();
  std::vector<std::unique_ptr<raw_socket>> late;
  for (int i = 0; i < 20; ++i) {
    late.push_back(std::make_unique<raw_socket>(server->port()));
    late.back()->send(get("/api/v1/sum?a=1&b=1"));
  }
  EXPECT_EQ(busy.receive().status, 200);
  for (const auto& one : late)
    EXPECT_EQ(one->receive().status, 200);
}

TEST(http_server, shows_each_component) {
  auto asked = std::make_shared<std::atomic<int>>(0);
  probes p{.ready = {}, .components = [asked]() -> asio::awaitable<std::vector<component_health>> {
             ++*asked;
             std::vector<component_health> out(2);
             out[0] = {.name = "database", .healthy = true, .message = {}, .duration_ms = 1.5};
             out[1] = {.name = "ml", .healthy = false, .message = "it is \"away\"", .duration_ms = 2};
             co_return out;
           }};
  running_server server({}, with({}), {}, p);
  raw_socket s(server.port());
  const auto a = s.ask(get("/health/components"));
  EXPECT_EQ(a.status, 503);
  const auto body = wire::parse_json(a.body).value();
  EXPECT_EQ(body.at("status").as_string(), "unhealthy");
  EXPECT_EQ(body.at("version").as_string(), config().version.c_str());
  const auto& all = body.at("components").as_array();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].at("status").as_string(), "healthy");
  EXPECT_EQ(all[1].at("name").as_string(), "ml");
  EXPECT_EQ(all[1].at("message").as_string(), "it is \"away\"");
  EXPECT_EQ(s.ask(get("/health/ready")).status, 200); // a neighbour is away, the process works
  s.ask(get("/health/components"));
  EXPECT_EQ(asked->load(), 1); // not at every request of a stranger
}

TEST(http_server, has_started_once_it_listens) {
  running_server server({}, with({}));
  raw_socket s(server.port());
  EXPECT_EQ(s.ask(get("/health/startup")).status, 200);
  EXPECT_EQ(s.ask(get("/health/components")).status, 200);
  EXPECT_EQ(s.ask(get("/health/nothing")).status, 404);
}

TEST(http_server, refuses_connections_above_its_limit) {
  running_server server({.connections_max = 2}, with({sum_route()}));
  raw_socket a(server.port()), b(server.port());
  EXPECT_EQ(a.ask(get("/health/live")).status, 200);
  EXPECT_EQ(b.ask(get("/health/live")).status, 200);
  raw_socket c(server.port());
  const auto refused = c.receive();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Retry-After"), "1");
  EXPECT_TRUE(c.is_closed());
  EXPECT_EQ(a.ask(get("/health/live")).status, 200);
}

TEST(http_server, tells_of_its_process) {
  running_server server({}, with({sum_route()}));
  raw_socket s(server.port());
  const auto text = s.ask(get("/metrics")).body;
  const auto value = [&text](const std::string& name) {
    const auto at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1.0 : std::stod(text.substr(at + name.size() + 2));
  };
  EXPECT_GT(value("process_resident_memory_bytes"), 1e6) << text;
  EXPECT_GE(value("process_cpu_seconds_total"), 0);
  EXPECT_GE(value("process_open_fds"), 3);
  EXPECT_GE(value("process_max_fds"), value("process_open_fds"));
  const auto now = static_cast<double>(std::time(nullptr));
  EXPECT_NEAR(value("process_start_time_seconds"), now, 3600);
  EXPECT_NE(text.find("pricing_build_info{version=\""), std::string::npos);
  EXPECT_LE(value("pricing_http_connections_max"), 16'384);
  EXPECT_GE(value("pricing_http_connections_max"), 256);
}

TEST(http_server, counts_requests_by_route) {
  running_server server({}, with({lines_route(), sum_route()}));
  raw_socket s(server.port());
  s.ask(get("/api/v1/sum?a=1&b=1"));
  s.ask(post("/api/v1/items/7/lines", "{}"));
  const auto text = s.ask(get("/metrics")).body;
  EXPECT_NE(text.find("pricing_http_requests_total{method=\"GET\",route=\"/api/v1/sum\",status=\"2xx\"} 1"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("route=\"/api/v1/items/{id}/lines\",status=\"4xx\"} 1"), std::string::npos);
  EXPECT_NE(text.find("pricing_http_requests_in_flight 1"), std::string::npos);
}

TEST(http_server, shows_why_it_is_not_ready) {
  probes p{.ready = []() -> asio::awaitable<result<void>> {
    co_return error{errc::unavailable, "the database is away"};
  }};
  running_server server({}, with({}), {}, p);
  raw_socket s(server.port());
  const auto a = s.ask(get("/health/ready"));
  EXPECT_EQ(a.status, 503);
  EXPECT_NE(a.body.find("the database is away"), std::string::npos);
  EXPECT_EQ(s.ask(get("/health/live")).status, 200);
}

TEST(http_server, keeps_line_breaks_out_of_headers) {
  running_server server(
      {}, with({open(json_route<nothing, response>(method::get, "/x", {}, [](context&, nothing) -> answer<response> {
        auto r = response::text("ok");
        r.set("X-Echo", "a\r\nX-Injected: b");
        co_return r;
      }))}));
  raw_socket s(server.port());
  const auto a = s.ask(get("/x"));
  EXPECT_EQ(a.header("X-Echo"), "aX-Injected: b");
  EXPECT_EQ(a.header("X-Injected"), "");
}

TEST(http_server, shares_a_port_and_its_limits_among_threads) {
  prometheus::Registry registry;
  site s({.port = 0, .access_log = false}, registry);
  std::mutex mutex;
  std::vector<net::io_thread*> threads;
  std::promise<int> port;
  std::thread runner([&] {
    net::run_threads(3, [&](net::io_thread& thread) {
      server one(thread, s, router::create({sum_route()}).value());
      {
        const std::lock_guard lock(mutex);
        threads.push_back(&thread);
        if (threads.size() == 3)
          port.set_value(one.port());
      }
      thread.run();
    });
  });
  const int where = port.get_future().get();
  std::vector<std::thread> callers;
  std::atomic<int> good = 0;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      for (int k = 0; k < 20; ++k) {
        raw_socket c(where);
        for (int j = 0; j < 5; ++j)
          good += c.ask(get("/api/v1/sum?a=1&b=1")).body == "{\"sum\":2}";
      }
    });
  for (auto& c : callers)
    c.join();
  EXPECT_EQ(good, 400);
  // A request is counted once its answer is written, which another thread's scrape may not see yet.
  bool counted = false;
  raw_socket c(where);
  for (int i = 0; i < 100 && !counted; ++i) {
    counted = c.ask(get("/metrics")).body.find("status=\"2xx\"} 400") != std::string::npos;
    if (!counted)
      std::this_thread::sleep_for(20ms);
  }
  EXPECT_TRUE(counted);
  for (auto* t : threads)
    t->request_stop();
  runner.join();
}

TEST(http_server, refuses_a_taken_port) {
  running_server server({}, with({}));
  prometheus::Registry registry;
  site other({.port = server.port()}, registry);
  net::io_thread thread(0);
  EXPECT_THROW(http::server(thread, other, router::create({}).value()), boost::system::system_error);
}

TEST(http_server, has_no_more_connections_than_the_limit_of_open_files_leaves) {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  prometheus::Registry registry;
  site s({.connections_max = 4'000'000'000}, registry);
  rlimit now{};
  getrlimit(RLIMIT_NOFILE, &now);
  EXPECT_EQ(now.rlim_cur, before.rlim_max);
  for (const auto& family : registry.Collect()) {
    if (family.name == "pricing_http_connections_max") {
      EXPECT_LT(family.metric.at(0).gauge.value, static_cast<double>(now.rlim_cur));
    }
  }
  setrlimit(RLIMIT_NOFILE, &before);
}

class static_site : public testing::Test {
 protected:
  static_site() {
    std::filesystem::create_directories(root / "assets");
    std::filesystem::create_directories(root / "api-docs");
    write("index.html", "<html>app</html>");
    write("assets/index-4f3a.js", std::string(3000, 'j'));
    write("api-docs/index.html", "<html>docs</html>");
    std::ofstream(root.parent_path() / "pricing-http-secret.txt") << "secret";
  }
  ~static_site() override { std::filesystem::remove_all(root); }
  void write(const std::string& name, const std::string& content) { std::ofstream(root / name) << content; }

  const std::filesystem::path root =
      std::filesystem::temp_directory_path() / ("pricing-http-static-" + std::to_string(::getpid()));
};

TEST_F(static_site, serves_the_bundle_and_falls_back_to_its_page) {
  running_server server({.static_root = root.string()}, with({sum_route()}));
  raw_socket s(server.port());
  for (auto path : {"/", "/index.html", "/items/42"}) {
    const auto a = s.ask(get(path));
    EXPECT_EQ(a.body, "<html>app</html>") << path;
    EXPECT_EQ(a.header("Cache-Control"), "no-cache");
    EXPECT_NE(a.header("Content-Security-Policy").find("script-src 'self'"), std::string::npos);
  }
  const auto asset = s.ask(get("/assets/index-4f3a.js", "Accept-Encoding: gzip\r\n"));
  EXPECT_EQ(unpack(asset.body), std::string(3000, 'j'));
  EXPECT_NE(asset.header("Cache-Control").find("immutable"), std::string::npos);
  const auto again =
      s.ask(get("/assets/index-4f3a.js", "Accept-Encoding: gzip\r\nIf-None-Match: " + asset.header("ETag") + "\r\n"));
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(s.ask(get("/assets/gone.js")).status, 404);
  EXPECT_EQ(s.ask(get("/api/v1/unknown")).status, 404);
  EXPECT_EQ(s.ask(get("/api/docs")).header("Location"), "/api/docs/");
  EXPECT_EQ(s.ask(get("/api/docs/")).body, "<html>docs</html>");
}

TEST_F(static_site, may_show_one_folder_only) {
  running_server server({.static_root = root.string(), .static_folder = "api-docs"}, with({sum_route()}));
  raw_socket s(server.port());
  EXPECT_EQ(s.ask(get("/api/docs/")).body, "<html>docs</html>");
  EXPECT_EQ(s.ask(get("/")).status, 404);
  EXPECT_EQ(s.ask(get("/assets/index-4f3a.js")).status, 404);
}

TEST_F(static_site, never_leaves_its_folder) {
  running_server server({.static_root = root.string()}, with({}));
  for (auto path : {"/../pricing-http-secret.txt", "/%2e%2e/pricing-http-secret.txt", "/assets/..%2f..%2fetc/passwd",
                    "/..%5cx", "//etc/passwd", "/assets/%2e%2e/index.html"}) {
    raw_socket s(server.port());
    const auto a = s.ask(get(path));
    EXPECT_EQ(a.status, 404) << path;
    EXPECT_EQ(a.body.find("secret\n"), std::string::npos);
  }
}

} // namespace
} // namespace pricing::http
