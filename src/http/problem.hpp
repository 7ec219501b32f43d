#pragma once
// The one place where errors become HTTP: application/problem+json {code, message, details, request_id}.
#include "http/types.hpp"

namespace pricing::http {

// invalid_input is 422 when it names fields and 400 when the request as a whole cannot be read.
int status_of(const error& e);
std::string_view reason_of(int status);
// internal errors say nothing about their cause; rate_limited and unavailable carry Retry-After.
response problem(const error& e, std::string_view request_id);
// For statuses without an errc of their own: 405, 408, 414, 431, 505.
response problem(int status, std::string_view code, std::string_view message, std::string_view request_id);

} // namespace pricing::http
