#include "identity/identity_service.hpp"

#include "identity/password.hpp"
#include "redis/client.hpp"

#include <cstdlib>
#include <limits>

namespace pricing::identity {
namespace {

error wrong_credentials() {
  return {errc::unauthenticated, "the e-mail address or the password is wrong"};
}
error not_signed_in() {
  return {errc::unauthenticated, "sign in first, or send an access token"};
}

std::vector<std::string> names_of(std::span<const std::string_view> permissions) {
  return {permissions.begin(), permissions.end()};
}

// What Redis keeps of a session, under the hash of its token.
struct stored_session {
  std::int64_t user = 0;
  std::int64_t organization = 0;
  std::string email;
  std::string role;
  std::string csrf;
  std::int64_t opened_at = 0; // microseconds since 1970
};
BOOST_DESCRIBE_STRUCT(stored_session, (), (user, organization, email, role, csrf, opened_at))

std::string session_key(std::string_view token) {
  return "session:" + token_hash(token);
}
std::string revoked_key(std::int64_t user) {
  return "revoked:" + std::to_string(user);
}

session_view view_of(const login_row& person, std::string csrf) {
  const auto as = parse_role(person.role);
  return {{person.user_id, person.email, person.name},
          {person.organization_id, person.organization_name, person.organization_slug, person.currency},
          person.role,
          as ? names_of(permissions_of(*as)) : std::vector<std::string>{},
          std::move(csrf)};
}

} // namespace

asio::awaitable<result<login_row>> identity_service::check_password(std::string email, std::string password) {
  auto found = co_await store_.find_login(email);
  if (!found)
    co_return found.error();
  if (!*found) {
    const auto waste = [password] { verify_nothing(password); };
    auto wasted = co_await cpu_.run(waste);
    co_return wasted ? wrong_credentials() : wasted.error();
  }
  login_row person = std::move(**found);
  if (const auto now = clock_.now(); person.locked_until && *person.locked_until > now) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(*person.locked_until - now);
    co_return error{
        errc::rate_limited, "too many failed attempts; try again later", {}, static_cast<int>(left.count())};
  }
  const auto verify = [hash = person.password_hash, password] { return verify_password(hash, password); };
  auto right = co_await cpu_.run(verify);
  if (!right)
    co_return right.error();
  auto noted = co_await store_.note_login({person.user_id}, *right, config_.failed_logins_max, config_.lockout_s);
  if (!noted)
    co_return noted.error();
  if (!*right || person.disabled)
    co_return wrong_credentials();
  co_return person;
}

asio::awaitable<result<identity_service::opened_session>> identity_service::login(std::string email,
                                                                                  std::string password) {
  auto person = co_await check_password(std::move(email), std::move(password));
  if (!person)
    co_return person.error();
  // The user's id stands in the token, so that one look-up finds both the session and a revocation.
  std::string token = std::to_string(person->user_id) + "." + random_token();
  const stored_session session{person->user_id, person->organization_id, person->email,
                               person->role,    random_token(),          clock_.now().time_since_epoch().count()};
  std::string key = session_key(token);
  std::string text = wire::encode(session);
  auto kept = co_await cache_.set(key, text, std::chrono::seconds(config_.session_ttl_s));
  if (!kept)
    co_return kept.error();
  co_return opened_session{std::move(token), view_of(*person, session.csrf)};
}

asio::awaitable<result<void>> identity_service::logout(std::string session) {
  if (session.empty())
    co_return result<void>{};
  std::string key = session_key(session);
  auto removed = co_await cache_.del(key);
  if (!removed)
    co_return removed.error();
  co_return result<void>{};
}

asio::awaitable<result<session_view>> identity_service::me(http::principal caller) {
  auto person = co_await store_.find_member(caller.organization, caller.user);
  if (!person)
    co_return person.error();
  if (!*person)
    co_return not_signed_in();
  co_return view_of(**person, caller.csrf_token);
}

asio::awaitable<result<identity_service::issued_tokens>> identity_service::issue_tokens(std::string email,
                                                                                        std::string password) {
  auto person = co_await check_password(std::move(email), std::move(password));
  if (!person)
    co_return person.error();
  co_return co_await tokens_for(std::move(*person), token_hash(random_token()));
}

asio::awaitable<result<identity_service::issued_tokens>> identity_service::tokens_for(login_row person,
                                                                                      std::string family_hash) {
  const auto as = parse_role(person.role);
  if (!as)
    co_return not_signed_in();
  const timestamp issued = clock_.now();
  const auto now = std::chrono::floor<std::chrono::seconds>(issued);
  token_pair out;
  out.access_token = signer_.sign({{person.organization_id},
                                   {person.user_id},
                                   *as,
                                   now + std::chrono::seconds(config_.access_token_ttl_s),
                                   issued});
  out.expires_in_s = config_.access_token_ttl_s;
  out.refresh_token = random_token();
  auto kept = co_await store_.keep_refresh_token({person.organization_id}, {person.user_id},
                                                 token_hash(out.refresh_token), std::move(family_hash),
                                                 now + std::chrono::seconds(config_.refresh_token_ttl_s));
  if (!kept)
    co_return kept.error();
  co_return issued_tokens{std::move(out), {person.organization_id}, {person.user_id}};
}

