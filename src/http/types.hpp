#pragma once
// What a handler sees: plain values, no Beast, no sockets.
#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/ids.hpp"

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pricing::http {

namespace asio = boost::asio;

enum class method : std::uint8_t { get, head, post, put, patch, delete_, options, other };
std::string_view to_string(method m);

using name_value = std::pair<std::string, std::string>;

class request {
 public:
  method verb = method::get;
  std::string target;                  // as sent: "/api/v1/items/7?x=1"
  std::string path;                    // percent-decoded, without the query: "/api/v1/items/7"
  std::vector<name_value> query;       // decoded, in order
  std::vector<name_value> path_params; // decoded: {"id", "7"}
  std::string body;                    // empty when body_file is set
  std::string body_file;               // routes with body_to_file: a temporary file, removed after the response;
                                       // rename or link it to keep it
  std::uint64_t body_bytes = 0;        // of body or body_file
  std::string remote_address;          // of the client; X-Forwarded-For only when the config trusts the proxy
  std::string request_id;              // the caller's X-Request-Id if sane, else ours
  std::string traceparent;             // W3C, as received; empty when absent
  std::chrono::steady_clock::time_point received_at{};
  std::chrono::steady_clock::time_point deadline{}; // pass it on to whatever waits

  // First value or an empty view. Header names compare without case.
  std::string_view header(std::string_view name) const;
  std::string_view query_param(std::string_view name) const;
  std::string_view path_param(std::string_view name) const;
  // Value of one cookie or an empty view.
  std::string_view cookie(std::string_view name) const;

  // Filled by the session (and by tests); names and values share one buffer so that a request costs no allocation.
  void add_header(std::string_view name, std::string_view value);
  std::size_t header_count() const { return headers_.size(); }
  std::pair<std::string_view, std::string_view> header_at(std::size_t i) const;
  void clear();

 private:
  struct span {
    std::uint32_t name, name_size, value, value_size;
  };
  std::string header_text_;
  std::vector<span> headers_;
};

struct response {
  int status = 200;
  std::vector<name_value> headers; // Content-Length, Date, Connection and security headers are added on the way out
  std::string_view content_type;   // of a text that lives on; no header when empty
  std::string body;
  std::shared_ptr<const std::string> shared_body; // sent instead of body when set: static files, cached documents
  std::size_t unpacked_bytes = 0;                 // not 0: shared_body is gzip of so many, for whoever takes that
  std::string body_file;                          // a file sent instead of both, read as it goes; 404 when absent
  std::shared_ptr<const void> body_file_kept;     // whatever that file lives as long as
  std::string etag;              // with quotes; when empty a GET answer of 200 gets one from its content
  bool etag_from_content = true; // false: no tag is made (health, metrics)
  bool compressible = true;      // false for what is compressed already

  // As it is sent to whoever takes gzip.
  std::string_view content() const { return shared_body ? std::string_view(*shared_body) : std::string_view(body); }
  void set(std::string name, std::string value) { headers.emplace_back(std::move(name), std::move(value)); }

  static response json(std::string text, int status = 200);
  static response text(std::string text, int status = 200);
  static response empty(int status = 204);
};

// Who is calling. Filled by the composition root's authenticate hook.
struct principal {
  organization_id organization;
  user_id user;
  std::string email;
  std::string role;                          // "" when nobody is signed in (public routes)
  std::vector<std::string_view> permissions; // sorted, "noun.verb"; of names that live on, as roles have them
  std::string session;                       // opaque; empty for bearer tokens
  std::string csrf_token;                    // the value that X-CSRF-Token must have on writes; empty for bearer tokens
  bool has(std::string_view permission) const;
  explicit operator bool() const { return static_cast<bool>(user); }
};

using principal_ptr = std::shared_ptr<const principal>;

// Public routes have callers that nobody knows. Owned by nobody, so that a copy costs nothing.
principal_ptr nobody();

struct route;

// One request on its way through hooks and handler. Lives until the response is written.
struct context {
  http::request& request;
  const http::route& route;
  principal_ptr who = nobody();               // never null
  bool is_admitted = false;                   // the caller may ask for this
  std::vector<name_value> response_headers{}; // added to whatever answers, errors too (RateLimit-*, Set-Cookie)

  const principal& caller() const { return *who; }
  organization_id organization() const { return who->organization; }
  std::chrono::steady_clock::time_point deadline() const { return request.deadline; }
};

} // namespace pricing::http
