#pragma once
// All SQL of identity. Logging in happens before an organization is known, so it goes through SECURITY DEFINER
// functions of the schema; everything else is confined by row-level security.
#include "core/ids.hpp"
#include "identity/audit_chain.hpp"
#include "identity/identity.hpp"
#include "postgres/pool.hpp"

namespace pricing::identity {

namespace asio = boost::asio;

struct login_row {
  std::int64_t user_id = 0;
  std::string email;
  std::string name;
  std::string password_hash;
  bool disabled = false;
  std::optional<timestamp> locked_until;
  std::int64_t organization_id = 0;
  std::string organization_name;
  std::string organization_slug;
  std::string currency;
  std::string role;
};
BOOST_DESCRIBE_STRUCT(login_row, (),
                      (user_id, email, name, password_hash, disabled, locked_until, organization_id, organization_name,
                       organization_slug, currency, role))

// A refresh token that was just used up, and whose it was.
struct used_token : login_row {
  std::string family_hash;
};
BOOST_DESCRIBE_STRUCT(used_token, (login_row), (family_hash))

struct new_audit_event {
  organization_id organization;
  user_id user;
  std::string action;
  std::string subject_type;
  std::string subject_id;
  std::optional<boost::json::value> after;
  std::string request_id;
  std::string address;
};

// What the first request with an Idempotency-Key left behind; no status while it still runs.
struct kept_answer {
  std::string request_hash; // hex
  std::optional<int> status;
  std::optional<std::string> body;
};
BOOST_DESCRIBE_STRUCT(kept_answer, (), (request_hash, status, body))

class identity_store {
 public:
  explicit identity_store(postgres::pool& database) : database_(database) {}

  asio::awaitable<result<std::optional<login_row>>> find_login(std::string email);
  asio::awaitable<result<std::optional<login_row>>> find_member(organization_id organization, user_id user);
  asio::awaitable<result<void>> keep_refresh_token(organization_id organization, user_id user, std::string token_hash,
                                                   std::string family_hash, timestamp expires_at);
  asio::awaitable<result<std::optional<used_token>>> use_refresh_token(std::string token_hash);

  asio::awaitable<result<std::vector<member>>> members(organization_id organization, std::int64_t after, int limit);
  // conflict when the e-mail address is taken.
  asio::awaitable<result<member>> add_member(organization_id organization, std::string email, std::string name,
                                             std::string role, std::string password_hash);
  asio::awaitable<result<member>> change_member(organization_id organization, user_id user,
                                                std::optional<std::string> role, std::optional<bool> disabled);

  asio::awaitable<result<security_policy>> policy(organization_id organization);
  asio::awaitable<result<security_policy>> set_policy(organization_id organization, security_policy policy);

  asio::awaitable<result<audit_link>> audit(new_audit_event e);
  // An older head than the one that is kept changes nothing.
  asio::awaitable<result<void>> keep_audit_head(organization_id organization, audit_link head, std::string signature);
  asio::awaitable<result<std::vector<audit_event>>> audit_trail(organization_id organization, std::int64_t before,
                                                                int limit);

  // True when this request is the first with its key, or the first ended without a trace (its process was killed).
  asio::awaitable<result<bool>> claim_key(organization_id organization, std::string key, std::string method_path,
                                          std::string request_hash);
  asio::awaitable<result<std::optional<kept_answer>>> answer_of_key(organization_id organization, std::string key,
                                                                    std::string method_path);
  asio::awaitable<result<void>> keep_answer(organization_id organization, std::string key, std::string method_path,
                                            int status, std::string body);
  asio::awaitable<result<void>> forget_key(organization_id organization, std::string key, std::string method_path);

  postgres::pool& database() { return database_; }

 private:
  postgres::pool& database_;
};

} // namespace pricing::identity
