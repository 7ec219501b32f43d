#include "http/problem.hpp"

#include "wire/json.hpp"

namespace pricing::http {

int status_of(const error& e) {
  switch (e.code) {
  case errc::invalid_input:
    return e.details.empty() ? 400 : 422;
  case errc::unauthenticated:
    return 401;
  case errc::forbidden:
    return 403;
  case errc::not_found:
    return 404;
  case errc::conflict:
    return 409;
  case errc::too_large:
    return 413;
  case errc::unsupported_media:
    return 415;
  case errc::rate_limited:
    return 429;
  case errc::unavailable:
    return 503;
  case errc::timeout:
    return 504;
  case errc::internal:
    return 500;
  }
  return 500;
}

std::string_view reason_of(int status) {
  switch (status) {
  case 101:
    return "Switching Protocols";
  case 200:
    return "OK";
  case 201:
    return "Created";
  case 202:
    return "Accepted";
  case 204:
    return "No Content";
  case 301:
    return "Moved Permanently";
  case 302:
    return "Found";
  case 303:
    return "See Other";
  case 304:
    return "Not Modified";
  case 307:
    return "Temporary Redirect";
  case 308:
    return "Permanent Redirect";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 408:
    return "Request Timeout";
  case 409:
    return "Conflict";
  case 412:
    return "Precondition Failed";
  case 413:
    return "Content Too Large";
  case 414:
    return "URI Too Long";
  case 415:
    return "Unsupported Media Type";
  case 421:
    return "Misdirected Request";
  case 422:
    return "Unprocessable Content";
  case 429:
    return "Too Many Requests";
  case 431:
    return "Request Header Fields Too Large";
  case 500:
    return "Internal Server Error";
  case 503:
    return "Service Unavailable";
  case 504:
    return "Gateway Timeout";
  case 505:
    return "HTTP Version Not Supported";
  }
  return "Status";
}

namespace {

response body_of(int status, std::string_view code, std::string_view message, const std::vector<field_error>& details,
                 std::string_view request_id) {
  response r;
  r.status = status;
  r.content_type = "application/problem+json";
  using wire::detail::write_string;
  r.body = "{\"code\":";
  write_string(r.body, code);
  r.body += ",\"message\":";
  write_string(r.body, message);
  r.body += ",\"details\":[";
  for (const auto& d : details) {
    r.body += r.body.back() == '[' ? "{\"path\":" : ",{\"path\":";
    write_string(r.body, d.path);
    r.body += ",\"message\":";
    write_string(r.body, d.message);
    r.body += '}';
  }
  r.body += "],\"request_id\":";
  write_string(r.body, request_id);
  r.body += '}';
  r.set("Cache-Control", "no-store");
  return r;
}

} // namespace

response problem(const error& e, std::string_view request_id) {
  const bool hidden = e.code == errc::internal;
  auto r = body_of(status_of(e), to_string(e.code),
                   hidden ? "something went wrong on our side; the request id helps us find it" : e.message, e.details,
                   request_id);
  if (e.code == errc::rate_limited || e.code == errc::unavailable)
    r.set("Retry-After", std::to_string(e.retry_after_s > 0 ? e.retry_after_s : 1));
  if (e.code == errc::unauthenticated)
    r.set("WWW-Authenticate", "Bearer");
  return r;
}

response problem(int status, std::string_view code, std::string_view message, std::string_view request_id) {
  return body_of(status, code, message, {}, request_id);
}

} // namespace pricing::http
