#include "identity/api_keys.hpp"

#include "identity/token.hpp"

#include <algorithm>
#include <limits>

namespace pricing::identity {
namespace {

using http::answer;
using http::context;
using http::method;
using http::nothing;

struct used_key : login_row {
  std::vector<std::string> permissions;
};
BOOST_DESCRIBE_STRUCT(used_key, (login_row), (permissions))

struct key_page_request {
  wire::defaulted<wire::bounded<int, 1, 200>, wire::bounded<int, 1, 200>{50}> limit;
  std::optional<std::int64_t> cursor;
};
BOOST_DESCRIBE_STRUCT(key_page_request, (), (limit, cursor))

struct one_key {
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(one_key, (), (id))

constexpr std::size_t shown_characters = 12;

} // namespace

constexpr auto list_sql =
    "select k.id, k.name, k.shown, u.name, k.permissions, k.created_at, k.expires_at, k.last_used_at, "
    "k.revoked_at is null and k.expires_at > now() from api_keys k join users u on u.id = k.user_id "
    "where k.organization_id = $1 and k.id < $2 order by k.id desc limit $3";

asio::awaitable<result<http::page<api_key>>> api_keys::list(organization_id organization, int limit,
                                                            std::int64_t before) {
  if (before <= 0)
    before = std::numeric_limits<std::int64_t>::max();
  auto rows = co_await database_.query<api_key>(organization, list_sql, organization, before, limit + 1);
  if (!rows)
    co_return rows.error();
  co_return http::page_of(std::move(*rows), limit, [](const api_key& k) { return std::to_string(k.id); });
}

constexpr auto create_sql =
    "with made as (insert into api_keys (organization_id, user_id, name, shown, key_hash, permissions, expires_at) "
    "values ($1, $2, $3, $4, $5, $6, $7) returning *) select k.id, k.name, k.shown, u.name, k.permissions, "
    "k.created_at, "
    "k.expires_at, k.last_used_at, true from made k join users u on u.id = k.user_id";

asio::awaitable<result<created_api_key>> api_keys::create(http::principal caller, new_api_key in) {
  std::ranges::sort(in.permissions);
  const auto [same, end] = std::ranges::unique(in.permissions);
  in.permissions.erase(same, end);
  if (in.permissions.empty())
    co_return invalid_input("choose at least one permission", {{"permissions", "must name at least one"}});
  for (const auto& p : in.permissions)
    if (!caller.has(p) || p.starts_with("api_key."))
      co_return invalid_input("a key may have only permissions that you have, and none that manages keys",
                              {{"permissions", "'" + p + "' cannot be given"}});
  const std::string secret = std::string(prefix) + random_token();
  const std::string shown = secret.substr(0, shown_characters), hash = token_hash(secret);
  const timestamp expires_at = clock_.now() + std::chrono::hours(24 * in.expires_in_days.value);
  auto made = co_await database_.query_one<api_key>(caller.organization, create_sql, caller.organization, caller.user,
                                                    in.name.value, shown, hash, in.permissions, expires_at);
  if (!made)
    co_return made.error();
  co_return created_api_key{std::move(*made), secret};
}

constexpr auto revoke_sql =
    "update api_keys set revoked_at = coalesce(revoked_at, now()) where organization_id = $1 and id = $2";

asio::awaitable<result<void>> api_keys::revoke(organization_id organization, std::int64_t id) {
  const auto touched = co_await database_.execute(organization, revoke_sql, organization, id);
  if (!touched)
    co_return touched.error();
  if (*touched == 0)
    co_return not_found("there is no API key " + std::to_string(id));
  co_return result<void>();
}

constexpr auto use_sql = "select (person).*, key_permissions from use_api_key($1)";

asio::awaitable<result<http::principal_ptr>> api_keys::authenticate(std::string key) {
  constexpr std::size_t key_bytes_max = 100;
  const error refused{errc::unauthenticated, "the API key is unknown, revoked or has expired"};
  if (key.size() > key_bytes_max || !key.starts_with(prefix))
    co_return refused;
  const std::string hash = token_hash(key);
  auto used = co_await database_.query_optional<used_key>(organization_id{}, use_sql, hash);
  if (!used)
    co_return used.error();
  const auto as = *used ? parse_role((*used)->role) : std::nullopt;
  if (!as)
    co_return refused;
  http::principal out;
  out.organization = {(*used)->organization_id};
  out.user = {(*used)->user_id};
  out.email = (*used)->email;
  out.role = (*used)->role;
  std::ranges::copy_if(permissions_of(*as), std::back_inserter(out.permissions),
                       [&](std::string_view p) { return std::ranges::count((*used)->permissions, p) > 0; });
  co_return std::make_shared<http::principal>(std::move(out));
}

std::vector<http::route> api_key_routes(api_keys& keys) {
  std::vector<http::route> routes;
  routes.push_back(http::json_route<key_page_request, http::page<api_key>>(
      method::get, "/api/v1/api-keys", {.summary = "Keys of programs, newest first", .permission = "api_key.read"},
      [&](context& c, key_page_request in) -> answer<http::page<api_key>> {
        co_return co_await keys.list(c.organization(), in.limit.value, in.cursor.value_or(0));
      }));
  routes.push_back(http::json_route<new_api_key, created_api_key>(
      method::post, "/api/v1/api-keys",
      {.summary = "Make a key for a program; it is shown once, and acts for you within these permissions",
       .permission = "api_key.write",
       .status = 201},
      [&](context& c, new_api_key in) -> answer<created_api_key> {
        co_return co_await keys.create(c.caller(), std::move(in));
      }));
  routes.push_back(http::json_route<one_key, nothing>(
      method::delete_, "/api/v1/api-keys/{id}", {.summary = "Revoke a key at once", .permission = "api_key.write"},
      [&](context& c, one_key in) -> answer<nothing> {
        const auto revoked = co_await keys.revoke(c.organization(), in.id);
        if (!revoked)
          co_return revoked.error();
        co_return nothing{};
      }));
  return routes;
}

} // namespace pricing::identity
