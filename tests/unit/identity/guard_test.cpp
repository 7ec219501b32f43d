// What happens around every handler: CSRF, rates, repeated requests, the audit trail.
#include "identity/guard.hpp"
#include "identity/sealer.hpp"
#include "people_server.hpp"

#include <gtest/gtest.h>

using namespace pricing;
using namespace pricing::identity;
using namespace pricing::identity::test;
using namespace std::chrono_literals;

namespace {

const boost::json::value a_thing = {{"name", "x"}};
const std::string key_1 = "Idempotency-Key: key-1\r\n";

config with(auto change) {
  config c;
  c.rate_bulk_per_hour = 1'000;
  change(c);
  return c;
}
config generous() {
  return with([](config&) {});
}

struct guard_test : testing::Test {
  void SetUp() override { redis_server::instance().restart(); } // no counts from the test before
  organization ours;
};

using csrf = guard_test;
using rates = guard_test;
using repeated = guard_test;
using audit_trail = guard_test;

TEST_F(csrf, a_write_with_a_cookie_needs_the_sessions_own_token) {
  people_server server(generous());
  person buyer(server), other(server);
  buyer.login(ours.add("buyer"));
  other.login(ours.add("buyer"));
  EXPECT_EQ(buyer.post("/api/v1/things", a_thing).status, 201);
  const auto right = buyer.csrf;
  for (const auto& wrong : {std::string(), std::string("x"), other.csrf, right.substr(1)}) {
    buyer.csrf = wrong;
    EXPECT_EQ(buyer.post("/api/v1/things", a_thing).status, 403) << wrong;
    EXPECT_EQ(buyer.get("/api/v1/things").status, 200); // reading needs none
    EXPECT_EQ(buyer.post("/api/v1/auth/logout").status, 403);
  }
  EXPECT_EQ(server.things.made, 1);
}

TEST_F(rates, end_with_429_and_say_when_to_come_back) {
  people_server server(with([](config& c) { c.rate_ml_per_minute = 3; }));
  person analyst(server), other(server);
  analyst.login(ours.add("analyst"));
  other.login(ours.add("analyst"));
  for (int i = 0; i < 3; ++i) {
    const auto r = analyst.get("/api/v1/guesses");
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.header("RateLimit-Limit"), "3");
    EXPECT_EQ(r.header("RateLimit-Remaining"), std::to_string(2 - i));
  }
  const auto refused = analyst.get("/api/v1/guesses");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.string("code"), "rate_limited");
  EXPECT_EQ(refused.header("RateLimit-Remaining"), "0");
  const int seconds = std::stoi(refused.header("Retry-After"));
  EXPECT_GT(seconds, 50);
  EXPECT_LE(seconds, 60);
  EXPECT_EQ(analyst.get("/api/v1/things").status, 200); // another class
  EXPECT_EQ(other.get("/api/v1/guesses").status, 200);  // another person
}

TEST_F(rates, of_sessions_and_programs_are_counted_apart) {
  people_server server(with([](config& c) {
    c.rate_user_per_hour = 1;
    c.rate_session_per_hour = 2;
  }));
  const auto email = ours.add("buyer");
  person program(server), browser(server);
  program.take_token(email);
  browser.login(email);
  EXPECT_EQ(program.get("/api/v1/things").status, 200);
  EXPECT_EQ(program.get("/api/v1/things").status, 429);
  EXPECT_EQ(browser.get("/api/v1/things").status, 200);
  EXPECT_EQ(browser.get("/api/v1/things").status, 200);
  EXPECT_EQ(browser.get("/api/v1/things").status, 429);
}

TEST_F(rates, slow_down_who_guesses_passwords) {
  people_server server(with([](config& c) { c.rate_anonymous_per_hour = 2; }));
  const auto email = ours.add("buyer");
  EXPECT_EQ(person(server).login(email, "another long password").status, 401);
  EXPECT_EQ(person(server).login("someone.else@example.com").status, 401);
  EXPECT_EQ(person(server).login(email).status, 429);
  EXPECT_EQ(person(server).take_token(email).status, 429);
}

