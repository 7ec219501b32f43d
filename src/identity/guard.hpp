#pragma once
// What the router asks before and after every handler: who is calling, CSRF, rate limits, replay of an
// Idempotency-Key, and the audit event of every write.
#include "http/router.hpp"
#include "identity/config.hpp"
#include "identity/identity_service.hpp"

namespace pricing::identity {

// The hooks of one thread; what is passed must outlive them. Rate limits let requests pass (and log it) while Redis is
// away: being down is worse.
http::hooks make_hooks(const config& c, identity_service& service, identity_store& store, redis::client& cache);

// The answer of a write as the audit trail keeps it: nothing secret, at most 8 KB; nothing when it is no JSON.
std::optional<boost::json::value> audit_extract(std::string_view body);

} // namespace pricing::identity
