#include "learn/tree_head.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace pricing::learn {
namespace {

constexpr std::size_t columns = 12;

// Rows with gaps; the last column is never informative, so that no tree looks at it.
std::vector<float> some_rows(std::size_t rows, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out;
  for (std::size_t i = 0; i < rows * columns; ++i) {
    const bool last = i % columns == columns - 1;
    out.push_back(last ? 1.0F : random() % 9 == 0 ? std::numeric_limits<float>::quiet_NaN() : normal(random));
  }
  return out;
}

booster trained() {
  const std::size_t rows = 2'000;
  const auto values = some_rows(rows, 1);
  std::vector<float> y(rows);
  const std::vector<float> w(rows, 1.0F);
  for (std::size_t i = 0; i < rows; ++i) {
    const float* row = values.data() + i * columns;
    y[i] = (std::isnan(row[0]) ? 0.3F : row[0]) * (row[3] > 0 ? 1.0F : -0.5F) + std::sin(row[5] > -9 ? row[5] : 0.0F);
  }
  return booster::train(training_matrix(values, rows, columns, 1), y, w, {.rounds = 60, .threads = 1});
}

TEST(tree_head, predicts_the_same_bits_as_the_library) {
  const booster library = trained();
  const tree_head head(library);
  const std::size_t rows = 300;
  const auto values = some_rows(rows, 2);
  EXPECT_EQ(head.predict(values, rows, columns), library.predict(values, rows, columns));
}

// That the engine's contributions are the library's is tests/unit/forest's to say.
TEST(tree_head, explains_its_predictions_column_by_column) {
  const tree_head head(trained());
  const std::size_t rows = 300;
  const auto values = some_rows(rows, 2);
  const auto predicted = head.predict(values, rows, columns);
  const auto explained = head.contributions(values, rows, columns);
  ASSERT_EQ(explained.size(), rows * (columns + 1));
  for (std::size_t i = 0; i < rows; ++i) {
    const std::span<const float> row(explained.data() + i * (columns + 1), columns + 1);
    EXPECT_NEAR(std::accumulate(row.begin(), row.end(), 0.0), predicted[i], 1e-4);
    EXPECT_EQ(row[columns - 1], 0.0F);
  }
}

// Features that came later than the head stand behind those it knows.
TEST(tree_head, explains_rows_wider_than_it_knows) {
  const tree_head head(trained());
  constexpr std::size_t wide = columns + 2;
  const std::size_t rows = 40;
  const auto values = some_rows(rows, 2);
  std::vector<float> wider;
  for (std::size_t i = 0; i < rows; ++i) {
    const float* row = values.data() + i * columns;
    wider.insert(wider.end(), row, row + columns);
    wider.insert(wider.end(), {5.0F, std::numeric_limits<float>::quiet_NaN()});
  }
  const auto explained = head.contributions(values, rows, columns);
  const auto same = head.contributions(wider, rows, wide);
  ASSERT_EQ(same.size(), rows * (wide + 1));
  for (std::size_t i = 0; i < rows; ++i) {
    const std::span<const float> expected(explained.data() + i * (columns + 1), columns + 1);
    const std::span<const float> row(same.data() + i * (wide + 1), wide + 1);
    EXPECT_TRUE(std::ranges::equal(row.first(columns), expected.first(columns))) << i;
    EXPECT_EQ(row[columns], 0.0F);
    EXPECT_EQ(row[columns + 1], 0.0F);
    EXPECT_EQ(row.back(), expected.back()); // the bias
  }
}

TEST(tree_head, is_stored_as_the_library_stores_it) {
  const tree_head head(trained());
  const auto again = tree_head::load(head.save(), columns);
  ASSERT_TRUE(again) << again.error().message;
  const auto values = some_rows(50, 3);
  EXPECT_EQ(again->predict(values, 50, columns), head.predict(values, 50, columns));
  EXPECT_EQ(booster::load(head.save()).predict(values, 50, columns), head.predict(values, 50, columns));
  EXPECT_FALSE(tree_head::load(head.save(), columns - 2)); // trees over more columns than there are
  EXPECT_FALSE(tree_head::load("no trees", columns));
}

TEST(tree_head, serves_a_head_that_knows_nothing) {
  const tree_head head(booster::constant(columns));
  const auto values = some_rows(5, 4);
  EXPECT_EQ(head.predict(values, 5, columns), std::vector<float>(5, 0.0F));
  EXPECT_EQ(head.contributions(values, 5, columns), std::vector<float>(5 * (columns + 1), 0.0F));
}

} // namespace
} // namespace pricing::learn
