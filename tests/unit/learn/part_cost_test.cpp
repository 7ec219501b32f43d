#include "learn/part_cost.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace pricing::learn {
namespace {

// Bent tubes: metal by length and wall, a price for each of forty fittings, set-up shared by the quantity.
struct workshop {
  part_catalog catalog;
  std::vector<part_quote> quotes;

  explicit workshop(int parts, std::uint64_t seed = 3) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> noise(0, 0.05);
    for (int c = 0; c < 40; ++c) {
      catalog.components["C" + std::to_string(c)] = {{"type=" + std::to_string(c % 4)}, {{"weight", 0.1 * (1 + c)}}};
    }
    for (int i = 0; i < parts; ++i) {
      part p;
      const double length = 50 + static_cast<double>(random() % 500);
      const std::size_t fitting = random() % 40;
      const auto fittings = static_cast<double>(1 + random() % 3);
      const bool steel = random() % 2 == 0;
      p.labels = {steel ? "material=steel" : "material=alloy"};
      p.measures = {{"length", length}};
      p.bill = {{"C" + std::to_string(fitting), fittings}};
      const std::string name = "P" + std::to_string(i);
      catalog.parts[name] = p;
      const double each = 0.01 * length * (steel ? 1 : 2) + fittings * (1 + 0.1 * static_cast<double>(fitting));
      for (const double quantity : {1.0, 10.0, 100.0}) {
        const std::chrono::sys_days on{std::chrono::year{2024} / 5 / 1};
        quotes.push_back({name, i % 2 == 0 ? "east" : "west", on, quantity, 50, 0, true,
                          (each + 20 / quantity) * std::exp(noise(random))});
      }
    }
  }
};

double rmsle(std::span<const part_quote> quotes, std::span<const double> costs) {
  double sum = 0;
  for (std::size_t i = 0; i < quotes.size(); ++i) {
    sum += std::pow(std::log1p(costs[i]) - std::log1p(quotes[i].unit_cost), 2);
  }
  return std::sqrt(sum / static_cast<double>(quotes.size()));
}

const part_cost_options small{.rounds = 120, .depth = 5, .learning_rate = 0.1, .members = 2, .threads = 1};

TEST(part_cost, costs_parts_that_it_has_not_seen) {
  const workshop w(400);
  const auto known = std::span(w.quotes).first(900);
  const auto asked = std::span(w.quotes).subspan(900);
  const auto model = train_part_cost(w.catalog, known, small);
  ASSERT_TRUE(model) << model.error().message;
  const auto costs = model->predict(w.catalog, asked).value();
  EXPECT_LT(rmsle(asked, costs), 0.15); // the noise alone is 0.05, costs differ by 0.6
  for (std::size_t i = 0; i + 2 < costs.size(); i += 3) {
    EXPECT_GT(costs[i], costs[i + 2]); // one costs more than each of a hundred
  }
}

TEST(part_cost, knows_a_component_of_too_few_parts_for_a_column) {
  workshop w(400);
  for (auto& q : w.quotes) {
    if (const int i = std::stoi(q.part.substr(1)); i % 50 == 0) { // eight parts, the last two are asked for
      w.catalog.parts[q.part].bill.push_back({"gold", 1});
      q.unit_cost *= 4;
    }
  }
  const auto model = train_part_cost(w.catalog, std::span(w.quotes).first(900), small).value();
  const std::vector<part_quote> asked(w.quotes.begin() + 1'050, w.quotes.begin() + 1'053); // P350
  part_catalog plain = w.catalog;
  plain.parts["P350"].bill.pop_back();
  EXPECT_GT(model.predict(w.catalog, asked).value()[1], 1.3 * model.predict(plain, asked).value()[1]);
}

