#pragma once
// A person's authenticator: set up, confirmed by a code of it, asked for at sign-in, replaced by a recovery code when
// lost. Its secret is kept sealed, recovery codes are kept hashed and good for one use. SQL of these tables is here.
#include "core/clock.hpp"
#include "core/ids.hpp"
#include "identity/sealer.hpp"
#include "postgres/pool.hpp"
#include "postgres/session.hpp"

#include <boost/describe.hpp>

#include <string>
#include <vector>

namespace pricing::identity {

namespace asio = boost::asio;

struct mfa_view {
  bool enabled = false;
  bool required = false; // by the organization
  int recovery_codes_left = 0;
};
BOOST_DESCRIBE_STRUCT(mfa_view, (), (enabled, required, recovery_codes_left))

struct mfa_setup {
  std::string secret;     // base32, to type into the app
  std::string secret_uri; // otpauth://, for a QR code
};
BOOST_DESCRIBE_STRUCT(mfa_setup, (), (secret, secret_uri))

struct recovery_codes {
  std::vector<std::string> recovery_codes; // shown once
};
BOOST_DESCRIBE_STRUCT(recovery_codes, (), (recovery_codes))

class second_factors {
 public:
  second_factors(postgres::pool& database, sealer seals, const clock& now)
      : database_(database), sealer_(std::move(seals)), clock_(now) {}

  asio::awaitable<result<mfa_view>> state(organization_id organization, user_id user);
  // Replaces a set-up that was never confirmed; conflict when one is in use.
  asio::awaitable<result<mfa_setup>> begin(organization_id organization, user_id user, std::string email);
  // From now on sign-in asks for a code. invalid_input when the code is wrong.
  asio::awaitable<result<recovery_codes>> confirm(organization_id organization, user_id user, std::string code);
  // A code of the authenticator or a recovery code; right once only.
  asio::awaitable<result<bool>> accept(organization_id organization, user_id user, std::string code);
  asio::awaitable<result<void>> remove(organization_id organization, user_id user);

 private:
  asio::awaitable<result<bool>> accept_totp(organization_id organization, user_id user, std::string code,
                                            bool confirmed);
  postgres::pool& database_;
  const sealer sealer_;
  const clock& clock_;
};

// Seals again under the newest secret whatever an older one sealed of this organization's people; how many. Throws when
// one cannot be opened: its secret must not be retired.
int reseal_second_factors(postgres::session& session, const sealer& seals, organization_id organization);

} // namespace pricing::identity