TEST_F(rates, let_everybody_pass_while_redis_is_away_and_say_so) {
  people_server server(generous()), alone(with([](config&c) { c.rate_user_per_hour = 1; }), "/nonexistent/redis.sock");
  person program(server), program_alone(alone);
  program.take_token(ours.add("buyer"));
  program_alone.bearer = program.bearer;
  testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(program_alone.get("/api/v1/things").status, 200);
  const auto logged = testing::internal::GetCapturedStderr();
  EXPECT_NE(logged.find("rate limit not checked"), std::string::npos) << logged;
}

TEST_F(repeated, requests_get_the_first_answer_and_are_done_once) {
  people_server server(generous());
  person buyer(server);
  buyer.login(ours.add("buyer"));
  const auto first = buyer.post("/api/v1/things", a_thing, key_1);
  ASSERT_EQ(first.status, 201) << first.text.body;
  EXPECT_EQ(first.header("Idempotency-Replayed"), "");
  const auto second = buyer.post("/api/v1/things", a_thing, key_1);
  EXPECT_EQ(second.status, 201);
  EXPECT_EQ(second.text.body, first.text.body);
  EXPECT_EQ(second.header("Idempotency-Replayed"), "true");
  EXPECT_EQ(server.things.made, 1);
  EXPECT_EQ(buyer.post("/api/v1/things", a_thing, "Idempotency-Key: key-2\r\n").status, 201);
  EXPECT_EQ(server.things.made, 2);
  EXPECT_EQ(buyer.post("/api/v1/things", a_thing).status, 201); // without a key: again
  EXPECT_EQ(server.things.made, 3);
}

TEST_F(repeated, keys_of_another_request_are_refused) {
  people_server server(generous());
  person buyer(server);
  buyer.login(ours.add("buyer"));
  EXPECT_EQ(buyer.post("/api/v1/things", a_thing, key_1).status, 201);
  const auto other = buyer.post("/api/v1/things", {{"name", "y"}}, key_1);
  EXPECT_EQ(other.status, 422) << other.text.body;
  EXPECT_EQ(buyer.post("/api/v1/things", a_thing, "Idempotency-Key: " + std::string(201, 'k') + "\r\n").status, 400);
  EXPECT_EQ(server.things.made, 1);
}

TEST_F(repeated, keys_belong_to_one_person) {
  people_server server(generous());
  organization theirs;
  person buyer(server), colleague(server), stranger(server);
  buyer.login(ours.add("buyer"));
  colleague.login(ours.add("buyer"));
  stranger.login(theirs.add("buyer"));
  for (const auto* who : {&buyer, &colleague, &stranger}) {
    const auto r = who->post("/api/v1/things", a_thing, key_1);
    EXPECT_EQ(r.status, 201);
    EXPECT_EQ(r.header("Idempotency-Replayed"), "");
  }
  EXPECT_EQ(server.things.made, 3);
}

TEST_F(repeated, requests_at_the_same_time_are_done_once) {
  people_server server(generous());
  person buyer(server);
  buyer.login(ours.add("buyer"));
  server.things.slow_ms = 400;
  auto first = std::async(std::launch::async, [&] { return buyer.post("/api/v1/things", a_thing, key_1); });
  std::this_thread::sleep_for(150ms);
  const auto second = buyer.post("/api/v1/things", a_thing, key_1);
  EXPECT_EQ(second.status, 409) << second.text.body;
  const auto done = first.get();
  EXPECT_EQ(done.status, 201);
  EXPECT_EQ(buyer.post("/api/v1/things", a_thing, key_1).text.body, done.text.body);
  EXPECT_EQ(server.things.made, 1);
}

TEST_F(repeated, requests_that_failed_are_tried_again) {
  people_server server(generous());
  person buyer(server);
  buyer.login(ours.add("buyer"));
  server.things.fail = true;
  EXPECT_EQ(buyer.post("/api/v1/things", a_thing, key_1).status, 409);
  EXPECT_EQ(server.things.made, 0);
  const auto again = buyer.post("/api/v1/things", a_thing, key_1);
  EXPECT_EQ(again.status, 201) << again.text.body;
  EXPECT_EQ(again.header("Idempotency-Replayed"), "");
}

