#pragma once
// When a periodic job is due. A rule is either an interval or five crontab fields in a time zone:
//
//   every 15 min | every 30 s | every 6 h | every 1 d         counted from an anchor, so a restart does not shift it
//   0 2 * * mon-fri                                           minute hour day-of-month month day-of-week
//
// Fields: *, numbers, names (jan, mon), lists 1,3, ranges 9-17, steps */5 and 8-18/2; Sunday is 0 or 7. Unlike Vixie's
// cron and like Celery, a day must satisfy day-of-month and day-of-week both.
//
// Daylight saving: a rule whose hour is * follows elapsed time (it runs in both of two hours called two o'clock); a
// rule with fixed hours runs once a day whatever the clocks do: at the end of a gap when its time is skipped, and the
// first time when its time comes twice.
#include "core/clock.hpp"
#include "core/error.hpp"

#include <bitset>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace date {
class time_zone;
}

namespace pricing::jobs {

class recurrence {
 public:
  // invalid_input names the field that cannot be read. An interval is 1 second to 366 days. A crontab that never
  // comes true (31 February) is refused. `anchor` counts for intervals only.
  static result<recurrence> parse(std::string_view rule, std::string_view time_zone, timestamp anchor);

  // The first due time after `t`.
  timestamp next(timestamp t) const;
  // The due times in (after, until], oldest first, at most `most` of the newest ones.
  std::vector<timestamp> between(timestamp after, timestamp until, std::size_t most) const;

 private:
  recurrence() = default;
  std::optional<timestamp> next_of_crontab(timestamp t) const;
  date local_day(timestamp t) const;
  bool has_day(date local_day) const;
  std::vector<timestamp> times_of(date local_day) const; // ascending

  std::chrono::seconds every_{0}; // 0: a crontab
  timestamp anchor_{};
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<7> weekdays_;
  const ::date::time_zone* zone_ = nullptr;
};

} // namespace pricing::jobs
