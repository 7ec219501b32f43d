// From prices in a real database to a model in use.
#include "sample_market.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <algorithm>

using namespace pricing;
using namespace pricing::models;
using namespace std::chrono_literals;

namespace {

struct stored_model {
  std::string version, state, object_key, sha256;
  std::optional<date> trained_until;
  boost::json::value metrics, features;
  bool has_day = false; // of promotion
};
BOOST_DESCRIBE_STRUCT(stored_model, (), (version, state, object_key, sha256, trained_until, metrics, features, has_day))

class training_test : public testing::Test {
 protected:
  std::vector<stored_model> stored(organization_id o) {
    session.begin(o);
    auto rows =
        session.query<stored_model>("select version, state, object_key, encode(sha256, 'hex'), trained_until, "
                                    "metrics, parameters->'features', promoted_at is not null from models order by id");
    session.commit();
    return rows;
  }
  test::postgres_server& server = test::postgres_server::instance();
  postgres::session session{server.app_url()};
  test::temporary_folder folder;
  storage::folder_store objects{folder.path};
};

TEST_F(training_test, promotes_a_model_that_beats_the_baselines_and_retires_the_one_before) {
  const auto organization = server.new_organization();
  test::make_sample_market(session, organization);
  postgres::session ears(server.app_url());
  ears.listen("models");
  std::vector<double> shares;
  const auto first = train_model(session, objects, organization, [&](std::string_view step, double share) {
    EXPECT_FALSE(step.empty());
    shares.push_back(share);
  });
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_TRUE(first->promoted) << learn::to_table(first->tested);
  EXPECT_TRUE(first->version.ends_with(".1")) << first->version;
  EXPECT_GT(first->lines, 500U);
  EXPECT_LT(first->tested.ours.to_low, first->tested.trailing_median.to_low);
  EXPECT_TRUE(std::ranges::is_sorted(shares));
  EXPECT_EQ(shares.back(), 1);
  const auto told = ears.wait_notification(2s);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->payload, std::to_string(organization.value));

  auto rows = stored(organization);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].version, first->version);
  EXPECT_EQ(rows[0].state, "promoted");
  EXPECT_TRUE(rows[0].has_day);
  EXPECT_TRUE(rows[0].object_key.ends_with(rows[0].sha256));
  EXPECT_EQ(rows[0].trained_until, test::sample_until - std::chrono::days(14));
  const auto bytes = objects.get(rows[0].object_key);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(learn::price_model::load(*bytes).value().trained_lines(), first->lines);
  EXPECT_EQ(rows[0].metrics.at("low_ours").as_double(), first->tested.ours.to_low);
  EXPECT_TRUE(rows[0].metrics.at("low_estimate").is_double());
  EXPECT_GT(rows[0].metrics.at("coverage_90").as_double(), 0.7);
  const auto& features = rows[0].features.as_array();
  ASSERT_EQ(features.size(), learn::model_features().size());
  EXPECT_EQ(features[0].at("name").as_string(), learn::model_features()[0].name);
  EXPECT_EQ(features[0].at("kind").as_string(), learn::model_features()[0].kind);
  // The five words that items begin with, which share out all lines.
  const auto& categories = rows[0].metrics.at("categories").as_array();
  ASSERT_EQ(categories.size(), 5U);
  std::int64_t lines = 0;
  double least = 1, most = 0;
  for (const auto& c : categories) {
    EXPECT_FALSE(c.at("name").as_string().empty());
    EXPECT_GT(c.at("coverage").as_double(), 0.5) << boost::json::serialize(c);
    least = std::min(least, c.at("mdape").as_double());
    most = std::max(most, c.at("mdape").as_double());
    lines += c.at("lines").as_int64();
  }
  EXPECT_EQ(lines, static_cast<std::int64_t>(first->tested.lines));
  EXPECT_GT(least, 0);
  EXPECT_LE(least, first->tested.ours.to_low); // the median of all lies between those of the parts
  EXPECT_GE(most, first->tested.ours.to_low);

  const auto second = train_model(session, objects, organization);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_TRUE(second->version.ends_with(".2")) << second->version;
  rows = stored(organization);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].state, "retired");
  EXPECT_EQ(rows[1].state, "promoted");
}

TEST_F(training_test, keeps_a_model_that_is_no_better_than_the_last_price_out_of_use) {
  const auto organization = server.new_organization();
  test::make_sample_market(session, organization, false);
  const auto trained = train_model(session, objects, organization);
  ASSERT_TRUE(trained) << trained.error().message;
  EXPECT_FALSE(trained->promoted);
  const auto rows = stored(organization);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].state, "rejected");
  EXPECT_FALSE(rows[0].has_day);
}

TEST_F(training_test, says_what_is_missing_when_there_are_too_few_prices) {
  const auto organization = server.new_organization();
  const auto none = train_model(session, objects, organization);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, errc::invalid_input);
  EXPECT_NE(none.error().message.find("import"), std::string::npos) << none.error().message;

  test::make_sample_market(session, organization);
  session.begin(organization);
  session.execute("delete from price_observations where observed_on < '2025-06-01'");
  session.commit();
  const auto few = train_model(session, objects, organization);
  ASSERT_FALSE(few);
  EXPECT_EQ(few.error().code, errc::invalid_input);
  EXPECT_NE(few.error().message.find("import older prices"), std::string::npos) << few.error().message;
  EXPECT_TRUE(stored(organization).empty());
}

TEST_F(training_test, evaluates_a_chosen_time_and_stores_nothing) {
  const auto& trained = test::trained_market::instance();
  const auto before = stored(trained.market.organization).size();
  const auto e = evaluate_history(session, trained.market.organization,
                                  {.from = *parse_date("2025-06-01"), .until = *parse_date("2025-10-01")});
  ASSERT_TRUE(e) << e.error().message;
  EXPECT_GE(e->events, 8U); // every other week
  EXPECT_LE(e->events, 9U);
  EXPECT_EQ(stored(trained.market.organization).size(), before);
  const auto backwards = evaluate_history(session, trained.market.organization,
                                          {.from = *parse_date("2025-06-01"), .until = *parse_date("2025-05-01")});
  ASSERT_FALSE(backwards);
  EXPECT_EQ(backwards.error().code, errc::invalid_input);
}

} // namespace
