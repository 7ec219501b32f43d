// Signing in and out, and what ends a sign-in.
#include "people_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

using namespace pricing;
using namespace pricing::identity;
using namespace pricing::identity::test;
using namespace std::chrono_literals;

namespace {

TEST(sign_in, gives_a_cookie_that_scripts_cannot_read_and_says_who_one_is) {
  people_server server;
  organization ours;
  const auto email = ours.add("buyer");
  person buyer(server);
  const auto r = buyer.login(email);
  ASSERT_EQ(r.status, 200) << r.text.body;
  const auto cookie = r.header("Set-Cookie");
  EXPECT_TRUE(cookie.starts_with("pricing_session=")) << cookie;
  EXPECT_NE(cookie.find("HttpOnly"), cookie.npos);
  EXPECT_NE(cookie.find("SameSite=Lax"), cookie.npos);
  EXPECT_EQ(cookie.find("Secure"), cookie.npos); // plain HTTP here
  EXPECT_EQ(r.string("role"), "buyer");
  EXPECT_EQ(r.json.at("organization").at("id").as_int64(), ours.id.value);

  const auto me = buyer.get("/api/v1/auth/me");
  ASSERT_EQ(me.status, 200) << me.text.body;
  EXPECT_EQ(me.json, r.json);
  EXPECT_EQ(me.json.at("user").at("email").as_string(), email);
}

TEST(sign_in, cookie_is_for_https_only_when_configured) {
  config c;
  c.secure_cookie = true;
  people_server server(c);
  organization ours;
  const auto r = person(server).login(ours.add("viewer"));
  EXPECT_NE(r.header("Set-Cookie").find("; Secure"), std::string::npos);
}

TEST(sign_in, takes_the_address_in_any_case) {
  people_server server;
  organization ours;
  auto email = ours.add("viewer");
  email[0] = 'V';
  EXPECT_EQ(person(server).login(email).status, 200);
}

TEST(sign_in, refuses_a_wrong_password_an_unknown_address_and_a_disabled_person_alike) {
  people_server server;
  organization ours;
  const auto email = ours.add("viewer"), gone = ours.add("viewer");
  ours.query<std::int64_t>("update users set disabled_at = now() where id = $1 returning id", ours.id_of(gone));
  const auto wrong = person(server).login(email, "another long password");
  const auto unknown = person(server).login("nobody@example.com");
  const auto disabled = person(server).login(gone);
  for (const auto* r : {&wrong, &unknown, &disabled}) {
    EXPECT_EQ(r->status, 401);
    EXPECT_EQ(r->string("message"), wrong.string("message"));
    EXPECT_EQ(r->header("Set-Cookie"), "");
  }
  EXPECT_EQ(person(server).take_token(gone).status, 401);
}

TEST(sign_in, refuses_nonsense_with_a_list_of_what_is_wrong) {
  people_server server;
  const auto r = person(server).post("/api/v1/auth/login", {{"email", "no at sign"}, {"password", ""}});
  EXPECT_EQ(r.status, 422);
  EXPECT_EQ(r.json.at("details").as_array().size(), 2U) << r.text.body;
}

TEST(lockout, begins_after_too_many_failures_and_ends_by_itself) {
  config c;
  c.failed_logins_max = 3;
  c.lockout_s = 600;
  people_server server(c);
  organization ours;
  const auto email = ours.add("viewer");
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(person(server).login(email, "another long password").status, 401) << i;
  const auto locked = person(server).login(email); // the right password does not help
  EXPECT_EQ(locked.status, 429) << locked.text.body;
  EXPECT_EQ(person(server).take_token(email).status, 429);
  server.clock.forward(9min);
  const auto later = person(server).login(email);
  EXPECT_EQ(later.status, 429);
  EXPECT_LE(std::stoi(later.header("Retry-After")), 60); // what is left, not the whole time
  server.clock.forward(1min + 1s);
  EXPECT_EQ(person(server).login(email).status, 200);
}

TEST(lockout, counts_failures_in_a_row) {
  config c;
  c.failed_logins_max = 2;
  people_server server(c);
  organization ours;
  const auto email = ours.add("viewer");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(person(server).login(email, "another long password").status, 401) << i;
    EXPECT_EQ(person(server).login(email).status, 200) << i;
  }
}

