// The second factor: codes, recovery, policy.
#include "identity/totp.hpp"
#include "people_server.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <unistd.h>

using namespace pricing;
using namespace pricing::identity;
using namespace pricing::identity::test;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view rfc_secret = "12345678901234567890"; // RFC 6238, appendix B

TEST(totp, gives_the_codes_of_the_standard) {
  const std::pair<std::int64_t, const char*> expected[] = {{59, "287082"},         {1111111109, "081804"},
                                                           {1111111111, "050471"}, {1234567890, "005924"},
                                                           {2000000000, "279037"}, {20000000000, "353130"}};
  for (const auto& [at, code] : expected)
    EXPECT_EQ(totp_code(rfc_secret, totp_step(timestamp(std::chrono::seconds(at)))), code) << at;
}

TEST(totp, takes_one_step_of_drift_and_no_code_twice) {
  const timestamp now(1'000'000s);
  const auto step = totp_step(now);
  for (const int drift : {-1, 0, 1})
    EXPECT_EQ(match_totp(rfc_secret, totp_code(rfc_secret, step + drift), now, 0), step + drift);
  for (const int drift : {-2, 2})
    EXPECT_FALSE(match_totp(rfc_secret, totp_code(rfc_secret, step + drift), now, 0)) << drift;
  EXPECT_FALSE(match_totp(rfc_secret, totp_code(rfc_secret, step), now, step));
  EXPECT_EQ(match_totp(rfc_secret, totp_code(rfc_secret, step + 1), now, step), step + 1);
  EXPECT_FALSE(match_totp(rfc_secret, "", now, 0));
}

