// What pricing-ml holds in memory: renewed when told, bounded, and one organization's trouble is its own.
#include "models/snapshot_cache.hpp"
#include "sample_market.hpp"

#include <gtest/gtest.h>
#include <prometheus/registry.h>

using namespace pricing;
using namespace pricing::models;
using namespace std::chrono_literals;

namespace {

template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds patience = 10s) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until)
      return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

class snapshot_cache_test : public testing::Test {
 protected:
  // An organization with the model of the trained market and, of its own, one item and one price.
  organization_id with_model(const std::string& version = "a.1", const std::string& object_key = "") {
    const auto o = server.new_organization();
    session.begin(o);
    session.execute("insert into items (organization_id, name, normalized_name, unit) values ($1, 'Pipe', 'pipe', "
                    "'ft')",
                    o);
    session.commit();
    add_model(o, version, object_key);
    add_price(o, 1);
    return o;
  }
  void add_model(organization_id o, const std::string& version, const std::string& object_key = "") {
    session.begin(o);
    session.execute("update models set state = 'retired' where state = 'promoted'");
    session.execute("insert into models (organization_id, version, state, object_key, sha256) values ($1, $2, "
                    "'promoted', $3, '')",
                    o, version, object_key.empty() ? shared_key() : object_key);
    session.query<std::string>("select pg_notify('models', $1::text)::text", std::to_string(o.value));
    session.commit();
  }
  void add_price(organization_id o, std::int64_t key) {
    session.begin(o);
    session.execute("insert into price_observations (organization_id, item_id, supplier_id, observed_on, kind, price, "
                    "quantity, currency, upload_id, source_row, row_key) select $1, id, 1, '2026-03-01', 4, 5, 1, "
                    "'USD', 1, 1, $2 from items",
                    o, key);
    session.query<std::string>("select pg_notify('prices', $1::text)::text", std::to_string(o.value));
    session.commit();
  }
  static std::string shared_key() { return test::trained_market::instance().objects.list("models").value().at(0); }
  std::unique_ptr<snapshot_cache> make(std::size_t organizations_max = 100) {
    return std::make_unique<snapshot_cache>(
        [url = server.app_url()] { return std::make_unique<postgres::session>(url); },
        test::trained_market::instance().objects,
        cache_limits{.organizations_max = organizations_max, .settle = 100ms, .retry_after = 100ms}, registry);
  }

  test::postgres_server& server = test::postgres_server::instance();
  postgres::session session{server.app_url()};
  prometheus::Registry registry;
};

TEST_F(snapshot_cache_test, is_ready_with_every_organization_that_has_a_model) {
  const auto one = with_model(), two = with_model("b.7"), none = server.new_organization();
  const auto cache = make();
  ASSERT_TRUE(eventually([&] { return cache->ready(); }));
  ASSERT_TRUE(cache->find(one) && *cache->find(one));
  EXPECT_EQ((*cache->find(one))->version, "a.1");
  EXPECT_EQ((*cache->find(two))->version, "b.7");
  EXPECT_FALSE(cache->find(none));        // unknown until asked for
  EXPECT_EQ(cache->load(none), nullptr);  // no model
  EXPECT_EQ(*cache->find(none), nullptr); // and known to have none
  EXPECT_EQ((*cache->find(one))->loaded.prices.size(), 1U);
}

TEST_F(snapshot_cache_test, renews_prices_and_model_when_told_while_the_old_ones_serve) {
  const auto o = with_model();
  const auto cache = make();
  ASSERT_TRUE(eventually([&] { return cache->ready(); }));
  const auto before = *cache->find(o);
  add_price(o, 2);
  EXPECT_TRUE(cache->find(o).has_value()); // never without an answer
  ASSERT_TRUE(eventually([&] { return (*cache->find(o))->loaded.prices.size() == 2; }));
  EXPECT_EQ(before->loaded.prices.size(), 1U); // whoever holds the old one goes on with it
  EXPECT_NE(before->loaded.snapshot, (*cache->find(o))->loaded.snapshot);
  add_model(o, "a.2");
  EXPECT_TRUE(eventually([&] { return (*cache->find(o))->version == "a.2"; }));
}

TEST_F(snapshot_cache_test, takes_up_the_first_model_of_an_organization_known_to_have_none) {
  const auto o = server.new_organization();
  const auto cache = make();
  ASSERT_TRUE(eventually([&] { return cache->ready(); }));
  ASSERT_EQ(cache->load(o), nullptr);
  add_model(o, "c.1");
  EXPECT_TRUE(eventually([&] { return *cache->find(o) != nullptr; }));
}

TEST_F(snapshot_cache_test, keeps_the_old_model_when_the_new_one_cannot_be_read) {
  const auto o = with_model();
  const auto cache = make();
  ASSERT_TRUE(eventually([&] { return cache->ready(); }));
  add_model(o, "a.2", "models/00/missing");
  std::this_thread::sleep_for(500ms);
  EXPECT_EQ((*cache->find(o))->version, "a.1");
  EXPECT_TRUE(cache->ready());
  add_model(o, "a.3");
  EXPECT_TRUE(eventually([&] { return (*cache->find(o))->version == "a.3"; }));
}

TEST_F(snapshot_cache_test, serves_the_others_when_one_model_cannot_be_read) {
  const auto broken = with_model("x.1", "models/00/missing"), whole = with_model();
  const auto cache = make();
  ASSERT_TRUE(eventually([&] { return cache->ready(); }));
  EXPECT_TRUE(cache->find(whole).has_value());
  EXPECT_FALSE(cache->find(broken).has_value());
  EXPECT_ANY_THROW(cache->load(broken));
  add_model(broken, "x.2");
  EXPECT_TRUE(eventually([&] { return cache->find(broken).has_value(); }));
}

TEST_F(snapshot_cache_test, forgets_the_organization_used_longest_ago) {
  const auto one = with_model(), two = with_model(), three = with_model();
  const auto cache = make(2);
  ASSERT_TRUE(eventually([&] { return cache->ready(); }));
  cache->load(one);
  cache->load(two);
  EXPECT_TRUE(cache->find(one).has_value());
  cache->load(three);
  EXPECT_TRUE(cache->find(three).has_value());
  EXPECT_TRUE(cache->find(one).has_value());
  EXPECT_FALSE(cache->find(two).has_value());
  EXPECT_NE(cache->load(two), nullptr);
}

TEST_F(snapshot_cache_test, is_not_ready_without_a_database) {
  snapshot_cache cache([]() -> std::unique_ptr<postgres::session> { throw std::runtime_error("no database"); },
                       test::trained_market::instance().objects, {.retry_after = 20ms}, registry);
  EXPECT_FALSE(eventually([&] { return cache.ready(); }, 200ms));
}

} // namespace
