// The audit trail notices what was done to it behind its back, by somebody with the whole database in hand.
#include "identity/audit_chain.hpp"
#include "people_server.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <unistd.h>

using namespace pricing;
using namespace pricing::identity;
using namespace pricing::identity::test;

namespace {

class audit_chain_test : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(boss.login(ours.add("admin")).status, 200);
    for (int i = 0; i < 5; ++i)
      ASSERT_EQ(boss.post("/api/v1/things", {{"name", "x"}}).status, 201);
    ids = ours.query<std::int64_t>("select id from audit_events order by id");
    ASSERT_EQ(ids.size(), 6U);
  }
  audit_report verify(const std::optional<audit_link>& remembered = std::nullopt) {
    postgres::session app(postgres_server::instance().app_url());
    return verify_audit_chain(app, keys, ours.id, remembered);
  }
  // As the superuser, past triggers and policies.
  void tamper(const std::string& statement, std::int64_t event = 0) {
    postgres::session superuser(postgres_server::instance().superuser_url());
    superuser.script("set session_replication_role = replica; " + statement + " where organization_id = " +
                     std::to_string(ours.id.value) + (event ? " and id = " + std::to_string(event) : ""));
  }
  // Makes the chain whole again, as somebody who knows how the database does it.
  void rehash() {
    postgres::session superuser(postgres_server::instance().superuser_url());
    superuser.script(
        "set session_replication_role = replica; do $$ declare e audit_events; earlier bytea; begin "
        "for e in select * from audit_events where organization_id = " +
        std::to_string(ours.id.value) +
        " order by id loop update audit_events set previous_hash = earlier, hash = "
        "sha256(coalesce(earlier, '') || convert_to(concat_ws(chr(31), e.organization_id, e.id, "
        "extract(epoch from e.at), coalesce(e.user_id, 0), e.action, e.subject_type, coalesce(e.subject_id, "
        "''), coalesce(e.before::text, ''), coalesce(e.after::text, ''), coalesce(e.request_id, ''), "
        "coalesce(e.address, '')), 'UTF8')) where organization_id = e.organization_id and id = e.id "
        "returning hash into earlier; end loop; end $$");
  }
  people_server server;
  organization ours;
  person boss{server};
  std::vector<std::int64_t> ids;
  const key_ring keys = key_ring::create(std::string(32, 's')).value();
};

TEST_F(audit_chain_test, is_whole_when_nobody_touched_it) {
  const auto r = verify();
  EXPECT_FALSE(r.broken) << r.broken->reason;
  EXPECT_EQ(r.events, 6);
  ASSERT_TRUE(r.last);
  EXPECT_EQ(r.last->id, ids.back());
  EXPECT_EQ(r.last->hash.size(), 64U);
  ASSERT_EQ(boss.post("/api/v1/things", {{"name", "x"}}).status, 201);
  EXPECT_FALSE(verify(r.last).broken); // longer than what was remembered
}

TEST_F(audit_chain_test, names_the_first_event_that_was_changed) {
  tamper("update audit_events set action = 'nothing'", ids[4]);
  tamper("update audit_events set after = '{\"id\": 9}'", ids[2]);
  const auto r = verify();
  ASSERT_TRUE(r.broken);
  EXPECT_EQ(r.broken->event, ids[2]);
  EXPECT_NE(r.broken->reason.find("changed"), std::string::npos) << r.broken->reason;
}

TEST_F(audit_chain_test, names_the_event_after_one_that_was_removed) {
  for (const int removed : {3, 0}) {
    tamper("delete from audit_events", ids[static_cast<std::size_t>(removed)]);
    const auto r = verify();
    ASSERT_TRUE(r.broken);
    EXPECT_EQ(r.broken->event, ids[static_cast<std::size_t>(removed) + 1]) << r.broken->reason;
  }
}

TEST_F(audit_chain_test, misses_events_that_were_cut_off_its_end) {
  const auto whole = verify();
  tamper("delete from audit_events", ids[5]);
  EXPECT_EQ(verify().broken.value().event, ids[5]);
  // With the head moved back as well, only without its signature:
  tamper("update audit_heads set event_id = " + std::to_string(ids[4]) +
         ", hash = (select hash from audit_events where id = " + std::to_string(ids[4]) + ")");
  EXPECT_NE(verify().broken.value().reason.find("signature"), std::string::npos);
  tamper("delete from audit_heads");
  EXPECT_NE(verify().broken.value().reason.find("no signed head"), std::string::npos);
  EXPECT_EQ(verify(whole.last).broken.value().event, ids[5]); // kept apart
  tamper("delete from audit_events");
  EXPECT_EQ(verify(whole.last).broken.value().event, ids[5]);
}

TEST_F(audit_chain_test, shows_a_chain_that_was_written_anew) {
  tamper("update audit_events set action = 'nothing'", ids[1]);
  rehash();
  const auto r = verify();
  ASSERT_TRUE(r.broken);
  EXPECT_EQ(r.broken->event, ids[5]); // consistent in itself, but not what was signed
}

TEST(audit_heads_file, keeps_what_was_written) {
  const auto file = std::filesystem::temp_directory_path() / ("audit-heads-" + std::to_string(getpid()));
  EXPECT_TRUE(read_audit_heads(file).empty());
  write_audit_heads(file, {{1, {7, std::string(64, 'a')}}, {2, {9, std::string(64, 'b')}}});
  const auto read = read_audit_heads(file);
  EXPECT_EQ(read.size(), 2U);
  EXPECT_EQ(read.at(2).id, 9);
  EXPECT_EQ(read.at(2).hash, std::string(64, 'b'));
  std::ofstream(file) << "1 x";
  EXPECT_THROW(read_audit_heads(file), std::runtime_error);
  std::filesystem::remove(file);
}

TEST_F(audit_chain_test, head_is_signed_for_one_organization_and_by_a_kept_secret) {
  const audit_link head{7, std::string(64, 'a')};
  const auto signature = sign_audit_head(keys, {1}, head);
  EXPECT_TRUE(is_signed_audit_head(keys, {1}, head, signature));
  EXPECT_FALSE(is_signed_audit_head(keys, {2}, head, signature));
  EXPECT_FALSE(is_signed_audit_head(keys, {1}, {8, head.hash}, signature));
  EXPECT_FALSE(is_signed_audit_head(keys, {1}, head, ""));
  const auto rotated = key_ring::create(std::string(32, 'n') + "," + std::string(32, 's')).value();
  EXPECT_TRUE(is_signed_audit_head(rotated, {1}, head, signature));
  EXPECT_FALSE(is_signed_audit_head(key_ring::create(std::string(32, 'n')).value(), {1}, head, signature));
}

} // namespace
