#pragma once
// /api/v1/auth, /api/v1/users and /api/v1/audit.
#include "http/route.hpp"
#include "identity/identity_service.hpp"

#include <vector>

namespace pricing::identity {

std::vector<http::route> identity_routes(identity_service& service);

} // namespace pricing::identity
