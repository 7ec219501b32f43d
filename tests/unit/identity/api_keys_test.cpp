// Keys of programs: what they may do, and what ends them.
#include "people_server.hpp"

#include <gtest/gtest.h>

using namespace pricing;
using namespace pricing::identity;
using namespace pricing::identity::test;

namespace {

class api_key_test : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(boss.login(admin).status, 200); }
  reply make(boost::json::array permissions, int days = 30) {
    return boss.post("/api/v1/api-keys",
                     {{"name", "Nightly load"}, {"permissions", std::move(permissions)}, {"expires_in_days", days}});
  }
  std::string path_of(const reply& made) const {
    return "/api/v1/api-keys/" + std::to_string(made.json.at("id").as_int64());
  }
  people_server server;
  organization ours;
  const std::string admin = ours.add("admin");
  person boss{server};
};

TEST_F(api_key_test, lets_a_program_do_what_it_lists_and_nothing_else) {
  const auto made = make({"item.read", "upload.create"});
  ASSERT_EQ(made.status, 201) << made.text.body;
  const auto secret = made.string("secret");
  EXPECT_TRUE(secret.starts_with("pak_") && secret.size() == 68) << secret;
  person bearer(server), header(server);
  bearer.bearer = secret;
  header.api_key = secret;
  for (const auto* program : {&bearer, &header}) {
    EXPECT_EQ(program->get("/api/v1/things").status, 200);
    EXPECT_EQ(program->post("/api/v1/things", {{"name", "x"}}).status, 201); // no CSRF token: no browser sends it
    EXPECT_EQ(program->get("/api/v1/users").status, 403);
    EXPECT_EQ(program->get("/api/v1/api-keys").status, 403);
    const auto me = program->get("/api/v1/auth/me");
    EXPECT_EQ(boost::json::serialize(me.json.at("permissions")), R"(["item.read","upload.create"])");
    EXPECT_EQ(program->post("/api/v1/auth/mfa").status, 409);
  }
}

TEST_F(api_key_test, is_shown_once_and_kept_as_a_hash) {
  const auto made = make({"item.read"});
  const auto secret = made.string("secret");
  const auto listed = boss.get("/api/v1/api-keys");
  ASSERT_EQ(listed.json.at("data").as_array().size(), 1U) << listed.text.body;
  const auto& key = listed.json.at("data").at(0);
  EXPECT_EQ(key.at("shown").as_string(), secret.substr(0, 12));
  EXPECT_TRUE(key.at("active").as_bool());
  EXPECT_TRUE(key.at("last_used_at").is_null());
  EXPECT_EQ(listed.text.body.find(secret), std::string::npos);
  EXPECT_EQ(boss.get("/api/v1/audit").text.body.find(secret), std::string::npos);
  EXPECT_EQ(ours.query<std::int64_t>("select count(*) from api_keys where key_hash = $1", token_hash(secret)).at(0), 1);
  person program(server);
  program.api_key = secret;
  EXPECT_EQ(program.get("/api/v1/things").status, 200);
  EXPECT_FALSE(boss.get("/api/v1/api-keys").json.at("data").at(0).at("last_used_at").is_null());
}

TEST_F(api_key_test, ends_when_revoked_when_expired_and_with_its_person) {
  const auto revoked = make({"item.read"}), expired = make({"item.read"}), orphan = make({"item.read"});
  const auto status = [&](const reply& made) {
    person program(server);
    program.api_key = made.string("secret");
    return program.get("/api/v1/things").status;
  };
  EXPECT_EQ(status(revoked), 200);
  EXPECT_EQ(boss.remove(path_of(revoked)).status, 204);
  EXPECT_EQ(status(revoked), 401);
  EXPECT_EQ(boss.remove(path_of(revoked)).status, 204); // once more does no harm
  postgres::session superuser(postgres_server::instance().superuser_url());
  superuser.script("update api_keys set expires_at = now() - interval '1 s' where id = " +
                   std::to_string(expired.json.at("id").as_int64()));
  EXPECT_EQ(status(expired), 401);
  EXPECT_EQ(status(orphan), 200);
  superuser.script("update memberships set role = 'supplier' where user_id = " + std::to_string(ours.id_of(admin)));
  EXPECT_EQ(status(orphan), 403); // never more than its person
  superuser.script("update users set disabled_at = now() where id = " + std::to_string(ours.id_of(admin)));
  EXPECT_EQ(status(orphan), 401);
  person made_up(server);
  for (const auto& key :
       {std::string("pak_"), "pak_" + std::string(64, 'a'), "pak_" + std::string(5'000, 'a'), std::string("x")}) {
    made_up.api_key = key;
    EXPECT_EQ(made_up.get("/api/v1/things").status, 401) << key.substr(0, 80);
  }
}

TEST_F(api_key_test, takes_only_permissions_of_its_maker_and_none_over_keys) {
  for (const auto& wrong : {boost::json::array{}, boost::json::array{"no.such"}, boost::json::array{"api_key.write"},
                            boost::json::array{"item.read", "api_key.read"}}) {
    const auto r = make(wrong);
    EXPECT_EQ(r.status, 422) << r.text.body;
    EXPECT_EQ(r.json.at("details").at(0).at("path").as_string(), "permissions");
  }
  EXPECT_EQ(make({"item.read"}, 0).status, 422);
  EXPECT_EQ(make({"item.read"}, 367).status, 422);
  for (const auto* role : {"manager", "viewer", "supplier"}) {
    person other(server);
    other.login(ours.add(role));
    EXPECT_EQ(other.post("/api/v1/api-keys", {{"name", "x"}, {"permissions", {"item.read"}}}).status, 403) << role;
  }
}

TEST_F(api_key_test, of_another_organization_does_not_exist) {
  const auto made = make({"item.read"});
  organization theirs;
  person stranger(server);
  stranger.login(theirs.add("admin"));
  EXPECT_EQ(stranger.remove(path_of(made)).status, 404);
  EXPECT_TRUE(stranger.get("/api/v1/api-keys").json.at("data").as_array().empty());
  person program(server);
  program.api_key = made.string("secret");
  EXPECT_EQ(program.get("/api/v1/auth/me").json.at("organization").at("id").as_int64(), ours.id.value);
}

} // namespace
