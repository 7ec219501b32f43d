#pragma once
// A whole pricing-web without its business: identity's routes and guard around a few test routes, on a real port, with
// a real PostgreSQL and a real Redis.
#include "http/server.hpp"
#include "identity/guard.hpp"
#include "identity/identity_routes.hpp"
#include "identity/password.hpp"
#include "postgres/session.hpp"
#include "redis/client.hpp"
#include "support/postgres_server.hpp"
#include "support/redis_server.hpp"
#include "unit/http/running_server.hpp"

#include <boost/json.hpp>

#include <atomic>
#include <future>

namespace pricing::identity::test {

namespace asio = boost::asio;
using pricing::test::postgres_server;
using pricing::test::redis_server;

// The wall clock, which tests may move forward.
class movable_clock final : public clock {
 public:
  timestamp now() const override { return system_clock().now() + ahead_.load(); }
  void forward(std::chrono::microseconds by) { ahead_ = ahead_.load() + by; }

 private:
  std::atomic<std::chrono::microseconds> ahead_ = std::chrono::microseconds(0);
};

struct thing {
  std::string name;
};
BOOST_DESCRIBE_STRUCT(thing, (), (name))
struct made_thing {
  std::int64_t id = 0;
  std::string name;
  std::string secret_word = "hush"; // must not reach the audit trail
};
BOOST_DESCRIBE_STRUCT(made_thing, (), (id, name, secret_word))

struct test_routes {
  std::atomic<int> made = 0;      // things so far
  std::atomic<bool> fail = false; // the next request to make one fails
  std::atomic<int> slow_ms = 0;   // the time it takes

  std::vector<http::route> routes() {
    std::vector<http::route> out;
    const auto make = [this](http::context&, thing in) -> http::answer<made_thing> {
      co_await net::sleep_for(std::chrono::milliseconds(slow_ms));
      if (fail.exchange(false))
        co_return conflict("not now");
      co_return made_thing{++made, in.name};
    };
    out.push_back(http::json_route<thing, made_thing>(
        http::method::post, "/api/v1/things",
        {.summary = "Make", .permission = "upload.create", .rate_class = "bulk", .status = 201}, make));
    out.push_back(http::json_route<http::nothing, made_thing>(
        http::method::get, "/api/v1/things", {.summary = "Look", .permission = "item.read"},
        [](http::context&, http::nothing) -> http::answer<made_thing> { co_return made_thing{}; }));
    out.push_back(http::json_route<http::nothing, made_thing>(
        http::method::get, "/api/v1/guesses", {.summary = "Guess", .permission = "item.read", .rate_class = "ml"},
        [](http::context&, http::nothing) -> http::answer<made_thing> { co_return made_thing{}; }));
    return out;
  }
};

inline const std::string good_password = "a good long password";

class people_server {
 public:
  explicit people_server(config c = {}, std::string redis_socket = redis_server::instance().socket())
      : config_(complete(std::move(c))) {
    postgres_server::instance(); // its process ends with the thread that starts it
    std::promise<int> port;
    auto ready = port.get_future();
    thread_ = std::thread([this, &port, redis_socket] { run(port, redis_socket); });
    port_ = ready.get();
  }
  ~people_server() {
    io_->request_stop();
    thread_.join();
  }
  people_server(const people_server&) = delete;

  int port() const { return port_; }
  movable_clock clock;
  test_routes things;

 private:
  static config complete(config c) {
    if (c.secret.empty())
      c.secret = std::string(32, 's');
    if (c.rate_anonymous_per_hour == config().rate_anonymous_per_hour)
      c.rate_anonymous_per_hour = 100'000; // all tests sign in from one address
    return c;
  }
  void run(std::promise<int>& port, const std::string& redis_socket) {
    io_ = std::make_unique<net::io_thread>(0);
    postgres::config where;
    where.url = postgres_server::instance().app_url();
    postgres::pool database(io_->io(), where);
    redis::config fast;
    fast.socket = redis_socket;
    fast.timeout_ms = 500;
    redis::client cache(io_->io(), fast);
    net::cpu_pool cpu(2, 64);
    const auto signer = token_signer::create(config_.secret).value();
    identity_store store(database);
    prometheus::Registry registry;
    identity_service service(config_, signer, store, cache, cpu, clock, &registry);
    auto routes = identity_routes(service);
    for (auto& r : things.routes())
      routes.push_back(std::move(r));
    http::config web;
    web.port = 0;
    web.access_log = false;
    http::site site(web, registry, {});
    http::server server(*io_, site,
                        http::router::create(std::move(routes), make_hooks(config_, service, store, cache)).value());
    port.set_value(server.port());
    io_->run();
  }

