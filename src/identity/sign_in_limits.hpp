#pragma once
// Refuses to try passwords and codes after too many failures, by account and by address. The accounts are those that
// were asked for, whether they exist or not, so that a refusal tells nothing. Counted in Redis before an attempt is
// judged, so that many at once do not slip through; each further failure doubles the wait.
#include "core/clock.hpp"
#include "core/error.hpp"
#include "identity/config.hpp"
#include "redis/client.hpp"

#include <string>

namespace pricing::identity {

namespace asio = boost::asio;

class sign_in_limits {
 public:
  sign_in_limits(redis::client& cache, const config& c, const clock& now) : cache_(cache), config_(c), clock_(now) {}

  // rate_limited, with the time to wait, while account or address are locked; unavailable without Redis.
  asio::awaitable<result<void>> attempt(std::string account, std::string address);
  // The attempt was right: the account starts afresh.
  asio::awaitable<result<void>> succeeded(std::string account, std::string address);
  // The attempt proved nothing yet (the second factor is still to come): it does not count.
  asio::awaitable<result<void>> taken_back(std::string account, std::string address);

 private:
  asio::awaitable<result<void>> finish(std::string account, std::string address, bool afresh);
  redis::client& cache_;
  const config& config_;
  const clock& clock_;
};

} // namespace pricing::identity
