#include "identity/sign_in_limits.hpp"

#include "identity/token.hpp"

#include <algorithm>

namespace pricing::identity {
namespace {

// KEYS account, address; ARGV now, first and longest lock in seconds, failures allowed of account and address.
const redis::script attempt_script(R"(
local now, first, longest, wait = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), 0
for i, key in ipairs(KEYS) do
  wait = math.max(wait, tonumber(redis.call('hget', key, 'until') or '0') - now)
end
if wait > 0 then return wait end
for i, key in ipairs(KEYS) do
  local over = redis.call('hincrby', key, 'failures', 1) - tonumber(ARGV[3 + i])
  if over >= 0 then
    redis.call('hset', key, 'until', now + math.min(first * 2 ^ math.min(over, 30), longest))
  end
  redis.call('expire', key, 2 * longest)
end
return 0)");

// ARGV failures allowed of account and address, whether the account starts afresh.
const redis::script finish_script(R"(
for i, key in ipairs(KEYS) do
  local left = redis.call('hincrby', key, 'failures', -1)
  if left <= 0 or (i == 1 and ARGV[3] == '1') then
    redis.call('del', key)
  elseif left < tonumber(ARGV[i]) then
    redis.call('hdel', key, 'until')
  end
end
return 0)");

std::vector<std::string> keys_of(std::string account, const std::string& address) {
  std::ranges::transform(account, account.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  return {"signin:account:" + token_hash(account), "signin:address:" + address};
}

} // namespace

asio::awaitable<result<void>> sign_in_limits::attempt(std::string account, std::string address) {
  const auto now = std::chrono::floor<std::chrono::seconds>(clock_.now()).time_since_epoch().count();
  auto keys = keys_of(std::move(account), address);
  std::vector<std::string> arguments{std::to_string(now), std::to_string(config_.lockout_s),
                                     std::to_string(std::max(config_.lockout_s, config_.lockout_max_s)),
                                     std::to_string(config_.failed_logins_max),
                                     std::to_string(config_.failed_logins_per_address_max)};
  const auto wait = co_await cache_.eval(attempt_script, std::move(keys), std::move(arguments));
  if (!wait)
    co_return wait.error();
  if (wait->integer > 0)
    co_return error{errc::rate_limited,
                    "too many failed attempts; try again later",
                    {},
                    static_cast<int>(std::min<std::int64_t>(wait->integer, 1'000'000'000))};
  co_return result<void>();
}

asio::awaitable<result<void>> sign_in_limits::succeeded(std::string account, std::string address) {
  return finish(std::move(account), std::move(address), true);
}

asio::awaitable<result<void>> sign_in_limits::taken_back(std::string account, std::string address) {
  return finish(std::move(account), std::move(address), false);
}

asio::awaitable<result<void>> sign_in_limits::finish(std::string account, std::string address, bool afresh) {
  auto keys = keys_of(std::move(account), address);
  std::vector<std::string> arguments{std::to_string(config_.failed_logins_max),
                                     std::to_string(config_.failed_logins_per_address_max), afresh ? "1" : "0"};
  const auto done = co_await cache_.eval(finish_script, std::move(keys), std::move(arguments));
  if (!done)
    co_return done.error();
  co_return result<void>();
}

} // namespace pricing::identity
