#include "match/boosted_trees.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

using namespace pricing::match;

namespace {

constexpr float unknown = std::numeric_limits<float>::quiet_NaN();

// Two columns that say nothing alone, and one of noise.
labelled_rows exclusive_or(std::size_t rows, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> in_unit(0, 1);
  labelled_rows out;
  out.columns = 3;
  for (std::size_t i = 0; i < rows; ++i) {
    const float x = in_unit(random), y = in_unit(random);
    out.values.insert(out.values.end(), {x, y, in_unit(random)});
    out.labels.push_back((x > 0.5F) != (y > 0.5F) ? 1 : 0);
  }
  return out;
}

double accuracy(const boosted_trees& trees, const labelled_rows& rows) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < rows.rows(); ++i)
    right +=
        (trees.log_odds(std::span(rows.values).subspan(i * rows.columns, rows.columns)) > 0) == (rows.labels[i] == 1);
  return static_cast<double>(right) / static_cast<double>(rows.rows());
}

} // namespace

TEST(boosted_trees, learns_what_no_single_column_tells) {
  const auto trees = boosted_trees::train(exclusive_or(800, 1), exclusive_or(200, 2), {.rounds = 200}).value();
  EXPECT_GT(accuracy(trees, exclusive_or(1000, 3)), 0.95);
  const auto gains = trees.importance();
  EXPECT_LT(gains[2], 0.25 * std::min(gains[0], gains[1]));
}

TEST(boosted_trees, sends_unknown_values_where_they_belong) {
  labelled_rows rows;
  rows.columns = 1;
  for (int i = 0; i < 90; ++i) {
    rows.values.push_back(i % 3 == 0 ? unknown : static_cast<float>(i % 3));
    rows.labels.push_back(i % 3 == 2 ? 0 : 1); // unknown goes with the small values
  }
  const auto trees = boosted_trees::train(rows, {}, {.rounds = 60, .column_share = 1}).value();
  const std::vector<float> none{unknown}, small{1}, large{2};
  EXPECT_GT(trees.log_odds(none), 1);
  EXPECT_GT(trees.log_odds(small), 1);
  EXPECT_LT(trees.log_odds(large), -1);
}

TEST(boosted_trees, says_the_share_where_nothing_can_be_learned) {
  labelled_rows rows;
  rows.columns = 1;
  rows.values.assign(100, 7);
  for (int i = 0; i < 100; ++i)
    rows.labels.push_back(i < 25 ? 1 : 0);
  const auto trees = boosted_trees::train(rows, {}, {.rounds = 10, .row_share = 1}).value();
  EXPECT_NEAR(trees.log_odds(std::vector<float>{7}), std::log(25.0 / 75.0), 1e-6);
}

TEST(boosted_trees, starts_from_each_rows_prior) {
  labelled_rows rows;
  rows.columns = 1;
  for (int i = 0; i < 200; ++i) { // the prior knows everything already
    rows.values.push_back(static_cast<float>(i % 7));
    rows.labels.push_back(i % 2 == 0 ? 1 : 0);
    rows.prior.push_back(i % 2 == 0 ? 12 : -12);
  }
  const auto trees = boosted_trees::train(rows, {}, {.rounds = 20}).value();
  EXPECT_NEAR(trees.log_odds(std::vector<float>{3}, 12), 12, 0.1);
  EXPECT_NEAR(trees.log_odds(std::vector<float>{3}, -12), -12, 0.1);
}

TEST(boosted_trees, is_the_same_twice_and_after_storage) {
  const auto rows = exclusive_or(300, 5), validation = exclusive_or(100, 6);
  const auto first = boosted_trees::train(rows, validation, {.rounds = 40}).value();
  const auto text = first.save();
  EXPECT_EQ(text, boosted_trees::train(rows, validation, {.rounds = 40}).value().save());
  EXPECT_NE(text, boosted_trees::train(rows, validation, {.rounds = 40, .seed = 2}).value().save());
  const auto again = boosted_trees::load(text).value();
  EXPECT_EQ(again.save(), text);
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto row = std::span(rows.values).subspan(i * 3, 3);
    ASSERT_EQ(again.log_odds(row), first.log_odds(row));
  }
}

TEST(boosted_trees, refuses_rows_it_cannot_learn_from) {
  auto rows = exclusive_or(50, 1);
  EXPECT_FALSE(boosted_trees::train({}, {}).has_value());
  auto ones = rows;
  ones.labels.assign(50, 1);
  EXPECT_EQ(boosted_trees::train(ones, {}).error().code, pricing::errc::invalid_input);
  auto short_rows = rows;
  short_rows.values.pop_back();
  EXPECT_FALSE(boosted_trees::train(short_rows, {}).has_value());
  auto other_label = rows;
  other_label.labels[3] = 0.5F;
  EXPECT_FALSE(boosted_trees::train(other_label, {}).has_value());
  EXPECT_FALSE(boosted_trees::train(rows, short_rows).has_value());
  EXPECT_FALSE(boosted_trees::train(rows, {}, {.rounds = 1 << 30}).has_value());
  EXPECT_FALSE(boosted_trees::train(rows, {}, {.depth = 0}).has_value());
}

TEST(boosted_trees, refuses_a_damaged_file) {
  const auto text = boosted_trees::train(exclusive_or(300, 5), {}, {.rounds = 4}).value().save();
  for (std::size_t size = 0; size + 1 < text.size(); size += 7)
    EXPECT_FALSE(boosted_trees::load(std::string_view(text).substr(0, size)).has_value()) << size;
  EXPECT_FALSE(boosted_trees::load(text + "1").has_value());
  EXPECT_FALSE(boosted_trees::load("trees 1 0 1 1000000\n0\n").has_value());
  EXPECT_FALSE(boosted_trees::load("trees 1 0 1 1\n0\n0.5 0.1 0 0\n").has_value());                   // its own child
  EXPECT_FALSE(boosted_trees::load("trees 1 0 1 3\n0\n0.5 1 1 9\n0 0 -1 0\n0 0 -1 0\n").has_value()); // column 4 of 1
  EXPECT_FALSE(boosted_trees::load("trees 1 nan 0 0\n\n").has_value());
  EXPECT_TRUE(boosted_trees::load("trees 1 0 1 3\n0\n0.5 1 1 1\n0 -2 -1 0\n0 2 -1 0\n").has_value());
}
