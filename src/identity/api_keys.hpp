#pragma once
// Keys for programs: a key acts for the person who made it, with the permissions chosen then and never more than the
// person's role has now. Kept as a hash, shown once, ends by itself. SQL of the table api_keys is here.
#include "core/clock.hpp"
#include "http/route.hpp"
#include "http/types.hpp"
#include "identity/identity_store.hpp"
#include "wire/json.hpp"

#include <boost/describe.hpp>

namespace pricing::identity {

struct api_key {
  std::int64_t id = 0;
  std::string name;
  std::string shown; // its first characters
  std::string user;  // for whom it acts
  std::vector<std::string> permissions;
  timestamp created_at;
  timestamp expires_at;
  std::optional<timestamp> last_used_at;
  bool active = false; // neither revoked nor expired
};
BOOST_DESCRIBE_STRUCT(api_key, (), (id, name, shown, user, permissions, created_at, expires_at, last_used_at, active))

struct new_api_key {
  wire::text<1, 100> name;
  std::vector<std::string> permissions;
  wire::defaulted<wire::bounded<int, 1, 366>, wire::bounded<int, 1, 366>{90}> expires_in_days;
};
BOOST_DESCRIBE_STRUCT(new_api_key, (), (name, permissions, expires_in_days))

struct created_api_key : api_key {
  std::string secret; // "pak_…", shown only now
};
BOOST_DESCRIBE_STRUCT(created_api_key, (api_key), (secret))

class api_keys {
 public:
  static constexpr std::string_view prefix = "pak_";
  api_keys(postgres::pool& database, const clock& now) : database_(database), clock_(now) {}

  asio::awaitable<result<http::page<api_key>>> list(organization_id organization, int limit, std::int64_t before);
  // invalid_input unless every permission is one the caller has; none that manages keys, so that keys make no keys.
  asio::awaitable<result<created_api_key>> create(http::principal caller, new_api_key in);
  asio::awaitable<result<void>> revoke(organization_id organization, std::int64_t id);
  // Who a key stands for; unauthenticated when it is unknown, revoked, expired or its person disabled.
  asio::awaitable<result<http::principal_ptr>> authenticate(std::string key);

 private:
  postgres::pool& database_;
  const clock& clock_;
};

std::vector<http::route> api_key_routes(api_keys& keys);

} // namespace pricing::identity