TEST(lockout, doubles_with_each_further_failure_up_to_the_longest) {
  config c;
  c.failed_logins_max = 2;
  c.lockout_s = 60;
  c.lockout_max_s = 200;
  people_server server(c);
  organization ours;
  const auto email = ours.add("viewer");
  const auto wrong = [&] { return person(server).login(email, "another long password"); };
  EXPECT_EQ(wrong().status, 401);
  for (const int wait : {60, 120, 200, 200}) {
    EXPECT_EQ(wrong().status, 401) << wait;
    const auto locked = wrong();
    EXPECT_EQ(locked.status, 429);
    EXPECT_NEAR(std::stoi(locked.header("Retry-After")), wait, 2);
    server.clock.forward(std::chrono::seconds(wait + 1));
  }
  EXPECT_EQ(person(server).login(email).status, 200);
  EXPECT_EQ(wrong().status, 401); // and starts afresh
  EXPECT_EQ(person(server).login(email).status, 200);
}

// Whether an account exists must not show in when it locks.
TEST(lockout, is_the_same_for_an_address_that_nobody_has) {
  config c;
  c.failed_logins_max = 2;
  people_server server(c);
  organization ours;
  const auto email = ours.add("viewer");
  for (const auto& who : {email, std::string("Nobody-At-All@example.com")}) {
    const auto first = person(server).login(who, "another long password"),
               second = person(server).login(who, "another long password"),
               third = person(server).login(who, "another long password");
    EXPECT_EQ(first.status, 401) << who;
    EXPECT_EQ(second.status, 401) << who;
    EXPECT_EQ(third.status, 429) << who;
    EXPECT_NEAR(std::stoi(third.header("Retry-After")), c.lockout_s, 2);
    EXPECT_EQ(third.string("message"), "too many failed attempts; try again later");
  }
  EXPECT_EQ(person(server).login("nobody-at-all@EXAMPLE.com").status, 429); // whatever its case
}

TEST(lockout, lets_no_more_guesses_through_when_they_come_at_once) {
  config c;
  c.failed_logins_max = 3;
  people_server server(c);
  organization ours;
  const auto email = ours.add("viewer");
  std::atomic<int> judged = 0;
  std::vector<std::thread> many;
  for (int i = 0; i < 12; ++i)
    many.emplace_back([&] { judged += person(server).login(email, "another long password").status == 401 ? 1 : 0; });
  for (auto& t : many)
    t.join();
  EXPECT_EQ(judged, 3);
}

TEST(lockout, counts_what_one_address_tries_on_all_accounts) {
  asio::io_context io;
  redis::config where;
  where.socket = redis_server::instance().socket();
  redis::client cache(io, where);
  config c;
  c.failed_logins_per_address_max = 3;
  movable_clock clock;
  sign_in_limits limits(cache, c, clock);
  std::vector<bool> allowed;
  const auto body = [&]() -> asio::awaitable<void> {
    for (int i = 0; i < 5; ++i) {
      const auto one = co_await limits.attempt("person" + std::to_string(i), "192.0.2.7");
      allowed.push_back(one.has_value());
    }
    const auto elsewhere = co_await limits.attempt("person4", "192.0.2.8");
    allowed.push_back(elsewhere.has_value());
  };
  asio::co_spawn(io, body(), [&](std::exception_ptr e) {
    EXPECT_FALSE(e);
    io.stop();
  });
  io.run_for(20s);
  EXPECT_EQ(allowed, (std::vector<bool>{true, true, true, false, false, true}));
}

TEST(sign_out, ends_this_session_and_no_other) {
  people_server server;
  organization ours;
  const auto email = ours.add("viewer");
  person here(server), there(server);
  here.login(email);
  there.login(email);
  const auto out = here.post("/api/v1/auth/logout");
  EXPECT_EQ(out.status, 204);
  EXPECT_NE(out.header("Set-Cookie").find("Max-Age=0"), std::string::npos) << out.text.head;
  EXPECT_EQ(here.get("/api/v1/auth/me").status, 401);
  EXPECT_EQ(there.get("/api/v1/auth/me").status, 200);
}

TEST(session, ends_with_its_time) {
  config c;
  c.session_ttl_s = 1;
  people_server server(c);
  organization ours;
  person viewer(server);
  viewer.login(ours.add("viewer"));
  EXPECT_EQ(viewer.get("/api/v1/auth/me").status, 200);
  std::this_thread::sleep_for(1100ms);
  EXPECT_EQ(viewer.get("/api/v1/auth/me").status, 401);
}

