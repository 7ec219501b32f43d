#pragma once
// Verdicts over HTTP: judge a proposal given as JSON, file or pasted lines; read earlier ones.
#include "http/route.hpp"
#include "sourcing/verdict_service.hpp"

namespace pricing::sourcing {

// `service` must outlive the routes.
std::vector<http::route> verdict_routes(verdict_service& service);

} // namespace pricing::sourcing
