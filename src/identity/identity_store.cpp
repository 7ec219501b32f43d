#include "identity/identity_store.hpp"

namespace pricing::identity {
namespace {

constexpr organization_id nobody{};

result<void> done(const result<std::int64_t>& touched) {
  if (!touched)
    return touched.error();
  return {};
}

} // namespace

constexpr auto find_login_sql = "select * from login_by_email($1)";

asio::awaitable<result<std::optional<login_row>>> identity_store::find_login(std::string email) {
  co_return co_await database_.query_optional<login_row>(nobody, find_login_sql, email);
}

constexpr auto find_member_sql = "select * from login_of($1, $2)";

asio::awaitable<result<std::optional<login_row>>> identity_store::find_member(organization_id organization,
                                                                              user_id user) {
  co_return co_await database_.query_optional<login_row>(organization, find_member_sql, user, organization);
}

constexpr auto keep_refresh_token_sql =
    "insert into refresh_tokens (organization_id, user_id, token_hash, family_hash, expires_at) "
    "values ($1, $2, $3, $4, $5)";

asio::awaitable<result<void>> identity_store::keep_refresh_token(organization_id organization, user_id user,
                                                                 std::string token_hash, std::string family_hash,
                                                                 timestamp expires_at) {
  co_return done(co_await database_.execute(organization, keep_refresh_token_sql, organization, user, token_hash,
                                            family_hash, expires_at));
}

constexpr auto use_refresh_token_sql = "select (person).*, family_hash from use_refresh_token($1)";

asio::awaitable<result<std::optional<used_token>>> identity_store::use_refresh_token(std::string token_hash) {
  co_return co_await database_.query_optional<used_token>(nobody, use_refresh_token_sql, token_hash);
}

constexpr auto members_sql = "select u.id, u.email, u.name, m.role, u.created_at, u.disabled_at is not null "
                             "from memberships m join users u on u.id = m.user_id where u.id > $1 order by u.id limit "
                             "$2";

asio::awaitable<result<std::vector<member>>> identity_store::members(organization_id organization, std::int64_t after,
                                                                     int limit) {
  co_return co_await database_.query<member>(organization, members_sql, after, limit);
}

constexpr auto add_member_sql = "select add_user($1, $2, $3, $4)";
constexpr auto member_sql = "select u.id, u.email, u.name, m.role, u.created_at, u.disabled_at is not null "
                            "from memberships m join users u on u.id = m.user_id where u.id = $1";

asio::awaitable<result<member>> identity_store::add_member(organization_id organization, std::string email,
                                                           std::string name, std::string role,
                                                           std::string password_hash) {
  const auto added =
      co_await database_.query_one<std::int64_t>(organization, add_member_sql, email, name, role, password_hash);
  if (!added) {
    if (added.error().code == errc::conflict)
      co_return conflict("'" + email + "' already has an account");
    co_return added.error();
  }
  co_return co_await database_.query_one<member>(organization, member_sql, *added);
}

constexpr auto change_role_sql = "update memberships set role = $2 where user_id = $1";
constexpr auto change_disabled_sql =
    "update users set disabled_at = case when $2 then coalesce(disabled_at, now()) end where id = $1";

asio::awaitable<result<member>> identity_store::change_member(organization_id organization, user_id user,
                                                              std::optional<std::string> role,
                                                              std::optional<bool> disabled) {
  using change = std::function<asio::awaitable<result<member>>(postgres::transaction&)>;
  const change body = [user, role, disabled](postgres::transaction& t) -> asio::awaitable<result<member>> {
    if (role) {
      const auto touched = co_await t.execute(change_role_sql, user, *role);
      if (!touched)
        co_return touched.error();
    }
    if (disabled) {
      const auto touched = co_await t.execute(change_disabled_sql, user, *disabled);
      if (!touched)
        co_return touched.error();
    }
    co_return co_await t.query_one<member>(member_sql, user);
  };
  auto changed = co_await database_.in_transaction<member>(organization, body);
  if (!changed && changed.error().code == errc::not_found)
    co_return not_found("there is no user " + std::to_string(user.value));
  co_return changed;
}

constexpr auto policy_sql = "select mfa_required from organizations where id = $1";

asio::awaitable<result<security_policy>> identity_store::policy(organization_id organization) {
  co_return co_await database_.query_one<security_policy>(organization, policy_sql, organization);
}

constexpr auto set_policy_sql = "update organizations set mfa_required = $2 where id = $1 returning mfa_required";

asio::awaitable<result<security_policy>> identity_store::set_policy(organization_id organization,
                                                                    security_policy policy) {
  co_return co_await database_.query_one<security_policy>(organization, set_policy_sql, organization,
                                                          policy.mfa_required);
}

constexpr auto audit_sql =
    "insert into audit_events (organization_id, user_id, action, subject_type, subject_id, after, request_id, address) "
    "values ($1, $2, $3, $4, $5, $6, $7, $8) returning id, encode(hash, 'hex')";

asio::awaitable<result<audit_link>> identity_store::audit(new_audit_event e) {
  co_return co_await database_.query_one<audit_link>(e.organization, audit_sql, e.organization, e.user, e.action,
                                                     e.subject_type, e.subject_id, e.after, e.request_id, e.address);
}

constexpr auto keep_audit_head_sql =
    "insert into audit_heads as kept (organization_id, event_id, hash, signature) values ($1, $2, decode($3, 'hex'), "
    "$4) "
    "on conflict (organization_id) do update set event_id = excluded.event_id, hash = excluded.hash, "
    "signature = excluded.signature, signed_at = now() where kept.event_id < excluded.event_id";

asio::awaitable<result<void>> identity_store::keep_audit_head(organization_id organization, audit_link head,
                                                              std::string signature) {
  co_return done(
      co_await database_.execute(organization, keep_audit_head_sql, organization, head.id, head.hash, signature));
}

constexpr auto audit_trail_sql =
    "select a.id, a.at, u.name, a.action, a.subject_type, coalesce(a.subject_id, ''), a.after, "
    "coalesce(a.request_id, '') from audit_events a left join users u on u.id = a.user_id "
    "where a.organization_id = $1 and a.id < $2 order by a.id desc limit $3";

asio::awaitable<result<std::vector<audit_event>>> identity_store::audit_trail(organization_id organization,
                                                                              std::int64_t before, int limit) {
  co_return co_await database_.query<audit_event>(organization, audit_trail_sql, organization, before, limit);
}

// No request takes as long as 15 minutes.
constexpr auto claim_key_sql =
    "insert into idempotency_keys as kept (organization_id, key, method_path, request_hash) "
    "values ($1, $2, $3, decode($4, 'hex')) on conflict (organization_id, key, method_path) do update "
    "set request_hash = excluded.request_hash, created_at = now() "
    "where kept.status is null and kept.created_at < now() - interval '15 minutes'";

asio::awaitable<result<bool>> identity_store::claim_key(organization_id organization, std::string key,
                                                        std::string method_path, std::string request_hash) {
  const auto touched =
      co_await database_.execute(organization, claim_key_sql, organization, key, method_path, request_hash);
  if (!touched)
    co_return touched.error();
  co_return *touched == 1;
}

constexpr auto answer_of_key_sql = "select encode(request_hash, 'hex'), status, body from idempotency_keys "
                                   "where organization_id = $1 and key = $2 and method_path = $3";

asio::awaitable<result<std::optional<kept_answer>>>
identity_store::answer_of_key(organization_id organization, std::string key, std::string method_path) {
  co_return co_await database_.query_optional<kept_answer>(organization, answer_of_key_sql, organization, key,
                                                           method_path);
}

constexpr auto keep_answer_sql = "update idempotency_keys set status = $4, body = $5 "
                                 "where organization_id = $1 and key = $2 and method_path = $3";

asio::awaitable<result<void>> identity_store::keep_answer(organization_id organization, std::string key,
                                                          std::string method_path, int status, std::string body) {
  co_return done(
      co_await database_.execute(organization, keep_answer_sql, organization, key, method_path, status, body));
}

constexpr auto forget_key_sql =
    "delete from idempotency_keys where organization_id = $1 and key = $2 and method_path = $3";

asio::awaitable<result<void>> identity_store::forget_key(organization_id organization, std::string key,
                                                         std::string method_path) {
  co_return done(co_await database_.execute(organization, forget_key_sql, organization, key, method_path));
}

} // namespace pricing::identity
