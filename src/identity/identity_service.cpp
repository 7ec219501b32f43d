#include "identity/identity_service.hpp"

#include "identity/password.hpp"
#include "redis/client.hpp"

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <cstdlib>
#include <limits>

namespace pricing::identity {
namespace {

error wrong_credentials() {
  return {errc::unauthenticated, "the e-mail address or the password is wrong"};
}
error code_missing() {
  return {errc::unauthenticated,
          "enter the code that your authenticator shows, or a recovery code",
          {{"code", "is needed"}}};
}
error code_wrong() {
  return {
      errc::unauthenticated, "the code is wrong or was used already; wait for the next one", {{"code", "is wrong"}}};
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
  std::int64_t opened_at = 0;     // microseconds since 1970
  std::optional<bool> restricted; // true: may only set up a second factor
};
BOOST_DESCRIBE_STRUCT(stored_session, (), (user, organization, email, role, csrf, opened_at, restricted))

std::string session_key(std::string_view token) {
  return "session:" + token_hash(token);
}
std::string revoked_key(std::int64_t user) {
  return "revoked:" + std::to_string(user);
}

session_view view_of(const login_row& person, std::string csrf, bool must_set_up_mfa) {
  const auto as = must_set_up_mfa ? std::nullopt : parse_role(person.role);
  return {{person.user_id, person.email, person.name},
          {person.organization_id, person.organization_name, person.organization_slug, person.currency},
          person.role,
          as ? names_of(permissions_of(*as)) : std::vector<std::string>{},
          std::move(csrf),
          must_set_up_mfa};
}

error only_in_a_session() {
  return conflict("a second factor belongs to a person: sign in with a browser session");
}

} // namespace

identity_service::identity_service(const config& c, const token_signer& signer, identity_store& store,
                                   redis::client& cache, net::cpu_pool& cpu, const clock& now,
                                   prometheus::Registry* metrics)
    : config_(c),
      signer_(signer),
      store_(store),
      cache_(cache),
      cpu_(cpu),
      clock_(now),
      limits_(cache, c, now),
      factors_(store.database(), sealer(key_ring::create(c.secret).value()), now),
      keys_(store.database(), now) {
  if (!metrics)
    return;
  auto& family = prometheus::BuildCounter()
                     .Name("pricing_sign_ins_total")
                     .Help("Sign-ins by outcome: ok, failed (wrong password or code), refused (locked)")
                     .Register(*metrics);
  sign_ins_ = {&family.Add({{"outcome", "ok"}}), &family.Add({{"outcome", "failed"}}),
               &family.Add({{"outcome", "refused"}})};
}

asio::awaitable<result<identity_service::admitted>> identity_service::admit(credentials in, std::string address) {
  const std::string email = in.email.value;
  auto out = co_await admit_counted(std::move(in), address);
  // What failed on our side says nothing about the password.
  if (!out && out.error().code != errc::unauthenticated && out.error().code != errc::rate_limited)
    co_await limits_.taken_back(email, address);
  if (sign_ins_.ok) {
    if (out)
      sign_ins_.ok->Increment();
    else if (out.error().code == errc::rate_limited)
      sign_ins_.refused->Increment();
    else if (out.error().code == errc::unauthenticated && out.error().message != code_missing().message)
      sign_ins_.failed->Increment();
  }
  co_return out;
}

// Password, then second factor. Counted as a failure before it is judged.
asio::awaitable<result<identity_service::admitted>> identity_service::admit_counted(credentials in,
                                                                                    std::string address) {
  const std::string email = in.email.value;
  const auto counted = co_await limits_.attempt(email, address);
  if (!counted)
    co_return counted.error();
  auto person = co_await check_password(email, in.password.value);
  if (!person)
    co_return person.error();
  const organization_id organization{person->organization_id};
  const user_id user{person->user_id};
  const auto factor = co_await factors_.state(organization, user);
  if (!factor)
    co_return factor.error();
  if (factor->enabled && !in.code) {
    const auto back = co_await limits_.taken_back(email, address);
    co_return back ? code_missing() : back.error();
  }
  if (factor->enabled) {
    const auto right = co_await factors_.accept(organization, user, in.code->value);
    if (!right)
      co_return right.error();
    if (!*right)
      co_return code_wrong();
  }
  const auto afresh = co_await limits_.succeeded(email, address);
  if (!afresh)
    co_return afresh.error();
  co_return admitted{std::move(*person), factor->required && !factor->enabled};
}

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
  const auto verify = [hash = person.password_hash, password] { return verify_password(hash, password); };
  auto right = co_await cpu_.run(verify);
  if (!right)
    co_return right.error();
  if (!*right || person.disabled)
    co_return wrong_credentials();
  co_return person;
}

