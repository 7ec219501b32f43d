#include "match/linkage_model.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

using namespace pricing::match;

namespace {

// Labels drawn with the probability that the first column hides.
labelled_rows drawn(std::size_t rows, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> in_unit(0, 1);
  labelled_rows out;
  out.columns = 3;
  for (std::size_t i = 0; i < rows; ++i) {
    const double x = in_unit(random);
    out.values.insert(out.values.end(), {static_cast<float>(x), static_cast<float>(in_unit(random)),
                                         static_cast<float>(in_unit(random))});
    out.labels.push_back(in_unit(random) < 1 / (1 + std::exp(-10 * (x - 0.6))) ? 1 : 0);
  }
  return out;
}

std::vector<double> probabilities(const linkage_model& model, const labelled_rows& rows) {
  std::vector<double> out;
  for (std::size_t i = 0; i < rows.rows(); ++i)
    out.push_back(model.probability(std::span(rows.values).subspan(i * rows.columns, rows.columns)));
  return out;
}

// Largest difference of mean probability and share of ones among ten bands, each of a tenth of the rows.
double calibration_error(std::vector<double> p, const std::vector<float>& labels) {
  std::vector<std::pair<double, float>> order;
  for (std::size_t i = 0; i < p.size(); ++i)
    order.emplace_back(p[i], labels[i]);
  std::sort(order.begin(), order.end());
  double worst = 0;
  for (std::size_t band = 0; band < 10; ++band) {
    double said = 0, seen = 0;
    for (std::size_t i = band * p.size() / 10; i < (band + 1) * p.size() / 10; ++i) {
      said += order[i].first;
      seen += static_cast<double>(order[i].second);
    }
    worst = std::max(worst, std::abs(said - seen) / (static_cast<double>(p.size()) / 10));
  }
  return worst;
}

} // namespace

TEST(linkage_model, says_probabilities_that_come_true) {
  // Deliberately trained far too long: the trees alone are far too sure.
  const linkage_options options{.boosting = {.rounds = 80, .depth = 6, .patience = 80, .learning_rate = 0.3},
                                .models = 2};
  const auto model = linkage_model::train(drawn(1500, 1), drawn(1500, 2), options).value();
  const auto fresh = drawn(6000, 3);
  EXPECT_LT(calibration_error(probabilities(model, fresh), fresh.labels), 0.08);
  const auto crossed = linkage_model::cross_fit(drawn(1500, 1), options).value();
  EXPECT_LT(calibration_error(probabilities(crossed.model, fresh), fresh.labels), 0.1);
}

TEST(linkage_model, chooses_the_threshold_on_validation_rows) {
  const auto validation = drawn(1000, 2);
  const auto model =
      linkage_model::train(drawn(1000, 1), validation, {.boosting = {.rounds = 60}, .models = 2}).value();
  const auto p = probabilities(model, validation);
  const double best = quality_at(p, validation.labels, model.threshold()).f1();
  for (double t = 0.05; t < 1; t += 0.05)
    EXPECT_LE(quality_at(p, validation.labels, t).f1(), best + 1e-12);
}

TEST(linkage_model, is_the_same_twice_and_after_storage) {
  const linkage_options options{.boosting = {.rounds = 30}, .models = 2};
  const auto model = linkage_model::train(drawn(400, 1), drawn(200, 2), options).value();
  const auto text = model.save();
  EXPECT_EQ(text, linkage_model::train(drawn(400, 1), drawn(200, 2), options).value().save());
  const auto again = linkage_model::load(text).value();
  EXPECT_EQ(again.save(), text);
  const auto rows = drawn(100, 4);
  EXPECT_EQ(probabilities(again, rows), probabilities(model, rows));
  EXPECT_EQ(again.threshold(), model.threshold());
}

TEST(linkage_model, refuses_a_damaged_file) {
  const auto text =
      linkage_model::train(drawn(200, 1), drawn(100, 2), {.boosting = {.rounds = 5}, .models = 2}).value().save();
  for (std::size_t size = 0; size + 1 < text.size(); size += 11)
    EXPECT_FALSE(linkage_model::load(std::string_view(text).substr(0, size)).has_value()) << size;
  EXPECT_FALSE(linkage_model::load("").has_value());
  EXPECT_FALSE(linkage_model::load("linkage 2 0 1 0 0.5\n").has_value());
  EXPECT_FALSE(linkage_model::load("linkage 1 1 1 0 0.5\n99999999999\n").has_value());
  EXPECT_FALSE(linkage_model::load("linkage 1 0 -1 0 0.5\n").has_value()); // more evidence, less probable
}

TEST(linkage_model, counts_what_it_gets_right) {
  const std::vector<double> p{0.9, 0.8, 0.4, 0.1};
  const std::vector<float> labels{1, 0, 1, 0};
  const auto q = quality_at(p, labels, 0.5);
  EXPECT_DOUBLE_EQ(q.precision(), 0.5);
  EXPECT_DOUBLE_EQ(q.recall(), 0.5);
  EXPECT_DOUBLE_EQ(q.f1(), 0.5);
  EXPECT_DOUBLE_EQ(quality_at({}, {}, 0.5).f1(), 0);
}