// A process that was killed in the middle of the first request leaves a claim that nobody will ever end.
TEST_F(repeated, requests_whose_first_try_was_cut_off_are_tried_again_in_time) {
  people_server server(generous());
  person buyer(server);
  buyer.login(ours.add("buyer"));
  EXPECT_EQ(buyer.post("/api/v1/things", a_thing, key_1).status, 201);
  ours.query<std::string>("update idempotency_keys set status = null, body = null, created_at = now() - interval '1 "
                          "minute' returning key");
  EXPECT_EQ(buyer.post("/api/v1/things", a_thing, key_1).status, 409);
  ours.query<std::string>("update idempotency_keys set created_at = now() - interval '16 minutes' returning key");
  EXPECT_EQ(buyer.post("/api/v1/things", a_thing, key_1).status, 201);
  EXPECT_EQ(server.things.made, 2);
}

TEST_F(repeated, answers_are_kept_unreadable) {
  people_server server(generous());
  person boss(server);
  boss.login(ours.add("admin"));
  const boost::json::value somebody = {{"email", "kept.nowhere@example.com"}, {"name", "K"}, {"role", "buyer"}};
  const auto made = boss.post("/api/v1/users", somebody, key_1);
  ASSERT_EQ(made.status, 201) << made.text.body;
  const auto password = made.string("generated_password");
  for (const auto& body : ours.query<std::optional<std::string>>("select body from idempotency_keys"))
    EXPECT_TRUE(!body || body->find(password) == body->npos);
  const auto again = boss.post("/api/v1/users", somebody, key_1);
  EXPECT_EQ(again.status, 201) << again.text.body;
  EXPECT_EQ(again.string("generated_password"), password); // whoever lost the first answer has it now
}

struct trail_row {
  std::int64_t id = 0;
  std::optional<std::int64_t> user_id;
  std::string action, subject_type, subject_id, after, request_id, address;
};
BOOST_DESCRIBE_STRUCT(trail_row, (), (id, user_id, action, subject_type, subject_id, after, request_id, address))

std::vector<trail_row> trail(organization& o) {
  return o.query<trail_row>("select id, user_id, action, subject_type, coalesce(subject_id, ''), coalesce(after::text, "
                            "''), coalesce(request_id, ''), coalesce(address, '') from audit_events order by id");
}

TEST_F(audit_trail, has_one_event_for_every_write_that_succeeded) {
  people_server server(generous());
  const auto email = ours.add("admin"), viewer = ours.add("viewer");
  person boss(server), reader(server);
  boss.login(email);
  reader.login(viewer);
  const auto made = boss.post("/api/v1/things", a_thing, key_1);
  boss.post("/api/v1/things", a_thing, key_1); // a replay
  boss.get("/api/v1/things");
  server.things.fail = true;
  boss.post("/api/v1/things", a_thing);
  reader.post("/api/v1/things", a_thing); // forbidden
  boss.patch("/api/v1/users/" + std::to_string(ours.id_of(viewer)), {{"role", "buyer"}});
  const auto rows = trail(ours);
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].action, "POST auth/login");
  EXPECT_EQ(rows[0].user_id, ours.id_of(email));
  EXPECT_EQ(rows[2].action, "POST things");
  EXPECT_EQ(rows[2].subject_type, "things");
  EXPECT_EQ(rows[2].subject_id, "1");
  EXPECT_EQ(rows[2].request_id, made.header("X-Request-Id"));
  EXPECT_EQ(rows[2].address, "127.0.0.1");
  EXPECT_EQ(rows[3].action, "PATCH users/{id}");
  EXPECT_EQ(rows[3].subject_id, std::to_string(ours.id_of(viewer)));
  EXPECT_NE(rows[3].after.find("\"buyer\""), std::string::npos);
  for (const auto& r : rows) {
    EXPECT_EQ(r.after.find("hush"), std::string::npos) << r.after;
    EXPECT_EQ(r.after.find(boss.csrf), std::string::npos) << r.after;
  }
  const auto shown = boss.get("/api/v1/audit?limit=2");
  ASSERT_EQ(shown.status, 200) << shown.text.body;
  EXPECT_EQ(shown.json.at("data").at(0).at("action").as_string(), "PATCH users/{id}");
  const auto older = boss.get("/api/v1/audit?limit=2&cursor=" + shown.string("next_cursor"));
  EXPECT_EQ(older.json.at("data").at(1).at("action").as_string(), "POST auth/login");
  EXPECT_TRUE(older.json.at("next_cursor").is_null());
}