  const config config_;
  std::unique_ptr<net::io_thread> io_;
  std::thread thread_;
  int port_ = 0;
};

struct reply {
  int status = 0;
  http::test::answer_text text;
  boost::json::value json;
  std::string header(std::string_view name) const { return text.header(name); }
  std::string string(std::string_view name) const { return std::string(json.at(name).as_string()); }
};

// Somebody with a browser or a program: keeps the cookie and the CSRF token, or a bearer token.
class person {
 public:
  explicit person(const people_server& server) : port_(server.port()) {}
  std::string cookie, csrf, bearer, api_key;

  reply get(const std::string& path, const std::string& headers = "") const {
    return ask(http::test::get(path, identification() + headers));
  }
  reply post(const std::string& path, const boost::json::value& body = boost::json::object{},
             const std::string& headers = "") const {
    return write("POST", path, body, headers);
  }
  reply patch(const std::string& path, const boost::json::value& body) const { return write("PATCH", path, body, ""); }
  reply put(const std::string& path, const boost::json::value& body) const { return write("PUT", path, body, ""); }
  reply remove(const std::string& path) const { return write("DELETE", path, boost::json::object{}, ""); }

  reply login(const std::string& email, const std::string& password = good_password, const std::string& code = {}) {
    boost::json::object body{{"email", email}, {"password", password}};
    if (!code.empty())
      body["code"] = code;
    auto r = post("/api/v1/auth/login", body);
    if (r.status == 200) {
      const auto set = r.header("Set-Cookie");
      cookie = set.substr(0, set.find(';'));
      csrf = r.string("csrf_token");
    }
    return r;
  }
  reply take_token(const std::string& email, const std::string& password = good_password) {
    auto r = post("/api/v1/auth/token", {{"email", email}, {"password", password}});
    if (r.status == 200)
      bearer = r.string("access_token");
    return r;
  }

 private:
  std::string identification() const {
    return (cookie.empty() ? "" : "Cookie: " + cookie + "\r\n") +
           (csrf.empty() ? "" : "X-CSRF-Token: " + csrf + "\r\n") +
           (bearer.empty() ? "" : "Authorization: Bearer " + bearer + "\r\n") +
           (api_key.empty() ? "" : "X-Api-Key: " + api_key + "\r\n");
  }
  reply write(const std::string& verb, const std::string& path, const boost::json::value& body,
              const std::string& headers) const {
    auto text = http::test::post(path, boost::json::serialize(body),
                                 "Content-Type: application/json\r\n" + identification() + headers);
    return ask(text.replace(0, 4, verb));
  }
  reply ask(const std::string& text) const {
    http::test::raw_socket socket(port_);
    reply out;
    out.text = socket.ask(text);
    out.status = out.text.status;
    if (!out.text.body.empty())
      out.json = boost::json::parse(out.text.body);
    return out;
  }
  int port_;
};

// One organization of its own with people in it, made without the API.
class organization {
 public:
  organization() : id(postgres_server::instance().new_organization()) {}
  const organization_id id;

  // The e-mail address of a new person with good_password.
  std::string add(const std::string& role) {
    static std::atomic<int> number = 0;
    static const std::string hash = hash_password(good_password).value();
    const std::string email = role + std::to_string(++number) + "@example.com";
    session_.begin(id);
    ids_[email] = session_.query<std::int64_t>("select add_user($1, $2, $3, $4)", email, "A " + role, role, hash).at(0);
    session_.commit();
    return email;
  }
  std::int64_t id_of(const std::string& email) const { return ids_.at(email); }
  template <class Row, class... Args>
  std::vector<Row> query(const std::string& sql, const Args&... args) {
    session_.begin(id);
    auto rows = session_.query<Row>(sql, args...);
    session_.commit();
    return rows;
  }

 private:
  postgres::session session_{postgres_server::instance().app_url()};
  std::map<std::string, std::int64_t> ids_;
};

} // namespace pricing::identity::test
