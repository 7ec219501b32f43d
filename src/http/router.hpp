#pragma once
// The route table of one thread. Refuses at start what must not exist: two routes of the same method and path, a route
// that is neither public nor guarded by a permission.
#include "http/route.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace pricing::http {

// What the composition root plugs in; every function runs on the thread of the request.
struct hooks {
  // Who calls? Asked for every route that is not public. unauthenticated → 401.
  std::function<asio::awaitable<result<principal_ptr>>(const request&)> authenticate;
  // In order, before the handler; a response or an error ends the request there (rate limit, CSRF, idempotent replay).
  std::vector<std::function<asio::awaitable<result<std::optional<response>>>(context&)>> before;
  // In order, after the handler, errors included (audit, idempotency record); may change the response.
  std::vector<std::function<asio::awaitable<void>(context&, response&)>> after;
};

class router {
 public:
  // invalid_input names the offending route.
  static result<router> create(std::vector<route> routes, hooks h = {});
  router(router&&) noexcept;
  router& operator=(router&&) noexcept;
  ~router();

  enum class outcome { found, not_found, wrong_method };
  struct match {
    outcome what = outcome::not_found;
    const http::route* route = nullptr;
    std::size_t index = 0; // of the route in routes()
    std::vector<name_value> params;
    std::string allow; // "GET, HEAD, POST" when wrong_method
  };
  // `path` is still percent-encoded; literal segments win over {parameters}. HEAD finds GET.
  match find(method verb, std::string_view path) const;
  const std::vector<route>& routes() const;

  // Who calls, and may they? Fills c.who. For what is admitted before its body is read.
  asio::awaitable<result<void>> admit(context& c) const;
  // Admission where it is still to be had, before, handler, after. Never throws: exceptions are logged and become 500.
  asio::awaitable<response> handle(context& c) const;
  // The problem response to an error; internal ones are logged with their cause.
  static response failure(const context& c, const error& e);

  // OpenAPI 3.1 of every route that is not hidden.
  std::string openapi(std::string_view title, std::string_view version) const;

 private:
  struct state;
  explicit router(std::unique_ptr<state> s);
  static result<void> let_in(context& c, result<principal_ptr> caller);
  std::unique_ptr<state> state_;
};

} // namespace pricing::http