TEST(totp, writes_secrets_as_authenticators_read_them) {
  EXPECT_EQ(base32("12345678901234567890"), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
  EXPECT_EQ(base32("f"), "MY");
  EXPECT_EQ(base32("foob"), "MZXW6YQ");
  EXPECT_EQ(totp_uri("f", "Pricing", "a b@example.com"),
            "otpauth://totp/Pricing:a%20b%40example.com?secret=MY&issuer=Pricing");
}

std::string unbase32(std::string_view text) {
  std::string out;
  unsigned bits = 0, held = 0;
  for (const char c : text) {
    bits = bits << 5 | static_cast<unsigned>(c >= 'A' ? c - 'A' : c - '2' + 26);
    if ((held += 5) >= 8)
      out += static_cast<char>(bits >> (held -= 8) & 255);
  }
  return out;
}

class mfa_test : public testing::Test {
 protected:
  std::string code(int steps_ahead = 0) const { return totp_code(secret, totp_step(server.clock.now()) + steps_ahead); }
  std::vector<std::string> enable() {
    EXPECT_EQ(user.login(email).status, 200);
    const auto begun = user.post("/api/v1/auth/mfa");
    EXPECT_EQ(begun.status, 200) << begun.text.body;
    secret = unbase32(begun.string("secret"));
    const auto done = user.post("/api/v1/auth/mfa/confirm", {{"code", code()}});
    EXPECT_EQ(done.status, 200) << done.text.body;
    std::vector<std::string> codes;
    for (const auto& c : done.json.at("recovery_codes").as_array())
      codes.emplace_back(c.as_string());
    server.clock.forward(30s); // the confirming code is used up
    return codes;
  }
  people_server server;
  organization ours;
  const std::string email = ours.add("buyer");
  person user{server};
  std::string secret;
};

TEST_F(mfa_test, asks_for_a_code_once_it_is_confirmed) {
  ASSERT_EQ(user.login(email).status, 200);
  const auto begun = user.post("/api/v1/auth/mfa");
  EXPECT_EQ(person(server).login(email).status, 200); // not confirmed: not asked for
  EXPECT_EQ(user.post("/api/v1/auth/mfa/confirm", {{"code", "000000"}}).status, 422);
  EXPECT_FALSE(user.get("/api/v1/auth/mfa").json.at("enabled").as_bool());
  const auto codes = enable();
  EXPECT_EQ(codes.size(), 10U);
  EXPECT_TRUE(user.get("/api/v1/auth/mfa").json.at("enabled").as_bool());
  EXPECT_EQ(user.post("/api/v1/auth/mfa").status, 409);

  const auto asked = person(server).login(email);
  EXPECT_EQ(asked.status, 401);
  EXPECT_EQ(asked.json.at("details").at(0).at("path").as_string(), "code") << asked.text.body;
  EXPECT_EQ(person(server).login(email, "another long password", code()).status, 401);
  const auto right = code();
  EXPECT_EQ(person(server).login(email, good_password, right).status, 200);
  EXPECT_EQ(person(server).login(email, good_password, right).status, 401); // replayed
  EXPECT_EQ(person(server).take_token(email).status, 401);
}

TEST_F(mfa_test, recovery_codes_are_good_for_one_use_each) {
  const auto codes = enable();
  EXPECT_EQ(person(server).login(email, good_password, codes[3]).status, 200);
  EXPECT_EQ(person(server).login(email, good_password, codes[3]).status, 401);
  auto shouted = codes[4];
  std::erase(shouted, '-');
  for (char& c : shouted)
    c = static_cast<char>(std::toupper(c));
  EXPECT_EQ(person(server).login(email, good_password, shouted).status, 200);
  EXPECT_EQ(user.get("/api/v1/auth/mfa").json.at("recovery_codes_left").as_int64(), 8);
}

TEST_F(mfa_test, keeps_nothing_readable) {
  const auto codes = enable();
  const auto stored =
      ours.query<std::string>("select secret from second_factors where user_id = $1", ours.id_of(email));
  EXPECT_EQ(stored.at(0).find(secret), std::string::npos);
  EXPECT_EQ(stored.at(0).find(base32(secret)), std::string::npos);
  EXPECT_EQ(stored.at(0).find(':'), 16U); // the id of the key that sealed it
  EXPECT_EQ(ours.query<std::int64_t>("select count(*) from recovery_codes where code_hash = any ($1)", codes).at(0), 0);
  const auto trail = ours.query<std::string>("select coalesce(after::text, '') from audit_events");
  for (const auto& after : trail) {
    EXPECT_EQ(after.find(base32(secret)), std::string::npos) << after;
    EXPECT_EQ(after.find(codes[0]), std::string::npos) << after;
  }
}

TEST_F(mfa_test, survives_a_rotation_of_the_secret) {
  enable();
  const auto file = std::filesystem::temp_directory_path() / ("secrets-" + std::to_string(getpid()));
  std::ofstream(file) << std::string(32, 's') << "\n";
  const auto ring = rotate_secrets(file);
  ASSERT_EQ(ring.all().size(), 2U);
  EXPECT_EQ(ring.all()[1].secret(), std::string(32, 's'));
  EXPECT_EQ(std::filesystem::status(file).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  postgres::session app(postgres_server::instance().app_url());
  EXPECT_EQ(reseal_second_factors(app, sealer(ring), ours.id), 1);
  EXPECT_EQ(reseal_second_factors(app, sealer(ring), ours.id), 0);
  const auto alone = retire_secrets(file);
  std::filesystem::remove(file);
  ASSERT_EQ(alone.all().size(), 1U);
  EXPECT_EQ(alone.newest().id(), ring.newest().id());
  config c;
  c.secret = alone.newest().secret();
  people_server after(c);
  after.clock.forward(60s);
  EXPECT_EQ(person(after).login(email, good_password, totp_code(secret, totp_step(after.clock.now()))).status, 200);
}

TEST_F(mfa_test, wrong_codes_lock_like_wrong_passwords) {
  enable();
  int locked = 0;
  for (int i = 0; i < 12; ++i) {
    locked += person(server).login(email, good_password, "000000").status == 429 ? 1 : 0;
    person(server).login(email); // knowing the password does not start the count afresh
  }
  EXPECT_EQ(locked, 2);
}

TEST_F(mfa_test, is_disabled_by_a_code_and_reset_by_an_administrator) {
  enable();
  EXPECT_EQ(user.post("/api/v1/auth/mfa/disable", {{"code", "000000"}}).status, 422);
  EXPECT_EQ(user.post("/api/v1/auth/mfa/disable", {{"code", code()}}).status, 204);
  EXPECT_EQ(person(server).login(email).status, 200);
  enable();
  person boss(server);
  boss.login(ours.add("admin"));
  EXPECT_EQ(boss.patch("/api/v1/users/" + std::to_string(ours.id_of(email)), {{"reset_mfa", true}}).status, 200);
  EXPECT_EQ(person(server).login(email).status, 200);
}

TEST_F(mfa_test, is_all_one_may_do_where_the_organization_requires_it) {
  person boss(server);
  boss.login(ours.add("admin"));
  EXPECT_FALSE(boss.get("/api/v1/security-policy").json.at("mfa_required").as_bool());
  EXPECT_EQ(boss.put("/api/v1/security-policy", {{"mfa_required", true}}).status, 200);

  const auto entered = user.login(email);
  ASSERT_EQ(entered.status, 200);
  EXPECT_TRUE(entered.json.at("mfa_setup_needed").as_bool());
  EXPECT_TRUE(entered.json.at("permissions").as_array().empty());
  EXPECT_EQ(user.get("/api/v1/auth/me").json, entered.json);
  EXPECT_EQ(user.get("/api/v1/things").status, 403);
  EXPECT_EQ(person(server).take_token(email).status, 403);
  const auto begun = user.post("/api/v1/auth/mfa");
  ASSERT_EQ(begun.status, 200) << begun.text.body;
  secret = unbase32(begun.string("secret"));
  EXPECT_EQ(user.post("/api/v1/auth/mfa/confirm", {{"code", code()}}).status, 200);
  EXPECT_EQ(user.get("/api/v1/things").status, 200); // the same session may go on
  EXPECT_FALSE(user.get("/api/v1/auth/me").json.at("mfa_setup_needed").as_bool());
  server.clock.forward(30s);
  EXPECT_EQ(user.post("/api/v1/auth/mfa/disable", {{"code", code()}}).status, 409);
}

} // namespace
