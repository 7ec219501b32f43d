#include "serving/callers.hpp"

namespace pricing::serving {
namespace {

constexpr std::size_t known_max = 4'096; // tokens; they live for minutes

}

result<http::principal_ptr> callers::who(const http::request& r) {
  constexpr std::string_view scheme = "Bearer ";
  std::string_view given = r.header("Authorization");
  if (!given.starts_with(scheme))
    return error{errc::unauthenticated, "send an access token: Authorization: Bearer …"};
  given.remove_prefix(scheme.size());
  const auto now = now_.now();
  if (const auto at = known_.find(given); at != known_.end()) {
    if (at->second.expires_at > now)
      return at->second.caller;
    known_.erase(at);
  }
  const auto claims = signer_.verify(given, now);
  if (!claims)
    return claims.error();
  auto caller = std::make_shared<http::principal>();
  caller->organization = claims->organization;
  caller->user = claims->user;
  caller->role = to_string(claims->as);
  const auto permissions = identity::permissions_of(claims->as);
  caller->permissions.assign(permissions.begin(), permissions.end());
  if (known_.size() >= known_max)
    known_.clear();
  known_.emplace(given, known{caller, claims->expires_at});
  return caller;
}

http::hooks token_hooks(std::shared_ptr<callers> known) {
  http::hooks out;
  out.authenticate =
      [known = std::move(known)](const http::request& r) -> http::asio::awaitable<result<http::principal_ptr>> {
    co_return known->who(r);
  };
  return out;
}

} // namespace pricing::serving