TEST(session, is_nobodys_when_the_cookie_is_made_up) {
  people_server server;
  organization ours;
  person viewer(server);
  viewer.login(ours.add("viewer"));
  const auto real = viewer.cookie;
  for (const auto& cookie : {std::string("pricing_session="), std::string("pricing_session=1.00"), real + "0",
                             real.substr(0, real.size() - 1), "pricing_session=" + std::string(5'000, 'a'),
                             std::string("pricing_session=999.") + std::string(64, 'f')}) {
    viewer.cookie = cookie;
    EXPECT_EQ(viewer.get("/api/v1/auth/me").status, 401) << cookie.substr(0, 90);
  }
}

// The token names a user; naming another one must not dodge the end of one's own sessions.
TEST(session, cannot_be_moved_to_another_user) {
  people_server server;
  organization ours;
  const auto admin = ours.add("admin"), email = ours.add("viewer");
  person boss(server), viewer(server);
  boss.login(admin);
  viewer.login(email);
  EXPECT_EQ(boss.patch("/api/v1/users/" + std::to_string(ours.id_of(email)), {{"disabled", true}}).status, 200);
  viewer.cookie.replace(0, viewer.cookie.find('.'), "pricing_session=" + std::to_string(ours.id_of(admin)));
  EXPECT_EQ(viewer.get("/api/v1/auth/me").status, 401);
}

TEST(tokens, let_a_program_in_without_a_cookie_or_a_csrf_token) {
  people_server server;
  organization ours;
  person program(server);
  const auto r = program.take_token(ours.add("buyer"));
  ASSERT_EQ(r.status, 200) << r.text.body;
  EXPECT_EQ(r.string("token_type"), "Bearer");
  EXPECT_EQ(r.header("Set-Cookie"), "");
  EXPECT_EQ(program.get("/api/v1/auth/me").string("role"), "buyer");
  EXPECT_EQ(program.post("/api/v1/things", {{"name", "x"}}).status, 201);
  server.clock.forward(std::chrono::seconds(r.json.at("expires_in_s").as_int64()));
  EXPECT_EQ(program.get("/api/v1/auth/me").status, 401);
}

TEST(tokens, refresh_once_each_and_reuse_ends_the_whole_family) {
  people_server server;
  organization ours;
  person program(server);
  const auto email = ours.add("buyer");
  const auto first = program.take_token(email).string("refresh_token");
  const auto refresh = [&](const std::string& token) {
    return person(server).post("/api/v1/auth/refresh", {{"refresh_token", token}});
  };
  const auto second = refresh(first);
  ASSERT_EQ(second.status, 200) << second.text.body;
  person renewed(server);
  renewed.bearer = second.string("access_token");
  EXPECT_EQ(renewed.get("/api/v1/auth/me").string("role"), "buyer");
  const auto third = refresh(second.string("refresh_token"));
  ASSERT_EQ(third.status, 200);
  const auto other = person(server).take_token(email).string("refresh_token"); // of another sign-in

  EXPECT_EQ(refresh(first).status, 401);                         // stolen or lost: somebody uses it again
  EXPECT_EQ(refresh(third.string("refresh_token")).status, 401); // so whoever has the newest is out as well
  EXPECT_EQ(refresh(other).status, 200);
  EXPECT_EQ(refresh(std::string(64, 'a')).status, 401);
}

TEST(tokens, refresh_ends_with_its_time_and_keeps_only_a_hash) {
  config c;
  c.refresh_token_ttl_s = 1;
  people_server server(c);
  organization ours;
  const auto token = person(server).take_token(ours.add("buyer")).string("refresh_token");
  EXPECT_EQ(ours.query<std::int64_t>("select count(*) from refresh_tokens where token_hash = $1", token).at(0), 0);
  EXPECT_EQ(
      ours.query<std::int64_t>("select count(*) from refresh_tokens where token_hash = $1", token_hash(token)).at(0),
      1);
  std::this_thread::sleep_for(1100ms);
  EXPECT_EQ(person(server).post("/api/v1/auth/refresh", {{"refresh_token", token}}).status, 401);
}

TEST(tokens, outlive_redis_while_sessions_wait_for_it) {
  people_server server, alone({}, "/nonexistent/redis.sock");
  organization ours;
  const auto email = ours.add("buyer");
  person program(server), browser(server), program_alone(alone), browser_alone(alone);
  program.take_token(email);
  browser.login(email);
  program_alone.bearer = program.bearer;
  browser_alone.cookie = browser.cookie;
  EXPECT_EQ(program_alone.get("/api/v1/auth/me").status, 200);
  EXPECT_EQ(browser_alone.get("/api/v1/auth/me").status, 503); // not 401: the page must not ask for a password
}

} // namespace
