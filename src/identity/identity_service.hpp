#pragma once
// Use cases of identity. One per thread; everything waits on PostgreSQL, Redis or the CPU pool, never on the loop.
#include "http/route.hpp"
#include "http/types.hpp"
#include "identity/api_keys.hpp"
#include "identity/config.hpp"
#include "identity/identity.hpp"
#include "identity/identity_store.hpp"
#include "identity/second_factor.hpp"
#include "identity/sign_in_limits.hpp"
#include "identity/token.hpp"
#include "net/cpu_pool.hpp"

namespace prometheus {
class Counter;
class Registry;
} // namespace prometheus

namespace pricing::redis {
class client;
}

namespace pricing::identity {

class identity_service {
 public:
  identity_service(const config& c, const token_signer& signer, identity_store& store, redis::client& cache,
                   net::cpu_pool& cpu, const clock& now, prometheus::Registry* metrics = nullptr);

  struct opened_session {
    std::string token; // the cookie's value
    session_view view;
  };
  // unauthenticated for an unknown e-mail, a wrong password and a disabled person alike (and at the same cost); with a
  // detail for "code" when the password is right and a second factor is missing or wrong; rate_limited while account
  // or address are locked after too many failures.
  asio::awaitable<result<opened_session>> login(credentials in, std::string address);
  asio::awaitable<result<void>> logout(std::string session);
  asio::awaitable<result<session_view>> me(http::principal caller);
  struct issued_tokens {
    token_pair tokens;
    organization_id organization;
    user_id user;
  };
  asio::awaitable<result<issued_tokens>> issue_tokens(credentials in, std::string address);
  // A refresh token is good for one use; using it twice revokes every token that came from the same sign-in.
  asio::awaitable<result<issued_tokens>> refresh(std::string refresh_token);

  // The second factor of whoever has this session; conflict for programs, which have none.
  asio::awaitable<result<mfa_setup>> begin_mfa(http::principal caller);
  asio::awaitable<result<recovery_codes>> confirm_mfa(http::principal caller, std::string code);
  asio::awaitable<result<void>> disable_mfa(http::principal caller, std::string code, std::string address);
  asio::awaitable<result<mfa_view>> mfa(http::principal caller);

  // The caller behind a cookie, a bearer token or an API key.
  asio::awaitable<result<http::principal_ptr>> authenticate(const http::request& request);

  asio::awaitable<result<http::page<member>>> members(organization_id organization, int limit, std::int64_t after);
  asio::awaitable<result<created_member>> add_member(organization_id organization, new_member in);
  // Nobody changes their own role or disables themselves, so an organization never loses its last administrator.
  asio::awaitable<result<member>> change_member(organization_id organization, user_id by, member_change in);
  asio::awaitable<result<http::page<audit_event>>> audit_trail(organization_id organization, int limit,
                                                               std::int64_t before);

  const config& settings() const { return config_; }
  identity_store& store() { return store_; }
  api_keys& keys() { return keys_; }
  const token_signer& signer() const { return signer_; }

 private:
  struct admitted {
    login_row person;
    bool must_set_up_mfa = false;
  };
  asio::awaitable<result<admitted>> admit(credentials in, std::string address);
  asio::awaitable<result<admitted>> admit_counted(credentials in, std::string address);
  asio::awaitable<result<login_row>> check_password(std::string email, std::string password);
  asio::awaitable<result<issued_tokens>> tokens_for(login_row person, std::string family_hash);
  asio::awaitable<result<http::principal_ptr>> from_session(std::string token);
  asio::awaitable<result<std::int64_t>> ended_before(std::int64_t user);
  asio::awaitable<result<http::principal_ptr>> from_bearer(std::string token);

  const config& config_;
  const token_signer& signer_;
  identity_store& store_;
  redis::client& cache_;
  net::cpu_pool& cpu_;
  const clock& clock_;
  sign_in_limits limits_;
  second_factors factors_;
  api_keys keys_;
  struct {
    prometheus::Counter *ok = nullptr, *failed = nullptr, *refused = nullptr;
  } sign_ins_;
};

} // namespace pricing::identity