TEST(part_cost, refuses_unknown_parts_and_too_few_quotes) {
  const workshop w(40);
  EXPECT_FALSE(train_part_cost(w.catalog, std::span(w.quotes).first(10), small));
  const auto model = train_part_cost(w.catalog, w.quotes, small).value();
  std::vector<part_quote> asked(w.quotes.begin(), w.quotes.begin() + 2);
  asked[1].part = "P-unheard-of";
  const auto out = model.predict(w.catalog, asked);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().details.front().path, "quotes[1].part");
}

TEST(part_cost, estimates_with_intervals_that_cover_and_causes_that_add_up) {
  const workshop w(600);
  const auto known = std::span(w.quotes).first(1'200);
  const auto asked = std::span(w.quotes).subspan(1'200);
  part_cost_options options = small;
  options.calibration_folds = 2;
  const auto model = train_part_cost(w.catalog, known, options);
  ASSERT_TRUE(model) << model.error().message;
  const auto costs = model->predict(w.catalog, asked).value();
  const auto estimates = model->estimate(w.catalog, asked).value();
  double inside = 0, quantity = 0;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto& e = estimates[i];
    EXPECT_EQ(e.cost, costs[i]);
    EXPECT_LE(e.low90, e.low50);
    EXPECT_LE(e.low50, e.cost);
    EXPECT_LE(e.high50, e.high90);
    double sum = e.base;
    for (const auto& d : e.drivers) {
      sum += d.money;
      if (d.name == "quantity") {
        quantity += asked[i].quantity == 1 ? d.money : -d.money;
      }
    }
    EXPECT_NEAR(sum, e.cost, 1e-3 * (1 + e.cost));
    inside += asked[i].unit_cost >= e.low90 && asked[i].unit_cost <= e.high90 ? 1 : 0;
  }
  EXPECT_NEAR(inside / static_cast<double>(asked.size()), 0.9, 0.07);
  EXPECT_GT(quantity, 0); // a single piece bears the whole set-up
  EXPECT_GT(model->report().quotes, 300U);
  EXPECT_LT(model->report().rmsle, 0.5 * model->report().rmsle_usual);
  EXPECT_NEAR(model->report().coverage_90, 0.9, 0.07);
}

TEST(part_cost, answers_the_same_bit_for_bit_after_it_was_stored) {
  const workshop w(60);
  part_cost_options options = small;
  options.rounds = 20;
  options.calibration_folds = 1;
  const auto model = train_part_cost(w.catalog, w.quotes, options).value();
  const std::string bytes = model.save();
  const auto again = part_cost_model::load(bytes);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->save(), bytes);
  EXPECT_EQ(again->labels(), model.labels());
  const auto a = model.estimate(w.catalog, w.quotes).value(), b = again->estimate(w.catalog, w.quotes).value();
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].cost, b[i].cost);
    EXPECT_EQ(a[i].high90, b[i].high90);
    ASSERT_EQ(a[i].drivers.size(), b[i].drivers.size());
    for (std::size_t d = 0; d < a[i].drivers.size(); ++d) {
      EXPECT_EQ(a[i].drivers[d].name, b[i].drivers[d].name);
      EXPECT_EQ(a[i].drivers[d].money, b[i].drivers[d].money);
    }
  }
}

TEST(part_cost, refuses_bytes_that_are_no_model) {
  const workshop w(60);
  part_cost_options options = small;
  options.rounds = 5;
  const std::string bytes = train_part_cost(w.catalog, w.quotes, options).value().save();
  EXPECT_FALSE(part_cost_model::load(""));
  EXPECT_FALSE(part_cost_model::load("pricing-model-1\n"));
  for (std::size_t cut = 0; cut < bytes.size(); cut += 997) {
    EXPECT_FALSE(part_cost_model::load(std::string_view(bytes).substr(0, cut)));
  }
  std::string flipped = bytes;
  flipped[flipped.size() / 2] ^= 1;
  EXPECT_FALSE(part_cost_model::load(flipped));
}

} // namespace
} // namespace pricing::learn
