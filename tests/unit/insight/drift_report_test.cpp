// Calibration and drift on a made market with a model that saw none of the tested prices.
#include "insight/calibration.hpp"
#include "insight/drift_report.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

using namespace pricing;
using namespace pricing::insight;

namespace {

const auto first_day = std::chrono::sys_days(std::chrono::year(2022) / 1 / 4);
constexpr int lettings = 104; // every other week for four years

std::int32_t day_of(int letting) {
  return static_cast<std::int32_t>((first_day + std::chrono::days(14 * letting)).time_since_epoch().count());
}

// Two categories of twenty items, eight lines a letting with four bids each. Pipes cost `dearer` times as much from
// letting 98 on.
learn::price_history make_history(double dearer) {
  std::mt19937_64 random(11);
  std::normal_distribution<double> noise(0, 0.12);
  learn::history_builder b;
  for (int i = 0; i < 40; ++i)
    b.add(learn::item_row{{i + 1}, "item " + std::to_string(i), "ft", i % 2 ? "pipes" : "kerbs"});
  for (int letting = 0; letting < lettings; ++letting) {
    b.add(learn::event_row{{letting + 1}, letting % 3 ? "north" : "south"});
    for (int line = 0; line < 8; ++line) {
      const auto item = static_cast<int>(random() % 40);
      const double quantity = std::round(std::exp(4 + 5 * noise(random)));
      const double fair = (10 + item) * std::pow(quantity / 50, -0.2) * (item % 2 && letting >= 98 ? dearer : 1);
      for (int supplier = 1; supplier <= 4; ++supplier)
        b.add({.item = {item + 1},
               .supplier = {supplier},
               .event = {letting + 1},
               .observed_on = first_day + std::chrono::days(14 * letting),
               .line = line + 1,
               .rank = supplier,
               .price = fair * std::exp(noise(random)),
               .quantity = quantity});
    }
  }
  return b.build();
}

struct checked {
  explicit checked(double dearer)
      : history(make_history(dearer)),
        view(history),
        context(view),
        model(learn::train(view,
                           {.until = first_day + std::chrono::days(14 * 72), .rounds = 20, .depth = 3, .threads = 1})
                  .value()) {}
  tested_prices test(int from, int until) const { return test_prices(context, model, day_of(from), day_of(until)); }
  learn::price_history history;
  learn::market_view view;
  price_context context;
  learn::price_model model;
};

const drift_row& row_of(const drift_group& group, const std::string& name) {
  return *std::ranges::find(group.rows, name, &drift_row::name);
}

TEST(calibration, shows_what_the_intervals_cover_and_what_moves_prices) {
  const checked c(1);
  const auto tested = c.test(72, lettings);
  const auto report = measure_calibration(c.context, tested, first_day, first_day);
  EXPECT_GT(report.overall.bids, 800);
  EXPECT_NEAR(report.overall.coverage_90, 0.9, 0.08);
  EXPECT_NEAR(report.overall.coverage_50, 0.5, 0.12);
  ASSERT_EQ(report.by_category.size(), 2U);
  EXPECT_EQ(report.by_category[0].bids + report.by_category[1].bids, report.overall.bids);
  ASSERT_FALSE(report.reliability.empty());
  for (const auto& p : report.reliability)
    EXPECT_NEAR(p.observed, p.nominal, 0.12);
  double shares = 0;
  for (const auto& r : report.importance)
    shares += r.share;
  EXPECT_NEAR(shares, 1, 1e-9);
}

TEST(drift_report, is_quiet_while_nothing_changes) {
  const checked c(1);
  const auto report = compare_prices(c.context, c.test(72, 98), c.test(98, lettings));
  ASSERT_FALSE(report.why_not) << *report.why_not;
  EXPECT_LE(report.drifted, 1);
  ASSERT_GE(report.groups.size(), 2U);
  EXPECT_EQ(report.groups[0].name, "all");
}

TEST(drift_report, names_the_category_whose_prices_rose_and_by_how_much) {
  const checked c(1.4);
  const auto report = compare_prices(c.context, c.test(72, 98), c.test(98, lettings));
  ASSERT_FALSE(report.why_not) << *report.why_not;
  EXPECT_GE(report.drifted, 1);
  const auto pipes = std::ranges::find(report.groups, "pipes", &drift_group::name);
  ASSERT_NE(pipes, report.groups.end());
  const auto& price = row_of(*pipes, "price");
  EXPECT_TRUE(price.drifted);
  EXPECT_GT(price.window.value(), price.reference.value() + 0.1);
  EXPECT_NE(price.text.find("% above it now"), std::string::npos) << price.text;
  const auto kerbs = std::ranges::find(report.groups, "kerbs", &drift_group::name);
  ASSERT_NE(kerbs, report.groups.end());
  EXPECT_FALSE(row_of(*kerbs, "price").drifted);
}

// Five standard errors over 22 lines would be called at once if no more lines were to come.
TEST(drift_report, waits_for_more_lines_of_a_window_that_shows_little) {
  const checked c(1.1);
  const auto report = compare_prices(c.context, c.test(72, 98), c.test(98, lettings));
  ASSERT_FALSE(report.why_not) << *report.why_not;
  const auto pipes = std::ranges::find(report.groups, "pipes", &drift_group::name);
  ASSERT_NE(pipes, report.groups.end());
  EXPECT_FALSE(row_of(*pipes, "residual").drifted);
  EXPECT_LT(row_of(*pipes, "residual").q, 0.1);
}

TEST(drift_report, says_when_too_few_days_are_known) {
  const checked c(1);
  const auto report = compare_prices(c.context, c.test(72, 75), c.test(98, lettings));
  ASSERT_TRUE(report.why_not);
  EXPECT_NE(report.why_not->find("it takes 8"), std::string::npos) << *report.why_not;
}

} // namespace
