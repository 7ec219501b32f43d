#include "jobs/recurrence.hpp"

#include <algorithm>
#include <charconv>
#include <date/tz.h>
#include <deque>
#include <span>

namespace pricing::jobs {
namespace {

using namespace std::chrono;

constexpr days search_max{366 * 45}; // 29 February on a given weekday comes every 28 years, 40 around 2100
constexpr std::size_t rule_length_max = 200;

constexpr std::string_view month_names[] = {"",    "jan", "feb", "mar", "apr", "may", "jun",
                                            "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view day_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct field_rule {
  const char* name;
  int low;
  int high;
  std::span<const std::string_view> names; // names[i] stands for i
};

error unreadable(const std::string& why) {
  return invalid_input("the rule cannot be read: " + why +
                           "; write 'every 15 min' or five fields such as '0 2 * * "
                           "mon-fri'",
                       {{"rule", why}});
}

std::optional<int> number(std::string_view text) {
  int out = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  return problem == std::errc() && end == text.data() + text.size() && out >= 0 ? std::optional(out) : std::nullopt;
}

std::optional<int> value_of(const field_rule& f, std::string_view text) {
  for (std::size_t i = 0; i < f.names.size(); ++i)
    if (!text.empty() && f.names[i] == text)
      return static_cast<int>(i);
  const auto n = number(text);
  return n && *n >= f.low && *n <= f.high ? n : std::nullopt;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(separator, at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

// The values of one field, among low..high.
result<std::vector<int>> values_of(const field_rule& f, std::string_view text) {
  const auto wrong = [&](std::string_view part) {
    return unreadable("'" + std::string(part) + "' is no " + f.name + " (" + std::to_string(f.low) + " to " +
                      std::to_string(f.high) + ")");
  };
  std::vector<int> out;
  for (const auto part : split(text, ',')) {
    const auto slash = part.find('/');
    const auto step = slash == std::string_view::npos ? std::optional(1) : number(part.substr(slash + 1));
    const auto range = part.substr(0, slash);
    std::optional<int> low = f.low, high = f.high;
    if (const auto dash = range.find('-'); dash != std::string_view::npos) {
      low = value_of(f, range.substr(0, dash));
      high = value_of(f, range.substr(dash + 1));
    } else if (range != "*") {
      low = value_of(f, range);
      if (slash == std::string_view::npos)
        high = low;
    }
    if (!low || !high || !step || *step < 1 || *low > *high)
      return wrong(part);
    for (int v = *low; v <= *high; v += *step)
      out.push_back(v);
  }
  return out;
}

template <std::size_t N>
result<void> read_field(const field_rule& f, std::string_view text, std::bitset<N>& out) {
  const auto values = values_of(f, text);
  if (!values)
    return values.error();
  for (const int v : *values)
    out.set(static_cast<std::size_t>(v) % N); // Sunday may be 7
  return {};
}

result<seconds> read_interval(std::span<const std::string_view> words) {
  const auto count = words.size() == 3 ? number(words[1]) : std::nullopt;
  if (!count)
    return unreadable("an interval has three words");
  const auto unit = words[2];
  const auto is = [unit](std::initializer_list<std::string_view> names) { return std::ranges::count(names, unit) > 0; };
  std::int64_t size = 0;
  if (is({"s", "second", "seconds"}))
    size = 1;
  else if (is({"min", "minute", "minutes"}))
    size = 60;
  else if (is({"h", "hour", "hours"}))
    size = 3'600;
  else if (is({"d", "day", "days"}))
    size = 86'400;
  const seconds out(size * *count);
  if (out < 1s || out > days(366))
    return unreadable("an interval is 1 s to 366 d, in s, min, h or d");
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

} // namespace

result<recurrence> recurrence::parse(std::string_view rule, std::string_view time_zone, timestamp anchor) {
  if (rule.size() > rule_length_max)
    return unreadable("it is too long");
  const std::string text = lower(rule);
  auto words = split(text, ' ');
  std::erase(words, std::string_view());
  recurrence out;
  out.anchor_ = anchor;
  try {
    out.zone_ = ::date::locate_zone(std::string(time_zone));
  } catch (const std::runtime_error&) {
    return invalid_input("there is no time zone '" + std::string(time_zone.substr(0, 60)) + "'",
                         {{"time_zone", "must be a name of the IANA list, such as UTC or America/Detroit"}});
  }
  if (!words.empty() && words[0] == "every") {
    auto every = read_interval(words);
    if (!every)
      return every.error();
    out.every_ = *every;
    return out;
  }
  if (words.size() != 5)
    return unreadable("it has " + std::to_string(words.size()) + " fields");
  for (const auto& ok : {read_field({"minute", 0, 59, {}}, words[0], out.minutes_),
                         read_field({"hour", 0, 23, {}}, words[1], out.hours_),
                         read_field({"day of the month", 1, 31, {}}, words[2], out.days_),
                         read_field({"month", 1, 12, month_names}, words[3], out.months_),
                         read_field({"day of the week", 0, 7, day_names}, words[4], out.weekdays_)})
    if (!ok)
      return ok.error();
  if (!out.next_of_crontab(anchor))
    return unreadable("no such day ever comes");
  return out;
}

timestamp recurrence::next(timestamp t) const {
  if (every_ > 0s) {
    const auto passed = t - anchor_;
    const auto whole = passed < 0us ? std::int64_t{-1} : passed / duration_cast<microseconds>(every_);
    return anchor_ + every_ * (whole + 1);
  }
  return next_of_crontab(t).value_or(t + search_max);
}

std::vector<timestamp> recurrence::between(timestamp after, timestamp until, std::size_t most) const {
  std::deque<timestamp> out;
  const auto keep = [&](timestamp t) {
    if (t <= after || t > until || (!out.empty() && t <= out.back()))
      return;
    out.push_back(t);
    if (out.size() > most)
      out.pop_front();
  };
  if (every_ > 0s) {
    const auto first = std::max(next(after), next(until - every_ * static_cast<std::int64_t>(most)));
    for (auto t = first; t <= until; t += every_)
      keep(t);
  } else {
    for (auto day = local_day(after) - days(1); day <= local_day(until) + days(1); day += days(1))
      if (has_day(day))
        for (const auto t : times_of(day))
          keep(t);
  }
  return {out.begin(), out.end()};
}

std::optional<timestamp> recurrence::next_of_crontab(timestamp t) const {
  // The day before too: a time in a gap is due when the gap ends.
  const auto first = local_day(t) - days(1);
  for (auto day = first; day < first + search_max; day += days(1)) {
    if (!has_day(day))
      continue;
    const auto times = times_of(day);
    if (const auto found = std::ranges::upper_bound(times, t); found != times.end())
      return *found;
  }
  return std::nullopt;
}

date recurrence::local_day(timestamp t) const {
  const auto offset = zone_->get_info(floor<seconds>(t)).offset;
  return floor<days>(floor<seconds>(t) + offset);
}

bool recurrence::has_day(date local_day) const {
  const year_month_day d(local_day);
  return months_[static_cast<unsigned>(d.month())] && days_[static_cast<unsigned>(d.day())] &&
         weekdays_[weekday(local_day).c_encoding()];
}

std::vector<timestamp> recurrence::times_of(date local_day) const {
  const bool follows_elapsed_time = hours_.all();
  std::vector<timestamp> out;
  for (std::size_t h = 0; h < hours_.size(); ++h)
    for (std::size_t m = 0; hours_[h] && m < minutes_.size(); ++m) {
      if (!minutes_[m])
        continue;
      const auto clock = local_day.time_since_epoch() + hours(h) + minutes(m);
      const auto info = zone_->get_info(::date::local_seconds(clock));
      const auto at = [clock](const ::date::sys_info& i) { return timestamp(clock - i.offset); };
      if (info.result == ::date::local_info::unique) {
        out.push_back(at(info.first));
      } else if (info.result == ::date::local_info::ambiguous) {
        out.push_back(at(info.first));
        if (follows_elapsed_time)
          out.push_back(at(info.second));
      } else if (!follows_elapsed_time) {
        out.emplace_back(info.first.end);
      }
    }
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

} // namespace pricing::jobs