TEST_F(audit_trail, knows_who_took_a_token) {
  people_server server(generous());
  const auto email = ours.add("buyer");
  person program(server);
  const auto tokens = program.take_token(email);
  const auto renewed = person(server).post("/api/v1/auth/refresh", {{"refresh_token", tokens.string("refresh_token")}});
  ASSERT_EQ(renewed.status, 200);
  const auto rows = trail(ours);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].action, "POST auth/token");
  EXPECT_EQ(rows[1].action, "POST auth/refresh");
  for (const auto& r : rows) {
    EXPECT_EQ(r.user_id, ours.id_of(email));
    for (const auto& secret : {tokens.string("refresh_token"), program.bearer, renewed.string("access_token")})
      EXPECT_EQ(r.after.find(secret), std::string::npos);
  }
}

// The formula of the schema, told again: a chain that nobody can recompute from outside proves nothing.
constexpr const char* broken_links =
    "with told as (select e.*, lag(hash) over (order by id) as before_it, row_number() over (order by id) as place "
    "from "
    "audit_events e) select count(*) from told where (place > 1 and previous_hash is distinct from before_it) or hash "
    "<> "
    "sha256(coalesce(previous_hash, '') || convert_to(concat_ws(chr(31), organization_id, id, extract(epoch from at), "
    "coalesce(user_id, 0), action, subject_type, coalesce(subject_id, ''), coalesce(before::text, ''), "
    "coalesce(after::text, ''), coalesce(request_id, ''), coalesce(address, '')), 'UTF8'))";

TEST_F(audit_trail, cannot_be_changed_and_shows_when_it_was) {
  people_server server(generous());
  person boss(server);
  boss.login(ours.add("admin"));
  for (int i = 0; i < 4; ++i)
    boss.post("/api/v1/things", a_thing);
  ASSERT_EQ(trail(ours).size(), 5U);
  EXPECT_EQ(ours.query<std::int64_t>(broken_links).at(0), 0);

  const auto third = trail(ours).at(2).id;
  postgres::session app(postgres_server::instance().app_url());
  app.begin(ours.id);
  EXPECT_THROW(app.execute("update audit_events set action = 'nothing' where id = $1", third),
               postgres::database_error);
  app.rollback();
  app.begin(ours.id);
  EXPECT_THROW(app.execute("delete from audit_events where id = $1", third), postgres::database_error);
  app.rollback();

  // Somebody with the database itself in hand.
  postgres::session superuser(postgres_server::instance().superuser_url());
  const auto tamper = [&](const std::string& statement) {
    superuser.script("set session_replication_role = replica; " + statement);
  };
  const auto who = "organization_id = " + std::to_string(ours.id.value) + " and id = " + std::to_string(third);
  tamper("create temp table kept as select * from audit_events where " + who);
  tamper("update audit_events set action = 'nothing' where " + who);
  EXPECT_EQ(ours.query<std::int64_t>(broken_links).at(0), 1);
  tamper("delete from audit_events where " + who);
  EXPECT_EQ(ours.query<std::int64_t>(broken_links).at(0), 1);
  tamper("insert into audit_events overriding system value select * from kept");
  EXPECT_EQ(ours.query<std::int64_t>(broken_links).at(0), 0);
}

