#pragma once
// Who may do what. Deny by default: a route names the permission it needs, a role lists the permissions it has.
#include <boost/describe.hpp>

#include <optional>
#include <span>
#include <string_view>

namespace pricing::identity {

enum class role { admin, manager, analyst, buyer, viewer, supplier };
BOOST_DESCRIBE_ENUM(role, admin, manager, analyst, buyer, viewer, supplier)

std::string_view to_string(role r);
std::optional<role> parse_role(std::string_view name);

// Permissions named noun.verb, sorted. A supplier has none: suppliers answer through signed links.
std::span<const std::string_view> permissions_of(role r);

} // namespace pricing::identity
