#pragma once
// Civil dates and the wall clock behind a seam, so that tests choose the day.
#include "core/error.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace pricing {

using date = std::chrono::sys_days;
using timestamp = std::chrono::sys_time<std::chrono::microseconds>;

// "2024-01-05"; strict ISO 8601 calendar date.
result<date> parse_date(std::string_view iso);
std::string to_string(date day);
// "2024-01-05T10:20:30.123456Z"
std::string to_string(timestamp at);

class clock {
 public:
  virtual ~clock() = default;
  virtual timestamp now() const = 0;
  date today() const { return std::chrono::floor<std::chrono::days>(now()); }
};

class system_clock final : public clock {
 public:
  timestamp now() const override;
};

} // namespace pricing
