#include "postgres/session_pool.hpp"

#include "support/postgres_server.hpp"

#include <gtest/gtest.h>

namespace pricing::postgres {
namespace {

struct session_pool_test : testing::Test {
  test::postgres_server& server = test::postgres_server::instance();
  organization_id organization = server.new_organization();
  int opened = 0;
  session_pool sessions{[this] {
                          ++opened;
                          return std::make_unique<session>(server.app_url());
                        },
                        2};
};

TEST_F(session_pool_test, gives_the_same_session_again_without_what_was_left_open) {
  auto first = sessions.begin(organization);
  first->execute("insert into suppliers (organization_id, name, normalized_name) values ($1, 'a', 'a')", organization);
  sessions.give_back(std::move(first));
  const auto again = sessions.begin(organization);
  EXPECT_EQ(opened, 1);
  EXPECT_EQ(again->query<std::int64_t>("select count(*) from suppliers").at(0), 0);
}

TEST_F(session_pool_test, takes_back_a_session_whose_transaction_failed) {
  auto first = sessions.begin(organization);
  EXPECT_THROW(first->query<int>("select 1 / 0"), database_error);
  sessions.give_back(std::move(first));
  EXPECT_EQ(sessions.begin(organization)->query<int>("select 1").at(0), 1);
  EXPECT_EQ(opened, 1);
}

TEST_F(session_pool_test, shows_the_rows_of_the_organization_that_it_is_taken_for) {
  auto first = sessions.begin(organization);
  first->execute("insert into suppliers (organization_id, name, normalized_name) values ($1, 'a', 'a')", organization);
  first->commit();
  sessions.give_back(std::move(first));
  EXPECT_EQ(sessions.begin(server.new_organization())->query<std::int64_t>("select count(*) from suppliers").at(0), 0);
}

TEST_F(session_pool_test, replaces_what_was_lost_and_keeps_no_more_than_it_should) {
  std::vector<std::unique_ptr<session>> taken;
  for (int i = 0; i < 3; ++i)
    taken.push_back(sessions.begin(organization));
  std::vector<int> pids;
  for (auto& s : taken) {
    pids.push_back(s->backend_pid());
    sessions.give_back(std::move(s));
  }
  session superuser(server.superuser_url());
  for (const int pid : pids)
    superuser.query<bool>("select pg_terminate_backend($1)", pid);
  EXPECT_EQ(sessions.begin(organization)->query<int>("select 1").at(0), 1);
  EXPECT_EQ(opened, 4);
}

} // namespace
} // namespace pricing::postgres
