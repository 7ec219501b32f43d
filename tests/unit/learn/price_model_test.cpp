#include "learn/evaluate.hpp"
#include "learn/price_model.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <set>

namespace pricing::learn {
namespace {

using std::chrono::days;
const std::chrono::sys_days start{std::chrono::year{2020} / 1 / 1};

// Thirty items in lettings every ten days; the price falls with the quantity and depends on the place.
void fill(history_builder& b, int lettings, std::uint64_t seed = 11) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> noise(0, 0.15);
  for (int i = 1; i <= 30; ++i) {
    b.add(item_row{item_id{i}, "pipe kind " + std::to_string(i), i % 2 == 0 ? "ft" : "ea", "", true});
  }
  for (int e = 1; e <= lettings; ++e) {
    b.add(event_row{event_id{e}, e % 2 == 0 ? "north" : "south"});
    for (int k = 0; k < 8; ++k) {
      const int item = 1 + static_cast<int>(random() % 30);
      const double log_q = static_cast<double>(random() % 600) / 100;
      const double fair = 1 + 0.1 * item - 0.2 * log_q + (e % 2 == 0 ? 0.3 : 0);
      observation_row r{.item = item_id{item}, .event = event_id{e}, .observed_on = start + days{10 * e}, .line = k};
      r.quantity = std::exp(log_q);
      for (int bidder = 1; bidder <= 4; ++bidder) {
        r.supplier = supplier_id{bidder};
        r.rank = bidder;
        r.price = std::exp(fair + noise(random));
        b.add(r);
      }
      r.supplier = {};
      r.rank = 0;
      r.kind = price_kind::estimate;
      r.price = std::exp(fair);
      b.add(r);
    }
  }
}

price_history make_history(int lettings) {
  history_builder b;
  fill(b, lettings);
  return b.build();
}

train_options tiny(std::chrono::sys_days until) {
  return {.until = until, .rounds = 15, .depth = 3, .threads = 1, .learning_rate = 0.2, .calibration_days = 600};
}

std::vector<query_line> some_lines() {
  return {{item_id{1}, "", "ea", 10}, {item_id{2}, "", "ft", 200}, {item_id{}, "pipe kind 4 coated", "ft", 5}};
}

struct trained {
  price_history history = make_history(200);
  market_view view{history};
  std::chrono::sys_days on = start + days{1'900};
  price_model model = train(view, tiny(on)).value();
};

const trained& shared() {
  // Never destroyed: the library behind it keeps state of its own that ends first.
  static const trained& t = *new trained;
  return t;
}

TEST(price_history, sorts_groups_and_leaves_out_what_is_no_price) {
  history_builder b;
  b.add(item_row{item_id{5}, "pipe", "ft"});
  b.add(item_row{item_id{6}, "mobilization", "lsum", "", false});
  b.add(event_row{event_id{9}, "north"});
  observation_row r{.item = item_id{5}, .event = event_id{9}, .observed_on = start, .line = 1, .quantity = 2};
  for (const double price : {30.0, 10.0, 20.0, 0.0, -1.0}) {
    r.price = price;
    b.add(r);
  }
  r.item = item_id{6};
  r.price = 7;
  b.add(r);
  const price_history h = b.build();
  ASSERT_EQ(h.lines().size(), 1U);
  EXPECT_EQ(h.left_out(), 3U);
  EXPECT_EQ(h.lines()[0].bids, 3);
  EXPECT_FLOAT_EQ(h.lines()[0].median, std::log(20.0F));
  EXPECT_FLOAT_EQ(h.lines()[0].low, std::log(10.0F));
}

TEST(market_view, later_observations_change_no_feature) {
  const price_history whole = make_history(200);
  const price_history part = make_history(120); // the first 120 lettings are the same
  const market_view later(whole);
  const market_view earlier(part);
  const query_event on{start + days{10 * 120 + 5}, "north"};
  const auto a = earlier.features(on, some_lines());
  const auto b = later.features(on, some_lines());
  ASSERT_EQ(a.size(), 3 * market_view::feature_count());
  ASSERT_EQ(a.size(), b.size());
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0);
}

TEST(market_view, the_day_itself_is_not_known) {
  const price_history h = make_history(120);
  const market_view view(h);
  const auto first = view.features({start + days{10}, "south"}, some_lines());
  history_builder empty;
  fill(empty, 0);
  const price_history none = empty.build();
  const market_view nothing(none);
  const auto blank = nothing.features({start + days{10}, "south"}, some_lines());
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_TRUE(first[i] == blank[i] || (std::isnan(first[i]) && std::isnan(blank[i]))) << i;
  }
}

TEST(price_model, names_every_feature_once_and_what_it_is_about) {
  const auto features = model_features();
  EXPECT_EQ(features.size(), market_view::feature_count());
  std::set<std::pair<std::string, std::string>> names;
  for (const auto& f : features) {
    EXPECT_TRUE(names.emplace(f.name, f.kind).second) << f.name << ' ' << f.kind;
    EXPECT_TRUE(std::ranges::any_of(reason_names, [&](const reason_group& g) { return g.name == f.kind; })) << f.kind;
  }
  EXPECT_TRUE(names.contains({"day_of_year", "season"}));
  EXPECT_TRUE(names.contains({"last_median_2", "recent_prices"})); // one that there are several of
}

