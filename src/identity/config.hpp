#pragma once
// Settings of identity (section "identity").
#include <boost/describe.hpp>

#include <string>

namespace pricing::identity {

struct config {
  std::string secret; // signs access tokens; at least 32 characters; PRICING_IDENTITY_SECRET_FILE
  int session_ttl_s = 12 * 3600;
  int access_token_ttl_s = 15 * 60;
  int refresh_token_ttl_s = 30 * 24 * 3600;
  int failed_logins_max = 10; // then the account is locked for lockout_s, twice as long after each further failure
  int failed_logins_per_address_max = 100; // the same for an address, whatever accounts it tries
  int lockout_s = 15 * 60;
  int lockout_max_s = 24 * 3600;
  bool secure_cookie = false; // true behind TLS
  int rate_anonymous_per_hour = 100;
  int rate_user_per_hour = 1'000;     // bearer tokens
  int rate_session_per_hour = 20'000; // people clicking: search as you type asks often
  int rate_ml_per_minute = 60;
  int rate_bulk_per_hour = 10;
};
BOOST_DESCRIBE_STRUCT(config, (),
                      (secret, session_ttl_s, access_token_ttl_s, refresh_token_ttl_s, failed_logins_max,
                       failed_logins_per_address_max, lockout_s, lockout_max_s, secure_cookie, rate_anonymous_per_hour,
                       rate_user_per_hour, rate_session_per_hour, rate_ml_per_minute, rate_bulk_per_hour))

} // namespace pricing::identity
