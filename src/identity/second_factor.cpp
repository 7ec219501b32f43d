#include "identity/second_factor.hpp"

#include "identity/totp.hpp"

namespace pricing::identity {
namespace {

std::string place_of(user_id user) {
  return "second factor of user " + std::to_string(user.value);
}

struct factor_row {
  std::string secret; // sealed
  bool confirmed = false;
  std::int64_t last_step = 0;
};
BOOST_DESCRIBE_STRUCT(factor_row, (), (secret, confirmed, last_step))

error unreadable() {
  return {errc::unavailable, "the second factor cannot be read: its key is not configured; ask the operator", {}, 60};
}

} // namespace

constexpr auto state_sql =
    "select coalesce((select confirmed_at is not null from second_factors where user_id = $2), false), mfa_required, "
    "(select count(*)::int from recovery_codes where user_id = $2 and used_at is null) from organizations where id = "
    "$1";

asio::awaitable<result<mfa_view>> second_factors::state(organization_id organization, user_id user) {
  co_return co_await database_.query_one<mfa_view>(organization, state_sql, organization, user);
}

constexpr auto begin_sql =
    "insert into second_factors as kept (user_id, secret) values ($1, $2) on conflict (user_id) do update "
    "set secret = excluded.secret, last_step = 0, created_at = now() where kept.confirmed_at is null";

asio::awaitable<result<mfa_setup>> second_factors::begin(organization_id organization, user_id user,
                                                         std::string email) {
  const auto secret = new_totp_secret();
  const auto sealed = sealer_.seal(secret, place_of(user));
  const auto kept = co_await database_.execute(organization, begin_sql, user, sealed);
  if (!kept)
    co_return kept.error();
  if (*kept == 0)
    co_return conflict("a second factor is in use; disable it before setting up another");
  co_return mfa_setup{base32(secret), totp_uri(secret, "Pricing", email)};
}

constexpr auto factor_sql = "select secret, confirmed_at is not null, last_step from second_factors where user_id = $1";
constexpr auto use_step_sql = "update second_factors set last_step = $2, confirmed_at = coalesce(confirmed_at, now()) "
                              "where user_id = $1 and last_step < $2";

asio::awaitable<result<bool>> second_factors::accept_totp(organization_id organization, user_id user, std::string code,
                                                          bool confirmed) {
  const auto factor = co_await database_.query_optional<factor_row>(organization, factor_sql, user);
  if (!factor)
    co_return factor.error();
  if (!*factor || (*factor)->confirmed != confirmed)
    co_return false;
  const auto secret = sealer_.open((*factor)->secret, place_of(user));
  if (!secret)
    co_return unreadable();
  const auto step = match_totp(*secret, code, clock_.now(), (*factor)->last_step);
  if (!step)
    co_return false;
  const auto used = co_await database_.execute(organization, use_step_sql, user, *step);
  if (!used)
    co_return used.error();
  co_return *used == 1; // of two at once only one
}

constexpr auto use_recovery_code_sql = "update recovery_codes set used_at = now() "
                                       "where user_id = $1 and code_hash = $2 and used_at is null";

asio::awaitable<result<bool>> second_factors::accept(organization_id organization, user_id user, std::string code) {
  std::erase(code, ' ');
  if (code.size() <= 8)
    co_return co_await accept_totp(organization, user, code, true);
  const auto hash = recovery_code_hash(user.value, code);
  const auto used = co_await database_.execute(organization, use_recovery_code_sql, user, hash);
  if (!used)
    co_return used.error();
  co_return *used == 1;
}

constexpr auto forget_recovery_codes_sql = "delete from recovery_codes where user_id = $1";
constexpr auto keep_recovery_codes_sql =
    "insert into recovery_codes (user_id, code_hash) select $1, unnest($2::text[])";

asio::awaitable<result<recovery_codes>> second_factors::confirm(organization_id organization, user_id user,
                                                                std::string code) {
  std::erase(code, ' ');
  // The codes first: a confirmed factor without them would be a trap.
  recovery_codes out{new_recovery_codes()};
  std::vector<std::string> hashes;
  for (const auto& one : out.recovery_codes)
    hashes.push_back(recovery_code_hash(user.value, one));
  const auto before = co_await state(organization, user);
  if (!before)
    co_return before.error();
  if (before->enabled)
    co_return conflict("the second factor is confirmed already");
  const auto forgotten = co_await database_.execute(organization, forget_recovery_codes_sql, user);
  if (!forgotten)
    co_return forgotten.error();
  const auto kept = co_await database_.execute(organization, keep_recovery_codes_sql, user, hashes);
  if (!kept)
    co_return kept.error();
  const auto right = co_await accept_totp(organization, user, code, false);
  if (!right)
    co_return right.error();
  if (!*right)
    co_return invalid_input("the code is wrong; check the clock of the device and take the code it shows now",
                            {{"code", "is wrong"}});
  co_return out;
}

constexpr auto remove_sql = "delete from second_factors where user_id = $1";

asio::awaitable<result<void>> second_factors::remove(organization_id organization, user_id user) {
  for (const auto* sql : {forget_recovery_codes_sql, remove_sql}) {
    const auto done = co_await database_.execute(organization, sql, user);
    if (!done)
      co_return done.error();
  }
  co_return result<void>();
}

namespace {

struct sealed_row {
  std::int64_t user = 0;
  std::string secret;
};
BOOST_DESCRIBE_STRUCT(sealed_row, (), (user, secret))

} // namespace

constexpr auto sealed_sql = "select user_id, secret from second_factors order by user_id for update";
constexpr auto reseal_sql = "update second_factors set secret = $2 where user_id = $1";

int reseal_second_factors(postgres::session& session, const sealer& seals, organization_id organization) {
  int count = 0;
  session.begin(organization);
  for (const auto& row : session.query<sealed_row>(sealed_sql)) {
    if (seals.is_newest(row.secret))
      continue;
    const user_id user{row.user};
    const auto secret = seals.open(row.secret, place_of(user));
    if (!secret)
      throw std::runtime_error("the second factor of user " + std::to_string(row.user) +
                               " was sealed with a secret that is not kept");
    session.execute(reseal_sql, user, seals.seal(*secret, place_of(user)));
    ++count;
  }
  session.commit();
  return count;
}

} // namespace pricing::identity