TEST_F(audit_trail, of_one_organization_is_one_chain_however_many_write_at_once) {
  people_server server(generous());
  person buyer(server);
  buyer.login(ours.add("buyer"));
  std::vector<std::thread> many;
  for (int i = 0; i < 6; ++i)
    many.emplace_back([&] {
      for (int j = 0; j < 5; ++j)
        EXPECT_EQ(buyer.post("/api/v1/things", a_thing).status, 201);
    });
  for (auto& t : many)
    t.join();
  EXPECT_EQ(trail(ours).size(), 31U);
  EXPECT_EQ(ours.query<std::int64_t>(broken_links).at(0), 0);
}

TEST_F(audit_trail, that_cannot_be_written_does_not_take_the_answer_with_it) {
  people_server server(generous());
  person buyer(server);
  buyer.login(ours.add("buyer"));
  postgres::session superuser(postgres_server::instance().superuser_url());
  superuser.script("alter table audit_events add constraint closed check (action <> 'POST things') not valid");
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(buyer.post("/api/v1/things", a_thing).status, 201);
  superuser.script("alter table audit_events drop constraint closed");
  EXPECT_EQ(trail(ours).size(), 1U);
  EXPECT_EQ(buyer.post("/api/v1/things", a_thing).status, 201);
  EXPECT_EQ(trail(ours).size(), 2U);
}

TEST(sealer, opens_only_what_it_sealed) {
  const auto ring = [](char fill) { return key_ring::create(std::string(32, fill)).value(); };
  const sealer ours(ring('a')), theirs(ring('b'));
  for (const auto& text : {std::string(), std::string("{}"), std::string(5'000, 'x'), std::string("\0\xff", 2)}) {
    const auto sealed = ours.seal(text);
    EXPECT_EQ(ours.open(sealed), text);
    EXPECT_NE(ours.seal(text), sealed);
    EXPECT_FALSE(theirs.open(sealed));
    auto changed = sealed;
    changed[changed.size() / 2] ^= 1;
    EXPECT_FALSE(ours.open(changed));
    EXPECT_FALSE(ours.open(sealed.substr(0, sealed.size() - 4)));
  }
  EXPECT_FALSE(ours.open(""));
  EXPECT_FALSE(ours.open("{\"id\":1}"));
  EXPECT_FALSE(ours.open(ours.seal("text", "user 1"), "user 2")); // nor at another place
}

TEST(sealer, seals_with_the_newest_secret_and_opens_with_all) {
  const std::string a(32, 'a'), b(32, 'b');
  const sealer before(key_ring::create(a).value()), rotated(key_ring::create(b + "," + a).value()),
      after(key_ring::create(b + "\n").value());
  const auto old = before.seal("text"), fresh = rotated.seal("text");
  EXPECT_EQ(rotated.open(old), "text");
  EXPECT_FALSE(rotated.is_newest(old));
  EXPECT_TRUE(rotated.is_newest(fresh));
  EXPECT_EQ(after.open(fresh), "text");
  EXPECT_FALSE(after.open(old));
  EXPECT_FALSE(before.open(fresh));
  EXPECT_FALSE(key_ring::create("short").has_value());
  EXPECT_FALSE(key_ring::create(a + ",short").has_value());
  EXPECT_FALSE(key_ring::create(" , ").has_value());
}

TEST(audit_extract, removes_secrets_at_any_depth_and_keeps_to_its_size) {
  const auto kept =
      audit_extract(R"({"id":7,"list":[{"password":"p","csrf_token":"t","name":"n"}],"client_secret":1})");
  ASSERT_TRUE(kept);
  EXPECT_EQ(boost::json::serialize(*kept), R"({"id":7,"list":[{"name":"n"}]})");
  EXPECT_FALSE(audit_extract(""));
  EXPECT_FALSE(audit_extract("a,b\n1,2"));
  boost::json::object large{{"id", 7}, {"lines", boost::json::array(5'000, 1)}};
  EXPECT_EQ(boost::json::serialize(*audit_extract(boost::json::serialize(large))), R"({"id":7})");
  large["name"] = std::string(10'000, 'x');
  EXPECT_FALSE(audit_extract(boost::json::serialize(large)));
}

} // namespace