TEST(price_model, finds_the_price_and_orders_its_intervals) {
  const trained& t = shared();
  const auto p = t.model.predict(t.view, {t.on, "north"}, some_lines());
  ASSERT_EQ(p.size(), 3U);
  EXPECT_NEAR(std::log(p[0].expected), 1.1 - 0.2 * std::log(10.0) + 0.3, 0.3);
  EXPECT_NEAR(std::log(p[1].expected), 1.2 - 0.2 * std::log(200.0) + 0.3, 0.3);
  for (const prediction& x : p) {
    EXPECT_EQ(x.source, prediction_source::model);
    EXPECT_LT(x.low90, x.low50);
    EXPECT_LT(x.low50, x.expected);
    EXPECT_LT(x.expected, x.high50);
    EXPECT_LT(x.high50, x.high90);
    EXPECT_GT(x.expected_total, 0);
  }
  EXPECT_GT(p[0].bids, 0U);
  EXPECT_EQ(p[2].bids, 0U); // by its words alone
}

TEST(price_model, saved_and_loaded_predicts_the_same_bits) {
  const trained& t = shared();
  const auto loaded = price_model::load(t.model.save());
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto a = t.model.predict(t.view, {t.on, "north"}, some_lines(), {.reasons = true});
  const auto b = loaded->predict(t.view, {t.on, "north"}, some_lines(), {.reasons = true});
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].expected, b[i].expected);
    EXPECT_EQ(a[i].low90, b[i].low90);
    EXPECT_EQ(a[i].expected_total, b[i].expected_total);
    EXPECT_EQ(a[i].reasons, b[i].reasons);
  }
  EXPECT_EQ(loaded->trained_until(), t.on);
}

TEST(price_model, refuses_damaged_bytes) {
  std::string bytes = shared().model.save();
  EXPECT_FALSE(price_model::load("not a model"));
  EXPECT_FALSE(price_model::load(std::string_view(bytes).substr(0, bytes.size() / 2)));
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  EXPECT_FALSE(price_model::load(bytes));
}

TEST(price_model, reasons_lead_from_the_base_to_the_expected_price) {
  const trained& t = shared();
  for (const auto& p : t.model.predict(t.view, {t.on, "south"}, some_lines(), {.reasons = true})) {
    const double sum = std::accumulate(p.reasons.begin(), p.reasons.end(), 0.0);
    EXPECT_NEAR(p.base * std::exp(sum), p.expected, 1e-4 * p.expected);
  }
}

TEST(price_model, tails_fall_with_the_price) {
  const trained& t = shared();
  const auto p = t.model.predict(t.view, {t.on, "south"}, some_lines())[0];
  const auto fair = t.model.tail_probability(p, p.expected);
  const auto dear = t.model.tail_probability(p, 3 * p.expected);
  const auto cheap = t.model.tail_probability(p, p.expected / 3);
  ASSERT_TRUE(fair && dear && cheap);
  EXPECT_GT(fair->upper, 0.25);
  EXPECT_LT(dear->upper, 0.02);
  EXPECT_LT(cheap->lower, 0.02);
  EXPECT_FALSE(t.model.tail_probability(p, 0));
  EXPECT_FALSE(t.model.tail_probability(prediction{}, 5));
}

TEST(price_model, never_pools_units) {
  const trained& t = shared();
  const std::vector<query_line> foreign{{item_id{2}, "", "ton", 200}};
  const auto p = t.model.predict(t.view, {t.on, "north"}, foreign);
  EXPECT_EQ(p[0].source, prediction_source::none);
  EXPECT_EQ(p[0].bids, 0U);
}

TEST(price_model, says_that_there_is_too_little_to_train_on) {
  history_builder b;
  fill(b, 2);
  const price_history h = b.build();
  const market_view view(h);
  const auto model = train(view, tiny(start + days{900}));
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, errc::invalid_input);
}

TEST(evaluate, compares_with_the_baselines_on_unseen_time) {
  const trained& t = shared();
  evaluation_options o{.from = start + days{1'400}, .until = start + days{2'100}, .retrain_months = 12};
  o.training = tiny({});
  const auto e = evaluate(t.view, o);
  ASSERT_TRUE(e) << e.error().message;
  EXPECT_GT(e->lines, 300U);
  EXPECT_LT(e->ours.to_median, e->trailing_median.to_median);
  EXPECT_GT(e->coverage_90, 0.82);
  ASSERT_EQ(e->categories.size(), 1U); // every item is a pipe
  EXPECT_EQ(e->categories.front().category, "pipe");
  EXPECT_EQ(e->categories.front().coverage_90, e->coverage_90);
  EXPECT_EQ(e->categories.front().lines, e->lines);
  EXPECT_EQ(e->categories.front().to_low, e->ours.to_low);
  EXPECT_TRUE(beats_baselines(*e));
  EXPECT_NE(to_table(*e).find("MdAPE"), std::string::npos);
}

TEST(evaluate, gate_rejects_a_model_that_only_ties) {
  evaluation e;
  e.lines = 10;
  e.ours = e.last_price = e.trailing_median = {.to_low = 0.2, .to_median = 0.2};
  EXPECT_FALSE(beats_baselines(e));
  e.ours = {.to_low = 0.19, .to_median = 0.19};
  EXPECT_TRUE(beats_baselines(e));
  e.ours.to_low = 0.21;
  EXPECT_FALSE(beats_baselines(e));
}

} // namespace
} // namespace pricing::learn
