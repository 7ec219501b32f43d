#pragma once
// Expected failures as values. Every use case returns result<T>; broken infrastructure (a lost connection, a full
// disk) is an exception, caught once per boundary. http/ maps errc to a status, celery/ to retry or failure.
#include <boost/system/result.hpp>

#include <string>
#include <vector>

namespace pricing {

enum class errc {
  invalid_input,     // the caller's data breaks a rule; details name the fields
  unauthenticated,   // no or wrong credentials
  forbidden,         // known caller, missing permission
  not_found,         // no such thing, or it belongs to another organisation
  conflict,          // the state does not allow it; the message lists the allowed moves
  too_large,         // a body, file, batch or row above its configured limit
  unsupported_media, // the bytes are not of an accepted type
  rate_limited,      // over quota; retry_after_s says when to come back
  unavailable,       // a dependency is away; retry later
  timeout,           // the deadline set at the edge has passed
  internal,          // a defect of ours; clients never see the message
};

// One wrong field of the input: a path such as "lines[3].quantity" and what to do about it.
struct field_error {
  std::string path;
  std::string message;
};

struct error {
  errc code = errc::internal;
  std::string message;
  std::vector<field_error> details{};
  int retry_after_s = 0;
};

// Short, stable name used in problem bodies and logs: "invalid_input".
const char* to_string(errc code);

template <class T>
using result = boost::system::result<T, error>;

// result<T>::value() on an error throws std::runtime_error with its code and message.
[[noreturn]] void throw_exception_from_error(const error& e, const boost::source_location& where);

inline error invalid_input(std::string message, std::vector<field_error> details = {}) {
  return {errc::invalid_input, std::move(message), std::move(details)};
}
inline error not_found(std::string message) {
  return {errc::not_found, std::move(message)};
}
inline error conflict(std::string message) {
  return {errc::conflict, std::move(message)};
}

} // namespace pricing
