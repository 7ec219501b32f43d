// Who may do what to whom: people, roles, organizations.
#include "people_server.hpp"

#include <gtest/gtest.h>

using namespace pricing;
using namespace pricing::identity;
using namespace pricing::identity::test;

namespace {

class people_test : public testing::Test {
 protected:
  std::string path_of(const std::string& email) const { return "/api/v1/users/" + std::to_string(ours.id_of(email)); }
  people_server server;
  organization ours;
  const std::string admin = ours.add("admin");
  person boss{server};
  void SetUp() override { ASSERT_EQ(boss.login(admin).status, 200); }
};

TEST_F(people_test, a_new_person_gets_a_generated_password_once) {
  const auto made = boss.post("/api/v1/users", {{"email", "New.Person@example.com"}, {"name", "N"}, {"role", "buyer"}});
  ASSERT_EQ(made.status, 201) << made.text.body;
  EXPECT_EQ(made.string("email"), "new.person@example.com");
  const auto password = made.string("generated_password");
  person newcomer(server);
  EXPECT_EQ(newcomer.login("new.person@example.com", password).string("role"), "buyer");
  EXPECT_EQ(boss.get("/api/v1/users").text.body.find(password), std::string::npos);
  EXPECT_EQ(boss.get("/api/v1/audit").text.body.find(password), std::string::npos);
  const auto again =
      boss.post("/api/v1/users", {{"email", "new.person@EXAMPLE.com"}, {"name", "N"}, {"role", "viewer"}});
  EXPECT_EQ(again.status, 409) << again.text.body;
}

TEST_F(people_test, a_given_password_is_not_answered_and_a_short_one_refused) {
  const auto made =
      boss.post("/api/v1/users",
                {{"email", "given@example.com"}, {"name", "G"}, {"role", "viewer"}, {"password", good_password}});
  ASSERT_EQ(made.status, 201) << made.text.body;
  EXPECT_TRUE(!made.json.as_object().contains("generated_password") || made.json.at("generated_password").is_null());
  EXPECT_EQ(person(server).login("given@example.com").status, 200);
  const auto refused = boss.post(
      "/api/v1/users", {{"email", "short@example.com"}, {"name", "S"}, {"role", "viewer"}, {"password", "short"}});
  EXPECT_EQ(refused.status, 422) << refused.text.body;
  EXPECT_EQ(refused.json.at("details").at(0).at("path").as_string(), "password");
}

TEST_F(people_test, are_listed_page_by_page) {
  for (int i = 0; i < 4; ++i)
    ours.add("viewer");
  std::set<std::int64_t> seen;
  std::string cursor;
  int pages = 0;
  do {
    const auto r = boss.get("/api/v1/users?limit=2" + cursor);
    ASSERT_EQ(r.status, 200) << r.text.body;
    for (const auto& p : r.json.at("data").as_array())
      EXPECT_TRUE(seen.insert(p.at("id").as_int64()).second);
    const auto& next = r.json.at("next_cursor");
    cursor = next.is_null() ? "" : "&cursor=" + std::string(next.as_string());
  } while (++pages < 10 && !cursor.empty());
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(seen.size(), 5U);
}

TEST_F(people_test, lose_access_at_once_when_disabled) {
  const auto email = ours.add("buyer");
  person browser(server), program(server);
  browser.login(email);
  const auto tokens = program.take_token(email);
  const auto r = boss.patch(path_of(email), {{"disabled", true}});
  ASSERT_EQ(r.status, 200) << r.text.body;
  EXPECT_TRUE(r.json.at("disabled").as_bool());
  EXPECT_EQ(browser.get("/api/v1/auth/me").status, 401);
  EXPECT_EQ(program.get("/api/v1/auth/me").status, 401);
  EXPECT_EQ(person(server).post("/api/v1/auth/refresh", {{"refresh_token", tokens.string("refresh_token")}}).status,
            401);
  EXPECT_EQ(person(server).login(email).status, 401);

  ASSERT_EQ(boss.patch(path_of(email), {{"disabled", false}}).status, 200);
  EXPECT_EQ(browser.get("/api/v1/auth/me").status, 401); // what has ended stays ended
  EXPECT_EQ(person(server).login(email).status, 200);
}

TEST_F(people_test, sign_in_again_after_a_change_of_role) {
  const auto email = ours.add("manager");
  person browser(server), program(server);
  browser.login(email);
  const auto tokens = program.take_token(email);
  ASSERT_EQ(boss.patch(path_of(email), {{"role", "viewer"}}).string("role"), "viewer");
  EXPECT_EQ(browser.get("/api/v1/users").status, 401);
  EXPECT_EQ(program.get("/api/v1/users").status, 401);
  const auto back = browser.login(email);
  EXPECT_EQ(back.string("role"), "viewer");
  EXPECT_EQ(browser.get("/api/v1/users").status, 403);
  // A refresh gives the role of today.
  server.clock.forward(std::chrono::seconds(2));
  person renewed(server);
  renewed.bearer = person(server)
                       .post("/api/v1/auth/refresh", {{"refresh_token", tokens.string("refresh_token")}})
                       .string("access_token");
  EXPECT_EQ(renewed.get("/api/v1/auth/me").string("role"), "viewer");
  EXPECT_EQ(renewed.get("/api/v1/users").status, 403);
}

TEST_F(people_test, get_a_token_that_works_right_after_a_change_of_role) {
  const auto email = ours.add("manager");
  ASSERT_EQ(boss.patch(path_of(email), {{"role", "viewer"}}).status, 200);
  person program(server);
  ASSERT_EQ(program.take_token(email).status, 200);
  EXPECT_EQ(program.get("/api/v1/auth/me").status, 200);
}

TEST_F(people_test, do_not_change_themselves) {
  for (const boost::json::object& change : {boost::json::object{{"role", "viewer"}}, {{"disabled", true}}}) {
    const auto r = boss.patch(path_of(admin), change);
    EXPECT_EQ(r.status, 409) << r.text.body;
  }
  EXPECT_EQ(boss.get("/api/v1/auth/me").string("role"), "admin");
}

TEST_F(people_test, of_another_organization_do_not_exist) {
  organization theirs;
  const auto stranger = theirs.add("viewer");
  const auto path = "/api/v1/users/" + std::to_string(theirs.id_of(stranger));
  for (const boost::json::object& change :
       {boost::json::object{{"role", "admin"}}, {{"disabled", true}}, boost::json::object{}}) {
    const auto r = boss.patch(path, change);
    EXPECT_EQ(r.status, 404) << r.text.body;
  }
  EXPECT_EQ(boss.patch("/api/v1/users/999999999", {{"role", "viewer"}}).status, 404);
  EXPECT_EQ(boss.get("/api/v1/users").text.body.find(stranger), std::string::npos);
  person other(server);
  EXPECT_EQ(other.login(stranger).string("role"), "viewer");
  EXPECT_EQ(boss.get("/api/v1/audit").text.body.find(stranger), std::string::npos);
}

TEST_F(people_test, may_do_what_their_role_lists_and_nothing_else) {
  struct expectation {
    const char* role;
    int look, make, people, add;
  };
  for (const auto& e : {expectation{"supplier", 403, 403, 403, 403},
                        {"viewer", 200, 403, 403, 403},
                        {"buyer", 200, 201, 403, 403},
                        {"analyst", 200, 201, 403, 403},
                        {"manager", 200, 201, 200, 403},
                        {"admin", 200, 201, 200, 422}}) {
    person who(server);
    ASSERT_EQ(who.login(ours.add(e.role)).status, 200);
    EXPECT_EQ(who.get("/api/v1/things").status, e.look) << e.role;
    EXPECT_EQ(who.post("/api/v1/things", {{"name", "x"}}).status, e.make) << e.role;
    EXPECT_EQ(who.get("/api/v1/users").status, e.people) << e.role;
    EXPECT_EQ(who.post("/api/v1/users", {{"email", "x"}}).status, e.add) << e.role;
    EXPECT_EQ(who.get("/api/v1/auth/me").status, 200) << e.role;
  }
  person supplier(server);
  EXPECT_TRUE(supplier.login(ours.add("supplier")).json.at("permissions").as_array().empty());
}

} // namespace
