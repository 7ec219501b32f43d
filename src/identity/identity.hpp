#pragma once
// Users and sessions as the API shows them.
#include "core/clock.hpp"
#include "core/ids.hpp"
#include "identity/roles.hpp"
#include "wire/json.hpp"

#include <boost/describe.hpp>
#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <vector>

namespace pricing::identity {

struct user_view {
  std::int64_t id = 0;
  std::string email;
  std::string name;
};
BOOST_DESCRIBE_STRUCT(user_view, (), (id, email, name))

struct organization_view {
  std::int64_t id = 0;
  std::string name;
  std::string slug;
  std::string currency;
};
BOOST_DESCRIBE_STRUCT(organization_view, (), (id, name, slug, currency))

struct session_view {
  user_view user;
  organization_view organization;
  std::string role;
  std::vector<std::string> permissions;
  std::string csrf_token;        // send it as X-CSRF-Token with every write
  bool mfa_setup_needed = false; // the organization requires a second factor: nothing is permitted until it is set up
};
BOOST_DESCRIBE_STRUCT(session_view, (), (user, organization, role, permissions, csrf_token, mfa_setup_needed))

struct member {
  std::int64_t id = 0;
  std::string email;
  std::string name;
  std::string role;
  timestamp created_at;
  bool disabled = false;
};
BOOST_DESCRIBE_STRUCT(member, (), (id, email, name, role, created_at, disabled))

struct audit_event {
  std::int64_t id = 0;
  timestamp at;
  std::optional<std::string> user;
  std::string action;
  std::string subject_type;
  std::string subject_id;
  std::optional<boost::json::value> after;
  std::string request_id;
};
BOOST_DESCRIBE_STRUCT(audit_event, (), (id, at, user, action, subject_type, subject_id, after, request_id))

struct credentials {
  wire::email email;
  wire::text<1, 128> password;
  std::optional<wire::text<6, 40>> code; // of the authenticator, or a recovery code; asked for when it is needed
};
BOOST_DESCRIBE_STRUCT(credentials, (), (email, password, code))

struct mfa_code {
  wire::text<6, 40> code;
};
BOOST_DESCRIBE_STRUCT(mfa_code, (), (code))

struct security_policy {
  bool mfa_required = false; // of everybody who signs in with a password
};
BOOST_DESCRIBE_STRUCT(security_policy, (), (mfa_required))

struct token_pair {
  std::string access_token;
  std::string token_type = "Bearer";
  int expires_in_s = 0;
  std::string refresh_token;
};
BOOST_DESCRIBE_STRUCT(token_pair, (), (access_token, token_type, expires_in_s, refresh_token))

struct refresh_request {
  wire::text<64, 200> refresh_token;
};
BOOST_DESCRIBE_STRUCT(refresh_request, (), (refresh_token))

struct new_member {
  wire::email email;
  wire::text<1, 200> name;
  identity::role role = role::viewer;
  std::optional<wire::text<12, 128>> password; // generated and returned once when absent
};
BOOST_DESCRIBE_STRUCT(new_member, (), (email, name, role, password))

struct created_member : member {
  std::optional<std::string> generated_password;
};
BOOST_DESCRIBE_STRUCT(created_member, (member), (generated_password))

struct member_change {
  std::int64_t id = 0;
  std::optional<identity::role> role;
  std::optional<bool> disabled;
  std::optional<bool> reset_mfa; // true: removes the person's second factor
};
BOOST_DESCRIBE_STRUCT(member_change, (), (id, role, disabled, reset_mfa))

} // namespace pricing::identity
