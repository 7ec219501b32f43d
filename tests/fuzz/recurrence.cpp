// Rules of schedules, as typed: what parses gives due times that move on, each found by next() and by between().
#include "jobs/recurrence.hpp"

#include "fuzz/must.hpp"

using namespace pricing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2)
    return 0;
  static constexpr const char* zones[] = {"UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Asia/Kathmandu"};
  const timestamp start = timestamp(std::chrono::sys_days(std::chrono::days(data[1] * 100)));
  const auto rule = jobs::recurrence::parse({reinterpret_cast<const char*>(data) + 2, size - 2},
                                            zones[data[0] % std::size(zones)], start);
  if (!rule)
    return must(!rule.error().details.empty());
  const auto first = rule->next(start);
  const auto second = rule->next(first);
  must(first > start && second > first);
  if (second - start > std::chrono::days(40))
    return 0;
  const auto due = rule->between(start, second, 10);
  return must(due.size() == 2 && due[0] == first && due[1] == second);
}
