#include "learn/price_shift.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace pricing::learn {
namespace {

constexpr std::uint32_t watched = 3;

// Events of forty lines in ten categories; prices share the event's level and have heavy tails.
std::vector<judged_line> make_lines(std::mt19937_64& random, std::uint32_t events, double shift_of_watched = 0) {
  std::normal_distribution<double> normal;
  std::student_t_distribution<double> tails(3);
  std::vector<judged_line> out;
  for (std::uint32_t e = 0; e < events; ++e) {
    const double level = 0.15 * normal(random);
    for (int k = 0; k < 40; ++k) {
      const auto category = static_cast<std::uint32_t>(random() % 10);
      const auto scale = static_cast<float>(std::exp(-1.6 + 0.4 * normal(random)));
      const double r = level + 0.02 * category + scale * tails(random) + (category == watched ? shift_of_watched : 0);
      out.push_back({e, category, static_cast<float>(r), scale});
    }
  }
  return out;
}

std::vector<judged_line> of_watched(const std::vector<judged_line>& lines) {
  std::vector<judged_line> out;
  for (const auto& l : lines) {
    if (l.category == watched) {
      out.push_back(l);
    }
  }
  return out;
}

price_shift compare(std::mt19937_64& random, std::uint32_t events, double shift) {
  auto before = make_lines(random, 150);
  auto now = make_lines(random, events, shift);
  const event_levels levels(before);
  levels.take_off(before);
  levels.take_off(now);
  return level_reference::build(of_watched(before)).value().compare(of_watched(now));
}

TEST(event_levels, take_off_what_an_event_has_in_common_and_leave_a_shift_of_its_own) {
  std::mt19937_64 random(2);
  const auto reference = make_lines(random, 200);
  const event_levels levels(reference);
  std::vector<judged_line> event;
  for (std::uint32_t category = 0; category < 10; ++category) {
    for (int k = 0; k < 8; ++k) {
      const float own = category == watched ? 0.5F : 0;
      event.push_back({900, category, 0.4F + 0.02F * static_cast<float>(category) + own, 0.2F});
    }
  }
  event.back().residual = std::numeric_limits<float>::quiet_NaN();
  levels.take_off(event);
  EXPECT_NEAR(event[8 * watched].residual, 0.5, 0.1);
  EXPECT_GT(event[8 * watched].doubt, 0);
  EXPECT_NEAR(event[0].residual, 0, 0.15);
  EXPECT_TRUE(std::isnan(event.back().residual));
}

// Bidders that are dear on all else may be cheap on one category, or subcontract another to one firm for all.
TEST(event_levels, learn_for_each_category_how_and_whether_it_follows_its_events) {
  constexpr std::uint32_t contrary = 4;
  constexpr std::uint32_t aloof = 5;
  std::mt19937_64 random(8);
  std::normal_distribution<double> normal;
  const auto make = [&](std::uint32_t events) {
    std::vector<judged_line> out;
    for (std::uint32_t e = 0; e < events; ++e) {
      const double level = 0.2 * normal(random);
      for (int k = 0; k < 40; ++k) {
        const auto category = static_cast<std::uint32_t>(random() % 10);
        const double follows = category == contrary ? -1 : category == aloof ? 0 : 1;
        out.push_back({e, category, static_cast<float>(follows * level + 0.1 * normal(random)), 0.2F});
      }
    }
    return out;
  };
  const event_levels levels(make(400));
  auto after = make(400);
  const auto before = after;
  levels.take_off(after);
  const auto square_of = [&](const std::vector<judged_line>& lines, std::uint32_t category) {
    double sum = 0;
    double n = 0;
    for (const auto& l : lines) {
      if (l.category == category) {
        sum += static_cast<double>(l.residual) * l.residual;
        n += 1;
      }
    }
    return sum / n;
  };
  EXPECT_LT(square_of(after, watched), 0.5 * square_of(before, watched));
  EXPECT_LT(square_of(after, contrary), 0.5 * square_of(before, contrary));
  EXPECT_LT(square_of(after, aloof), 1.1 * square_of(before, aloof));
}

TEST(price_shift, is_found_with_its_size_beneath_larger_levels_of_events) {
  std::mt19937_64 random(3);
  for (int k = 0; k < 10; ++k) {
    const auto s = compare(random, 130, std::log(1.1)); // four lines of the category in each
    EXPECT_LT(s.p, 0.01) << k;
    EXPECT_NEAR(s.shift, std::log(1.1), 4 * s.error) << k;
    EXPECT_GT(s.events, 115U); // some have no line of it
    EXPECT_LE(s.events, 130U);
  }
}

TEST(price_shift, p_values_without_a_shift_are_uniform) {
  std::mt19937_64 random(4);
  int small = 0;
  int tiny = 0;
  for (int k = 0; k < 200; ++k) {
    const double p = compare(random, 20, 0).p;
    small += p <= 0.1 ? 1 : 0;
    tiny += p <= 0.005 ? 1 : 0;
  }
  EXPECT_GE(small, 8);
  EXPECT_LE(small, 34); // twenty expected
  EXPECT_LE(tiny, 5);
}

// Events in which four families of items miss alike, by more where lines are hard to predict. A family has one line or
// ten: the ten say little more than the one.
std::vector<judged_line> make_families(std::mt19937_64& random, std::uint32_t events, double shift) {
  std::normal_distribution<double> normal;
  std::student_t_distribution<double> tails(3);
  std::vector<judged_line> out;
  for (std::uint32_t e = 0; e < events; ++e) {
    for (std::uint32_t family = 0; family < 4; ++family) {
      const double level = 0.6 * normal(random);
      const int lines = random() % 4 == 0 ? 10 : 1;
      const auto scale = static_cast<float>(std::exp(-1.2 + 0.7 * normal(random)));
      for (int k = 0; k < lines; ++k) {
        const double r = scale * (level + 0.4 * tails(random)) + shift;
        out.push_back({.event = e, .residual = static_cast<float>(r), .scale = scale, .family = family});
      }
    }
  }
  return out;
}

TEST(price_shift, is_found_where_lines_of_a_family_miss_alike) {
  std::mt19937_64 random(6);
  for (int k = 0; k < 10; ++k) {
    const auto before = make_families(random, 300, 0);
    const auto now = make_families(random, 50, std::log(1.1));
    const auto s = level_reference::build(before).value().compare(now);
    EXPECT_LT(s.p, 1e-9) << k;
    EXPECT_LT(s.error, 0.0145) << k; // 0.016 if every line of an event counted alike
    EXPECT_NEAR(s.shift, std::log(1.1), 4 * s.error) << k;
  }
}

TEST(price_shift, p_values_of_families_without_a_shift_are_uniform) {
  std::mt19937_64 random(7);
  int small = 0;
  int tiny = 0;
  for (int k = 0; k < 200; ++k) {
    const auto before = make_families(random, 100, 0);
    const double p = level_reference::build(before).value().compare(make_families(random, 30, 0)).p;
    small += p <= 0.1 ? 1 : 0;
    tiny += p <= 0.005 ? 1 : 0;
  }
  EXPECT_GE(small, 8);
  EXPECT_LE(small, 34); // twenty expected
  EXPECT_LE(tiny, 5);
}

TEST(item_family, is_of_the_first_three_words) {
  EXPECT_EQ(item_family("pavt mrkg waterborne 4 inch white"), item_family("pavt mrkg waterborne 6 inch yellow"));
  EXPECT_NE(item_family("pavt mrkg waterborne"), item_family("pavt mrkg polyurea"));
  EXPECT_EQ(item_family("two words"), item_family("two words"));
  EXPECT_NE(item_family(""), item_family("two words"));
}

TEST(price_shift, says_nothing_of_nothing_and_refuses_few_events) {
  std::mt19937_64 random(5);
  const auto few = of_watched(make_lines(random, 5));
  EXPECT_FALSE(level_reference::build(few));
  EXPECT_FALSE(level_reference::build({}));
  const auto r = level_reference::build(of_watched(make_lines(random, 60))).value();
  EXPECT_EQ(r.compare({}).p, 1);
  const judged_line unknown{1, watched, std::numeric_limits<float>::quiet_NaN()};
  EXPECT_EQ(r.compare({&unknown, 1}).p, 1);
}

} // namespace
} // namespace pricing::learn
