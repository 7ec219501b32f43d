#include "learn/drift.hpp"
#include "learn/false_discovery.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <random>

namespace pricing::learn {
namespace {

TEST(quantile_sketch, is_exact_while_small) {
  quantile_sketch s;
  for (int i = 100; i > 0; --i) {
    s.add(static_cast<float>(i));
  }
  s.add(std::nanf(""));
  EXPECT_EQ(s.count(), 100U);
  EXPECT_EQ(s.missing(), 1U);
  EXPECT_EQ(s.quantile(0), 1);
  EXPECT_EQ(s.quantile(0.25), 25);
  EXPECT_EQ(s.quantile(0.5), 50);
  EXPECT_EQ(s.quantile(1), 100);
  EXPECT_NEAR(s.mean(), 50.5, 1e-9);
  EXPECT_NEAR(s.deviation(), std::sqrt((100.0 * 100 - 1) / 12), 1e-9);
}

TEST(quantile_sketch, of_merged_days_is_as_good_as_of_the_whole_stream) {
  std::mt19937_64 random(8);
  std::lognormal_distribution<float> d;
  quantile_sketch merged;
  std::vector<float> all;
  for (int day = 0; day < 100; ++day) {
    quantile_sketch one;
    const std::size_t n = 10 + random() % 4'000;
    for (std::size_t i = 0; i < n; ++i) {
      all.push_back(d(random));
      one.add(all.back());
    }
    merged.merge(one);
  }
  std::sort(all.begin(), all.end());
  ASSERT_EQ(merged.count(), all.size());
  double weight = 0;
  for (const auto& i : merged.items()) {
    weight += i.weight;
  }
  EXPECT_EQ(weight, static_cast<double>(all.size()));
  EXPECT_LT(merged.items().size(), 8'000U);
  for (double share = 0.01; share < 1; share += 0.01) {
    const auto rank = std::lower_bound(all.begin(), all.end(), merged.quantile(share)) - all.begin();
    EXPECT_NEAR(static_cast<double>(rank) / static_cast<double>(all.size()), share, 0.01);
  }
  double mean = 0;
  for (const float v : all) {
    mean += v / static_cast<double>(all.size());
  }
  EXPECT_NEAR(merged.mean(), mean, 1e-6);
  EXPECT_EQ(merged.min(), all.front());
  EXPECT_EQ(merged.max(), all.back());
}

TEST(category_sketch, bounds_what_it_keeps) {
  category_sketch s;
  for (int i = 0; i < 1'000; ++i) {
    s.add(static_cast<float>(i % 300));
  }
  s.merge(s);
  EXPECT_EQ(s.count(), 2'000U);
  EXPECT_EQ(s.counts().size(), category_sketch::categories_max);
  std::uint64_t sum = s.other();
  for (const auto& [code, n] : s.counts()) {
    sum += n;
  }
  EXPECT_EQ(sum, 2'000U);
}

const std::vector<drift_column> columns{{"log_quantity"},
                                        {"region", drift_role::feature, true},
                                        {"residual", drift_role::residual},
                                        {"inside_90", drift_role::coverage}};

struct market {
  double price_shift = 0;
  double quantity_shift = 0;
  double missing_share = 0;
  double new_region_share = 0;
};

// One letting: prices share its level, tails are heavy.
drift_profile letting(std::mt19937_64& random, std::size_t rows, const market& m = {}) {
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  std::student_t_distribution<double> tails(3);
  drift_profile out(columns);
  const double level = 0.05 * normal(random);
  for (std::size_t i = 0; i < rows; ++i) {
    const double residual = level + 0.2 * tails(random) + m.price_shift;
    const bool missing = uniform(random) < m.missing_share;
    const bool moved = uniform(random) < m.new_region_share;
    out.add(std::vector<float>{missing ? std::nanf("") : static_cast<float>(3 + normal(random) + m.quantity_shift),
                               moved ? 99.0F : static_cast<float>(random() % 5), static_cast<float>(residual),
                               std::abs(residual) < 0.47 ? 1.0F : 0.0F});
  }
  return out;
}

drift_profile window_of(std::mt19937_64& random, std::size_t rows, const market& m = {}) {
  drift_profile out(columns);
  for (std::size_t n = 0; n < rows; n += 10) {
    out.merge(letting(random, 10, m));
  }
  return out;
}

drift_reference reference(std::mt19937_64& random, const drift_options& o = {}) {
  std::vector<drift_profile> chunks;
  for (int i = 0; i < 400; ++i) {
    chunks.push_back(letting(random, 5 + random() % 11));
  }
  return drift_reference::build(columns, chunks, o).value();
}

struct watched {
  std::deque<drift_reference> references;
  std::deque<drift_profile> windows;
  std::vector<monitored_group> groups;
};

watched five_categories(std::uint64_t seed, double shift_in_third) {
  std::mt19937_64 random(seed);
  watched out;
  for (int c = 0; c < 5; ++c) {
    out.references.push_back(reference(random));
    out.windows.push_back(window_of(random, 500, {.price_shift = c == 2 ? shift_in_third : 0}));
    out.groups.push_back({"category " + std::to_string(c), &out.references.back(), &out.windows.back()});
  }
  return out;
}

TEST(drift, is_silent_on_stationary_splits) {
  int alarms = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const auto w = five_categories(seed, 0);
    bool alarm = false;
    for (const auto& g : find_drift(w.groups).value()) {
      alarm |= std::any_of(g.columns.begin(), g.columns.end(), [](const auto& c) { return c.drifted; });
    }
    alarms += alarm ? 1 : 0;
  }
  EXPECT_LE(alarms, 1);
}

TEST(drift, finds_prices_that_rose_by_a_tenth_in_one_category) {
  for (std::uint64_t seed = 21; seed <= 30; ++seed) {
    const auto w = five_categories(seed, std::log(1.1));
    const auto found = find_drift(w.groups).value();
    const auto& residual = found[2].columns[2];
    EXPECT_TRUE(residual.drifted) << "seed " << seed << ", p " << residual.p << ", q " << residual.q;
    EXPECT_GT(residual.distance.superiority, residual.limit.superiority);
    EXPECT_GT(residual.window_mean, residual.reference_mean);
    EXPECT_FALSE(found[2].columns[0].drifted);
  }
}

TEST(drift, p_values_do_not_depend_on_the_size_of_the_window) {
  std::mt19937_64 random(5);
  const auto r = reference(random, {.draws = 200});
  for (const std::size_t rows : {60, 300, 1'500}) {
    int small = 0;
    for (int i = 0; i < 60; ++i) {
      small += r.compare(2, window_of(random, rows)).p <= 0.1 ? 1 : 0;
    }
    EXPECT_GE(small, 1) << rows;
    EXPECT_LE(small, 14) << rows;
  }
}

TEST(drift, sees_missing_values_new_codes_and_lost_coverage) {
  std::mt19937_64 random(6);
  const auto r = reference(random);
  const auto missing = r.compare(window_of(random, 400, {.missing_share = 0.1})).value();
  EXPECT_TRUE(missing[0].drifted);
  EXPECT_FALSE(missing[1].drifted);
  const auto moved = r.compare(window_of(random, 400, {.new_region_share = 0.1})).value();
  EXPECT_TRUE(moved[1].drifted);
  EXPECT_FALSE(moved[2].drifted);
  EXPECT_TRUE(std::isnan(moved[1].reference_mean));
  const auto cheap = r.compare(window_of(random, 400, {.price_shift = 0.5})).value();
  EXPECT_TRUE(cheap[3].drifted);
  EXPECT_LT(cheap[3].window_mean, cheap[3].reference_mean - 0.1);
}

TEST(drift, distances_are_those_of_known_distributions) {
  std::mt19937_64 random(7);
  std::normal_distribution<float> d;
  const std::vector<drift_column> one{{"x"}};
  std::vector<drift_profile> chunks(50, drift_profile(one));
  for (auto& c : chunks) {
    for (int i = 0; i < 400; ++i) {
      c.add(std::vector<float>{d(random)});
    }
  }
  drift_profile window(one);
  for (int i = 0; i < 8'000; ++i) {
    window.add(std::vector<float>{d(random) + 0.5F});
  }
  const auto c = drift_reference::build(one, chunks).value().compare(0, window);
  EXPECT_NEAR(c.distance.wasserstein, 0.5, 0.03);    // a shift by half a standard deviation
  EXPECT_NEAR(c.distance.ks, 0.1974, 0.02);          // 2Φ(¼) − 1
  EXPECT_NEAR(c.distance.superiority, 0.1382, 0.01); // Φ(½/√2) − ½
  EXPECT_NEAR(c.distance.psi, 0.25, 0.05);           // (δ/σ)² without bins, a little less with them
  EXPECT_GT(c.distance.jensen_shannon, 0.12);
  EXPECT_LT(c.p, 1e-6);
}

TEST(drift, refuses_too_little_and_the_wrong_columns) {
  std::mt19937_64 random(9);
  const std::vector<drift_profile> few(3, letting(random, 20));
  EXPECT_FALSE(drift_reference::build(columns, few));
  const auto r = reference(random);
  EXPECT_FALSE(r.compare(window_of(random, 20)));
  const std::vector<drift_column> other{{"log_quantity"}};
  EXPECT_FALSE(r.compare(drift_profile(other)));
  const auto small = window_of(random, 20);
  const monitored_group g{"new", &r, &small};
  const auto found = find_drift({&g, 1}).value();
  EXPECT_TRUE(found[0].too_little_data);
  EXPECT_TRUE(found[0].columns.empty());
}

TEST(drift, takes_the_word_of_a_test_of_the_residual_by_lines) {
  std::mt19937_64 random(12);
  const auto r = reference(random);
  const auto window = window_of(random, 400);
  const auto found = find_drift(std::vector{monitored_group{"tested", &r, &window, 1e-9}}).value();
  EXPECT_TRUE(found[0].columns[2].drifted);
  EXPECT_EQ(found[0].columns[2].p, 1e-9);
  EXPECT_FALSE(found[0].columns[0].drifted);
}

TEST(false_discovery_rates, heavier_tests_are_called_sooner) {
  const std::vector<double> p{0.02, 0.02, std::nan(""), 0.9, 0.9};
  const std::vector<double> equal(5, 7.0);
  const auto plain = false_discovery_rates(p);
  const auto same = false_discovery_rates(p, equal);
  EXPECT_NEAR(same[0], plain[0], 1e-12);
  EXPECT_TRUE(std::isnan(same[2]));
  const auto q = false_discovery_rates(p, std::vector<double>{5, 1, 1, 1, 1});
  EXPECT_NEAR(q[0], 0.02 * 4 * 2 / 5, 1e-12);
  EXPECT_GT(q[1], plain[1]);
}

TEST(early_p_value, asks_more_of_a_first_look_than_of_the_last) {
  EXPECT_NEAR(early_p_value(0.01, 1), 0.01, 1e-9);
  EXPECT_NEAR(early_p_value(0.01, 3), 0.01, 1e-9);
  EXPECT_NEAR(early_p_value(0.0455, 1.0 / 16), 0.3173, 1e-3); // two standard errors count as one
  EXPECT_EQ(early_p_value(0.01, 0), 1);
  EXPECT_EQ(early_p_value(0, 0.5), 0);
  EXPECT_TRUE(std::isnan(early_p_value(std::nan(""), 0.5)));
}

TEST(early_p_value, makes_five_looks_hardly_worse_than_one) {
  std::mt19937_64 random(9);
  std::normal_distribution<double> gauss;
  constexpr int walks = 20'000;
  int plain = 0;
  int early = 0;
  for (int i = 0; i < walks; ++i) {
    double sum = 0;
    bool plain_alarm = false;
    bool early_alarm = false;
    for (int look = 1; look <= 5; ++look) {
      sum += gauss(random);
      const double p = std::erfc(std::abs(sum) / std::sqrt(2.0 * look));
      plain_alarm |= p <= 0.05;
      early_alarm |= early_p_value(p, look / 5.0) <= 0.05;
    }
    plain += plain_alarm ? 1 : 0;
    early += early_alarm ? 1 : 0;
  }
  EXPECT_GT(plain, walks * 0.12);
  EXPECT_LT(early, walks * 0.09);
}

TEST(drift, waits_for_more_of_a_window_that_is_still_small) {
  std::mt19937_64 random(14);
  const auto r = reference(random);
  const auto window = window_of(random, 100);
  const auto drifted = [&](double share) {
    return find_drift(std::vector{monitored_group{"tested", &r, &window, 0.002, share}}).value()[0].columns[2].drifted;
  };
  EXPECT_TRUE(drifted(1));
  EXPECT_FALSE(drifted(0.2));
}

} // namespace
} // namespace pricing::learn
