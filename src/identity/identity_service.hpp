#pragma once
// Use cases of identity. One per thread; everything waits on PostgreSQL, Redis or the CPU pool, never on the loop.
#include "http/route.hpp"
#include "http/types.hpp"
#include "identity/config.hpp"
#include "identity/identity.hpp"
#include "identity/identity_store.hpp"
#include "identity/token.hpp"
#include "net/cpu_pool.hpp"

namespace pricing::redis {
class client;
}

namespace pricing::identity {

class identity_service {
 public:
  identity_service(const config& c, const token_signer& signer, identity_store& store, redis::client& cache,
                   net::cpu_pool& cpu, const clock& now)
      : config_(c), signer_(signer), store_(store), cache_(cache), cpu_(cpu), clock_(now) {}

  struct opened_session {
    std::string token; // the cookie's value
    session_view view;
  };
  // unauthenticated for an unknown e-mail, a wrong password and a disabled person alike (and at the same cost);
  // rate_limited while the account is locked after too many failures.
  asio::awaitable<result<opened_session>> login(std::string email, std::string password);
  asio::awaitable<result<void>> logout(std::string session);
  asio::awaitable<result<session_view>> me(http::principal caller);
  struct issued_tokens {
    token_pair tokens;
    organization_id organization;
    user_id user;
  };
  asio::awaitable<result<issued_tokens>> issue_tokens(std::string email, std::string password);
  // A refresh token is good for one use; using it twice revokes every token that came from the same sign-in.
  asio::awaitable<result<issued_tokens>> refresh(std::string refresh_token);

  // The caller behind a cookie or a bearer token.
  asio::awaitable<result<http::principal>> authenticate(const http::request& request);

  asio::awaitable<result<http::page<member>>> members(organization_id organization, int limit, std::int64_t after);
  asio::awaitable<result<created_member>> add_member(organization_id organization, new_member in);
  // Nobody changes their own role or disables themselves, so an organization never loses its last administrator.
  asio::awaitable<result<member>> change_member(organization_id organization, user_id by, member_change in);
  asio::awaitable<result<http::page<audit_event>>> audit_trail(organization_id organization, int limit,
                                                               std::int64_t before);

  const config& settings() const { return config_; }

 private:
  asio::awaitable<result<login_row>> check_password(std::string email, std::string password);
  asio::awaitable<result<issued_tokens>> tokens_for(login_row person, std::string family_hash);
  asio::awaitable<result<http::principal>> from_session(std::string token);
  asio::awaitable<result<std::int64_t>> ended_before(std::int64_t user);
  asio::awaitable<result<http::principal>> from_bearer(std::string token);

  const config& config_;
  const token_signer& signer_;
  identity_store& store_;
  redis::client& cache_;
  net::cpu_pool& cpu_;
  const clock& clock_;
};

} // namespace pricing::identity
