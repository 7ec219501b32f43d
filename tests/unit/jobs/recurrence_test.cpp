#include "jobs/recurrence.hpp"

#include <gtest/gtest.h>

namespace pricing::jobs {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;

timestamp at(std::chrono::year_month_day day, std::chrono::minutes clock = 0min) {
  return timestamp(sys_days(day)) + clock;
}
constexpr auto new_year = 2026y / 1 / 1;

recurrence rule(std::string_view text, std::string_view zone = "UTC", timestamp anchor = at(new_year)) {
  auto out = recurrence::parse(text, zone, anchor);
  EXPECT_TRUE(out) << text << ": " << (out ? "" : out.error().message);
  return *out;
}

std::vector<std::string> runs(const recurrence& r, timestamp from, int n) {
  std::vector<std::string> out;
  for (auto t = r.next(from); n > 0; t = r.next(t), --n)
    out.push_back(to_string(t).substr(0, 16));
  return out;
}
using list = std::vector<std::string>;

TEST(recurrence_test, an_interval_keeps_to_its_anchor) {
  const auto r = rule("every 15 min", "UTC", at(new_year, 7min));
  EXPECT_EQ(r.next(at(new_year, 8min)), at(new_year, 22min));
  EXPECT_EQ(r.next(at(new_year, 22min)), at(new_year, 37min));
  EXPECT_EQ(r.next(at(2025y / 6 / 1)), at(new_year, 7min)); // not before its anchor
  EXPECT_EQ(rule("every 1 d").next(at(2026y / 3 / 8, 60min)), at(2026y / 3 / 9));
}

TEST(recurrence_test, crontab_agrees_with_a_look_at_every_minute) {
  const auto r = rule("*/7,3 8-18/5 1-20 jan,feb-apr mon-fri");
  std::vector<timestamp> expected;
  for (auto t = at(new_year); t < at(2027y / 1 / 1); t += 1min) {
    const auto day = std::chrono::floor<std::chrono::days>(t);
    const std::chrono::year_month_day d(day);
    const auto minute = (t - day) / 1min;
    const auto weekday = std::chrono::weekday(day).c_encoding();
    if ((minute % 60 % 7 == 0 || minute % 60 == 3) && (minute / 60 == 8 || minute / 60 == 13 || minute / 60 == 18) &&
        static_cast<unsigned>(d.day()) <= 20 && static_cast<unsigned>(d.month()) <= 4 && weekday >= 1 && weekday <= 5)
      expected.push_back(t);
  }
  ASSERT_GT(expected.size(), 500u);
  EXPECT_EQ(r.between(at(new_year) - 1us, at(2027y / 1 / 1), 100'000), expected);
  auto t = at(new_year) - 1us;
  for (const auto due : expected)
    ASSERT_EQ(t = r.next(t), due);
}

TEST(recurrence_test, a_skipped_time_is_due_when_the_gap_ends) { // 29 March 2026: 02:00 becomes 03:00
  EXPECT_EQ(runs(rule("30 2 * * *", "Europe/Berlin"), at(2026y / 3 / 28), 3),
            (list{"2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"}));
  EXPECT_EQ(runs(rule("0,30 2,3 * * *", "Europe/Berlin"), at(2026y / 3 / 29), 3), // once, not three times
            (list{"2026-03-29T01:00", "2026-03-29T01:30", "2026-03-30T00:00"}));
}

TEST(recurrence_test, a_time_that_comes_twice_is_due_once) { // 25 October 2026: 03:00 becomes 02:00
  EXPECT_EQ(runs(rule("30 2 * * *", "Europe/Berlin"), at(2026y / 10 / 24, 12h), 2),
            (list{"2026-10-25T00:30", "2026-10-26T01:30"}));
}

TEST(recurrence_test, a_rule_for_every_hour_follows_elapsed_time) {
  for (const auto day : {2026y / 3 / 29, 2026y / 10 / 25}) {
    const auto due = rule("15 * * * *", "Europe/Berlin").between(at(day), at(day, 24h), 1000);
    ASSERT_EQ(due.size(), 24u);
    for (std::size_t i = 1; i < due.size(); ++i)
      EXPECT_EQ(due[i] - due[i - 1], 1h);
  }
}

TEST(recurrence_test, a_day_that_a_zone_left_out_costs_no_run_and_doubles_none) { // Samoa had no 30 December 2011
  EXPECT_EQ(runs(rule("0 0 * * *", "Pacific/Apia"), at(2011y / 12 / 29, 1h), 3),
            (list{"2011-12-29T10:00", "2011-12-30T10:00", "2011-12-31T10:00"}));
}

TEST(recurrence_test, rare_days_come) {
  EXPECT_EQ(rule("0 0 29 2 *").next(at(2026y / 3 / 1)), at(2028y / 2 / 29));
  EXPECT_EQ(rule("0 0 29 2 0").next(at(2032y / 3 / 1)), at(2060y / 2 / 29)); // a Sunday
  EXPECT_EQ(rule("0 0 * * 7").next(at(new_year)), at(2026y / 1 / 4));
}

TEST(recurrence_test, between_gives_the_newest_of_many) {
  const auto start = at(new_year), end = at(2027y / 1 / 1);
  EXPECT_EQ(rule("every 1 s").between(start, end, 2), (std::vector<timestamp>{end - 1s, end}));
  EXPECT_EQ(rule("* * * * *").between(start, end, 2), (std::vector<timestamp>{end - 1min, end}));
  EXPECT_EQ(rule("0 0 * * *").between(start, start + 1h, 2), std::vector<timestamp>{});
}

TEST(recurrence_test, says_what_it_cannot_read) {
  for (const auto* bad : {"",
                          "* * * *",
                          "* * * * * *",
                          "60 * * * *",
                          "* 24 * * *",
                          "* * 0 * *",
                          "* * 32 * *",
                          "* * * 13 *",
                          "* * * * 8",
                          "a * * * *",
                          "*/0 * * * *",
                          "5-1 * * * *",
                          "1,,2 * * * *",
                          "-1 * * * *",
                          "1- * * * *",
                          "* * 31 2 *",
                          "every",
                          "every 0 s",
                          "every 5 weeks",
                          "every x min",
                          "every 1 min now",
                          "every 367 d",
                          "every 99999999999 s"}) {
    const auto r = recurrence::parse(bad, "UTC", at(new_year));
    ASSERT_FALSE(r) << bad;
    EXPECT_EQ(r.error().code, errc::invalid_input);
    EXPECT_EQ(r.error().details.at(0).path, "rule") << bad;
  }
  EXPECT_FALSE(recurrence::parse(std::string(10'000, '*'), "UTC", at(new_year)));
  const auto nowhere = recurrence::parse("* * * * *", "Mars/Olympus", at(new_year));
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().details.at(0).path, "time_zone");
}

} // namespace
} // namespace pricing::jobs