asio::awaitable<result<identity_service::opened_session>> identity_service::login(credentials in, std::string address) {
  auto known = co_await admit(std::move(in), std::move(address));
  if (!known)
    co_return known.error();
  const login_row* person = &known->person;
  // The user's id stands in the token, so that one look-up finds both the session and a revocation.
  std::string token = std::to_string(person->user_id) + "." + random_token();
  const stored_session session{person->user_id,
                               person->organization_id,
                               person->email,
                               person->role,
                               random_token(),
                               clock_.now().time_since_epoch().count(),
                               known->must_set_up_mfa ? std::optional(true) : std::nullopt};
  std::string key = session_key(token);
  std::string text = wire::encode(session);
  auto kept = co_await cache_.set(key, text, std::chrono::seconds(config_.session_ttl_s));
  if (!kept)
    co_return kept.error();
  co_return opened_session{std::move(token), view_of(*person, session.csrf, known->must_set_up_mfa)};
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
  bool must_set_up_mfa = false;
  if (!caller.session.empty() && caller.permissions.empty()) { // perhaps a session that may do nothing else
    const auto factor = co_await factors_.state(caller.organization, caller.user);
    if (!factor)
      co_return factor.error();
    must_set_up_mfa = factor->required && !factor->enabled;
  }
  auto view = view_of(**person, caller.csrf_token, must_set_up_mfa);
  // An API key may do less than its person.
  view.permissions.assign(caller.permissions.begin(), caller.permissions.end());
  co_return view;
}

asio::awaitable<result<identity_service::issued_tokens>> identity_service::issue_tokens(credentials in,
                                                                                        std::string address) {
  auto known = co_await admit(std::move(in), std::move(address));
  if (!known)
    co_return known.error();
  if (known->must_set_up_mfa)
    co_return error{errc::forbidden,
                    "your organization requires a second factor: sign in with a browser and set it up first"};
  co_return co_await tokens_for(std::move(known->person), token_hash(random_token()));
}

asio::awaitable<result<mfa_view>> identity_service::mfa(http::principal caller) {
  co_return co_await factors_.state(caller.organization, caller.user);
}

asio::awaitable<result<mfa_setup>> identity_service::begin_mfa(http::principal caller) {
  if (caller.session.empty())
    co_return only_in_a_session();
  co_return co_await factors_.begin(caller.organization, caller.user, caller.email);
}

asio::awaitable<result<recovery_codes>> identity_service::confirm_mfa(http::principal caller, std::string code) {
  if (caller.session.empty())
    co_return only_in_a_session();
  auto codes = co_await factors_.confirm(caller.organization, caller.user, std::move(code));
  if (!codes)
    co_return codes.error();
  // A session that could do nothing else may do everything from now on.
  std::string key = session_key(caller.session);
  const auto kept = co_await cache_.get(key);
  if (!kept)
    co_return kept.error();
  auto session = *kept ? wire::decode_json<stored_session>(**kept) : result<stored_session>(not_signed_in());
  if (session && session->restricted) {
    session->restricted = std::nullopt;
    std::string text = wire::encode(*session);
    const auto lifted =
        co_await cache_.set(std::move(key), std::move(text), std::chrono::seconds(config_.session_ttl_s));
    if (!lifted)
      co_return lifted.error();
  }
  co_return std::move(*codes);
}

asio::awaitable<result<void>> identity_service::disable_mfa(http::principal caller, std::string code,
                                                            std::string address) {
  if (caller.session.empty())
    co_return only_in_a_session();
  const auto factor = co_await factors_.state(caller.organization, caller.user);
  if (!factor)
    co_return factor.error();
  if (factor->required)
    co_return conflict("your organization requires a second factor; an administrator may reset it");
  if (!factor->enabled)
    co_return conflict("there is no second factor to disable");
  const auto counted = co_await limits_.attempt(caller.email, address);
  if (!counted)
    co_return counted.error();
  const auto right = co_await factors_.accept(caller.organization, caller.user, std::move(code));
  if (!right)
    co_return right.error();
  if (!*right)
    co_return invalid_input("the code is wrong or was used already; wait for the next one", {{"code", "is wrong"}});
  const auto afresh = co_await limits_.succeeded(caller.email, address);
  if (!afresh)
    co_return afresh.error();
  co_return co_await factors_.remove(caller.organization, caller.user);
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

asio::awaitable<result<http::principal_ptr>> identity_service::authenticate(const http::request& request) {
  const std::string_view authorization = request.header("Authorization");
  constexpr std::string_view bearer = "Bearer ";
  if (const auto key = request.header("X-Api-Key"); !key.empty())
    co_return co_await keys_.authenticate(std::string(key));
  if (authorization.starts_with(bearer) && authorization.substr(bearer.size()).starts_with(api_keys::prefix))
    co_return co_await keys_.authenticate(std::string(authorization.substr(bearer.size())));
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

asio::awaitable<result<http::principal_ptr>> identity_service::from_session(std::string token) {
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
  if (as && !session->restricted.value_or(false))
    out.permissions.assign(permissions_of(*as).begin(), permissions_of(*as).end());
  out.role = std::move(session->role);
  out.session = std::move(token);
  out.csrf_token = std::move(session->csrf);
  co_return std::make_shared<http::principal>(std::move(out));
}

asio::awaitable<result<http::principal_ptr>> identity_service::from_bearer(std::string token) {
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
  out.permissions.assign(permissions_of(claims->as).begin(), permissions_of(claims->as).end());
  co_return std::make_shared<http::principal>(std::move(out));
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
  if (in.reset_mfa.value_or(false)) {
    const auto removed = co_await factors_.remove(organization, who);
    if (!removed)
      co_return removed.error();
  }
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
