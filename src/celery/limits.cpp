#include "celery/limits.hpp"

#include <charconv>
#include <cmath>

namespace pricing::celery {

void revoked_set::add(std::string id, steady_time now) {
  if (since_.contains(id))
    return;
  order_.emplace(now, id);
  since_.emplace(std::move(id), now);
  forget(now);
}

void revoked_set::forget(steady_time now) {
  while (!order_.empty() && (order_.size() > ids_max || order_.begin()->first + life <= now)) {
    since_.erase(order_.begin()->second);
    order_.erase(order_.begin());
  }
}

bool revoked_set::contains(std::string_view id, steady_time now) {
  if (since_.empty())
    return false;
  forget(now);
  return since_.find(id) != since_.end();
}

std::vector<std::string> revoked_set::ids(steady_time now) {
  forget(now);
  std::vector<std::string> out;
  for (const auto& [at, id] : order_)
    out.push_back(id);
  return out;
}

std::map<std::string, double> revoked_set::ages(steady_time now) {
  forget(now);
  std::map<std::string, double> out;
  for (const auto& [at, id] : order_)
    out[id] = std::chrono::duration<double>(now - at).count();
  return out;
}

result<std::optional<rate_limiter>> rate_limiter::parse(std::string_view text) {
  if (text.empty() || text == "none" || text == "0")
    return std::optional<rate_limiter>();
  double count = 0;
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, count);
  const std::string_view unit(read.ptr, static_cast<std::size_t>(end - read.ptr));
  const double seconds = unit.empty() || unit == "/s" ? 1 : unit == "/m" ? 60 : unit == "/h" ? 3600 : 0;
  if (read.ec != std::errc{} || seconds == 0 || !std::isfinite(count) || count < 0)
    return invalid_input("a rate limit is written as 10/s, 10/m or 10/h");
  if (count == 0)
    return std::optional<rate_limiter>();
  rate_limiter out;
  out.every_ = std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(seconds / count, 1e6) * 1e9));
  out.text_ = text;
  return std::optional(out);
}

std::optional<steady_time> rate_limiter::take(steady_time now) {
  if (now < next_)
    return next_;
  next_ = now + every_;
  return std::nullopt;
}

} // namespace pricing::celery