asio::awaitable<result<identity_service::issued_tokens>> identity_service::refresh(std::string refresh_token) {
  auto used = co_await store_.use_refresh_token(token_hash(refresh_token));
  if (!used)
    co_return used.error();
  if (!*used)
    co_return error{errc::unauthenticated, "the refresh token is unknown, expired or already used; sign in again"};
  if ((*used)->disabled)
    co_return wrong_credentials();
  std::string family_hash = (*used)->family_hash;
  login_row person = std::move(**used);
  co_return co_await tokens_for(std::move(person), std::move(family_hash));
}

asio::awaitable<result<http::principal>> identity_service::authenticate(const http::request& request) {
  const std::string_view authorization = request.header("Authorization");
  constexpr std::string_view bearer = "Bearer ";
  if (authorization.starts_with(bearer))
    co_return co_await from_bearer(std::string(authorization.substr(bearer.size())));
  std::string cookie(request.cookie("pricing_session"));
  if (cookie.empty() || cookie.size() > 200)
    co_return not_signed_in();
  co_return co_await from_session(std::move(cookie));
}

// A session or token from before this moment has ended: the person was disabled or got another role.
asio::awaitable<result<std::int64_t>> identity_service::ended_before(std::int64_t user) {
  std::string key = revoked_key(user);
  const auto moment = co_await cache_.get(std::move(key));
  if (!moment)
    co_return moment.error();
  co_return *moment ? std::atoll((*moment)->c_str()) : 0;
}

asio::awaitable<result<http::principal>> identity_service::from_session(std::string token) {
  // The token names its user, so both look-ups leave together.
  std::vector<std::string> keys{session_key(token), revoked_key(std::atoll(token.c_str()))};
  const auto found = co_await cache_.mget(std::move(keys));
  if (!found)
    co_return found.error();
  if (found->size() != 2 || !found->front())
    co_return not_signed_in();
  auto session = wire::decode_json<stored_session>(*found->front());
  if (!session)
    co_return not_signed_in();
  const auto& ended = found->back();
  if (ended && session->opened_at <= std::atoll(ended->c_str()))
    co_return not_signed_in();
  http::principal out;
  out.organization = {session->organization};
  out.user = {session->user};
  out.email = std::move(session->email);
  const auto as = parse_role(session->role);
  if (as)
    out.permissions = names_of(permissions_of(*as));
  out.role = std::move(session->role);
  out.session = std::move(token);
  out.csrf_token = std::move(session->csrf);
  co_return out;
}

asio::awaitable<result<http::principal>> identity_service::from_bearer(std::string token) {
  const auto claims = signer_.verify(token, clock_.now());
  if (!claims)
    co_return claims.error();
  const auto ended = co_await ended_before(claims->user.value);
  // While Redis is away a token lives on for the minutes it has left.
  if (ended && claims->issued_at.time_since_epoch().count() <= *ended)
    co_return not_signed_in();
  http::principal out;
  out.organization = claims->organization;
  out.user = claims->user;
  out.role = to_string(claims->as);
  out.permissions = names_of(permissions_of(claims->as));
  co_return out;
}

asio::awaitable<result<http::page<member>>> identity_service::members(organization_id organization, int limit,
                                                                      std::int64_t after) {
  auto rows = co_await store_.members(organization, after, limit + 1);
  if (!rows)
    co_return rows.error();
  co_return http::page_of(std::move(*rows), limit, [](const member& m) { return std::to_string(m.id); });
}

asio::awaitable<result<created_member>> identity_service::add_member(organization_id organization, new_member in) {
  std::optional<std::string> generated;
  if (!in.password)
    generated = generate_password();
  const auto hash = [password = generated ? *generated : in.password->value] { return hash_password(password); };
  auto hashed = co_await cpu_.run(hash);
  if (!hashed)
    co_return hashed.error();
  auto added = co_await store_.add_member(organization, in.email.value, in.name.value, std::string(to_string(in.role)),
                                          std::move(*hashed));
  if (!added)
    co_return added.error();
  co_return created_member{std::move(*added), std::move(generated)};
}

asio::awaitable<result<member>> identity_service::change_member(organization_id organization, user_id by,
                                                                member_change in) {
  if (in.id == by.value)
    co_return conflict("you cannot change your own role or disable yourself; ask another administrator");
  std::optional<std::string> role;
  if (in.role)
    role = std::string(to_string(*in.role));
  const user_id who{in.id};
  auto changed = co_await store_.change_member(organization, who, std::move(role), in.disabled);
  if (!changed)
    co_return changed.error();
  std::string key = revoked_key(in.id);
  std::string moment = std::to_string(clock_.now().time_since_epoch().count());
  const auto ended =
      co_await cache_.set(std::move(key), std::move(moment), std::chrono::seconds(config_.session_ttl_s));
  if (!ended)
    co_return ended.error();
  co_return changed;
}

asio::awaitable<result<http::page<audit_event>>> identity_service::audit_trail(organization_id organization, int limit,
                                                                               std::int64_t before) {
  if (before <= 0)
    before = std::numeric_limits<std::int64_t>::max();
  auto rows = co_await store_.audit_trail(organization, before, limit + 1);
  if (!rows)
    co_return rows.error();
  co_return http::page_of(std::move(*rows), limit, [](const audit_event& e) { return std::to_string(e.id); });
}

} // namespace pricing::identity
