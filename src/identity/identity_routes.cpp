#include "identity/identity_routes.hpp"

namespace pricing::identity {
namespace {

using http::answer;
using http::context;
using http::method;
using http::nothing;

struct page_request {
  wire::defaulted<wire::bounded<int, 1, 200>, wire::bounded<int, 1, 200>{50}> limit;
  std::optional<std::int64_t> cursor;
};
BOOST_DESCRIBE_STRUCT(page_request, (), (limit, cursor))

constexpr const char* cookie_name = "pricing_session";

// A sign-in has no caller yet; its audit event is the person's own.
void becomes_caller(context& c, organization_id organization, user_id user) {
  c.who = std::make_shared<http::principal>(http::principal{.organization = organization, .user = user});
}

result<token_pair> hand_over(context& c, result<identity_service::issued_tokens> issued) {
  if (!issued)
    return issued.error();
  becomes_caller(c, issued->organization, issued->user);
  return std::move(issued->tokens);
}

std::string session_cookie(const std::string& token, int ttl_s, bool secure) {
  return std::string(cookie_name) + "=" + token + "; Path=/; HttpOnly; SameSite=Lax; Max-Age=" + std::to_string(ttl_s) +
         (secure ? "; Secure" : "");
}

void add_session_routes(std::vector<http::route>& routes, identity_service& service) {
  routes.push_back(http::json_route<credentials, session_view>(
      method::post, "/api/v1/auth/login",
      {.summary = "Sign in and get a session cookie", .is_public = true, .rate_class = "login", .no_csrf = true},
      [&](context& c, credentials in) -> answer<session_view> {
        auto opened = co_await service.login(std::move(in), c.request.remote_address);
        if (!opened)
          co_return opened.error();
        c.response_headers.emplace_back("Set-Cookie", session_cookie(opened->token, service.settings().session_ttl_s,
                                                                     service.settings().secure_cookie));
        becomes_caller(c, {opened->view.organization.id}, {opened->view.user.id});
        co_return std::move(opened->view);
      }));

  routes.push_back(http::json_route<nothing, nothing>(
      method::post, "/api/v1/auth/logout", {.summary = "End the session", .any_user = true},
      [&](context& c, nothing) -> answer<nothing> {
        auto ended = co_await service.logout(c.caller().session);
        if (!ended)
          co_return ended.error();
        c.response_headers.emplace_back("Set-Cookie", session_cookie("", 0, service.settings().secure_cookie));
        co_return nothing{};
      }));

  routes.push_back(http::json_route<nothing, session_view>(
      method::get, "/api/v1/auth/me", {.summary = "Who am I, and what may I do", .any_user = true},
      [&](context& c, nothing) -> answer<session_view> { co_return co_await service.me(c.caller()); }));

  routes.push_back(http::json_route<credentials, token_pair>(
      method::post, "/api/v1/auth/token",
      {.summary = "Get an access token for the API", .is_public = true, .rate_class = "login", .no_csrf = true},
      [&](context& c, credentials in) -> answer<token_pair> {
        co_return hand_over(c, co_await service.issue_tokens(std::move(in), c.request.remote_address));
      }));

  routes.push_back(http::json_route<refresh_request, token_pair>(
      method::post, "/api/v1/auth/refresh",
      {.summary = "Exchange a refresh token; the old one ends",
       .is_public = true,
       .rate_class = "login",
       .no_csrf = true},
      [&](context& c, refresh_request in) -> answer<token_pair> {
        co_return hand_over(c, co_await service.refresh(in.refresh_token.value));
      }));
}

void add_mfa_routes(std::vector<http::route>& routes, identity_service& service) {
  routes.push_back(http::json_route<nothing, mfa_view>(
      method::get, "/api/v1/auth/mfa", {.summary = "My second factor", .any_user = true},
      [&](context& c, nothing) -> answer<mfa_view> { co_return co_await service.mfa(c.caller()); }));

  routes.push_back(http::json_route<nothing, mfa_setup>(
      method::post, "/api/v1/auth/mfa",
      {.summary = "Set up an authenticator app; it counts once a code of it is confirmed", .any_user = true},
      [&](context& c, nothing) -> answer<mfa_setup> { co_return co_await service.begin_mfa(c.caller()); }));

  routes.push_back(http::json_route<mfa_code, recovery_codes>(
      method::post, "/api/v1/auth/mfa/confirm",
      {.summary = "Confirm the authenticator with a code; answers with recovery codes, shown once", .any_user = true},
      [&](context& c, mfa_code in) -> answer<recovery_codes> {
        co_return co_await service.confirm_mfa(c.caller(), in.code.value);
      }));

  routes.push_back(http::json_route<mfa_code, nothing>(
      method::post, "/api/v1/auth/mfa/disable", {.summary = "Sign in without a second factor again", .any_user = true},
      [&](context& c, mfa_code in) -> answer<nothing> {
        const auto done = co_await service.disable_mfa(c.caller(), in.code.value, c.request.remote_address);
        if (!done)
          co_return done.error();
        co_return nothing{};
      }));

  routes.push_back(http::json_route<nothing, security_policy>(
      method::get, "/api/v1/security-policy",
      {.summary = "What this organization asks of everybody", .permission = "user.read"},
      [&](context& c, nothing) -> answer<security_policy> {
        co_return co_await service.store().policy(c.organization());
      }));

  routes.push_back(http::json_route<security_policy, security_policy>(
      method::put, "/api/v1/security-policy",
      {.summary = "Require a second factor of everybody, from their next sign-in", .permission = "user.write"},
      [&](context& c, security_policy in) -> answer<security_policy> {
        co_return co_await service.store().set_policy(c.organization(), in);
      }));
}

void add_public_keys_route(std::vector<http::route>& routes, identity_service& service) {
  routes.push_back(
      http::raw_route(method::get, "/.well-known/jwks.json",
                      {.summary = "The keys that verify access tokens", .is_public = true, .hidden = true},
                      [text = service.signer().public_keys()](context&) -> asio::awaitable<result<http::response>> {
                        co_return http::response::json(text);
                      }));
}

void add_people_routes(std::vector<http::route>& routes, identity_service& service) {
  routes.push_back(http::json_route<page_request, http::page<member>>(
      method::get, "/api/v1/users", {.summary = "People of this organization", .permission = "user.read"},
      [&](context& c, page_request in) -> answer<http::page<member>> {
        co_return co_await service.members(c.organization(), in.limit.value, in.cursor.value_or(0));
      }));

  routes.push_back(http::json_route<new_member, created_member>(
      method::post, "/api/v1/users",
      {.summary = "Add a person; a password is generated when none is given",
       .permission = "user.write",
       .status = 201},
      [&](context& c, new_member in) -> answer<created_member> {
        co_return co_await service.add_member(c.organization(), std::move(in));
      }));

  routes.push_back(http::json_route<member_change, member>(
      method::patch, "/api/v1/users/{id}",
      {.summary = "Change a person's role, disable or enable", .permission = "user.write"},
      [&](context& c, member_change in) -> answer<member> {
        co_return co_await service.change_member(c.organization(), c.caller().user, in);
      }));

  routes.push_back(http::json_route<page_request, http::page<audit_event>>(
      method::get, "/api/v1/audit", {.summary = "Every write, newest first", .permission = "audit.read"},
      [&](context& c, page_request in) -> answer<http::page<audit_event>> {
        co_return co_await service.audit_trail(c.organization(), in.limit.value, in.cursor.value_or(0));
      }));
}

} // namespace

std::vector<http::route> identity_routes(identity_service& service) {
  std::vector<http::route> routes;
  add_session_routes(routes, service);
  add_public_keys_route(routes, service);
  add_mfa_routes(routes, service);
  add_people_routes(routes, service);
  for (auto& r : api_key_routes(service.keys()))
    routes.push_back(std::move(r));
  return routes;
}

} // namespace pricing::identity
