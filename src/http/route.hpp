#pragma once
// Routes as data. A handler is a coroutine from a described Input struct to result<Output>; the same structs give the
// OpenAPI document.
//
//   struct get_item { item_id id; std::optional<date> on; };                        // id from the path, on from ?on=
//   BOOST_DESCRIBE_STRUCT(get_item, (), (id, on))
//   http::json_route<get_item, item_details>(http::method::get, "/api/v1/items/{id}",
//       {.summary = "One item", .permission = "items.read"},
//       [&](http::context& c, get_item in) -> http::answer<item_details> {
//         co_return co_await items.find(c.organization(), in.id);
//       });
//
// Where Input's members come from: those named in the path from the path. Of the others: GET, HEAD, DELETE and routes
// with raw_body read the query; POST, PUT and PATCH read the JSON body, except that an Input with a member `body`
// decodes the JSON body into that member and reads the rest from the query.
// Output: a described struct or anything wire::encode takes (status of the options, 200 by default), http::nothing
// (204), or http::response for full control.
#include "http/types.hpp"
#include "wire/json.hpp"
#include "wire/openapi.hpp"

#include <functional>
#include <optional>
#include <string>

namespace pricing::http {

template <class Output>
using answer = asio::awaitable<result<Output>>;

// Input of routes without one, Output of routes that answer 204.
struct nothing {};
BOOST_DESCRIBE_STRUCT(nothing, (), ())

// A list answer: {"data": [...], "next_cursor": "..." | null}.
template <class T>
struct page {
  std::vector<T> data;
  std::optional<std::string> next_cursor;
  BOOST_DESCRIBE_CLASS(page, (), (data, next_cursor), (), ())
};

// A page of rows of which one more than `limit` was asked for; cursor_of(last row) is where the next page goes on.
template <class T, class CursorOf>
page<T> page_of(std::vector<T> rows, int limit, CursorOf cursor_of) {
  page<T> out;
  if (static_cast<int>(rows.size()) > limit) {
    rows.resize(static_cast<std::size_t>(limit));
    out.next_cursor = cursor_of(rows.back());
  }
  out.data = std::move(rows);
  return out;
}

struct route_options {
  std::string summary{};
  std::string permission{};           // needed by the caller; "" only with is_public or any_user
  bool is_public = false;             // no caller needed
  bool any_user = false;              // any signed-in caller
  std::string tag{};                  // group in the OpenAPI document; default: the word after /api/v1/
  std::string rate_class = "default"; // for the rate-limit hook
  int status = 200;                   // of a success: 201 for created, 202 for started
  std::uint64_t body_max = 0;         // bytes; 0: the server's body_max
  bool raw_body = false;              // the body is not JSON: the handler reads request.body or request.body_file
  bool body_to_file = false;          // stream the body to request.body_file instead of memory; implies raw_body
  bool reject_unknown = false;        // unknown JSON members are an error
  bool no_csrf = false;               // for the CSRF hook: login and token routes
  bool hidden = false;                // not in the OpenAPI document
  int timeout_s = 0;                  // request deadline; 0: the server's request_timeout_s
};

using handler = std::function<asio::awaitable<result<response>>(context&)>;

struct route {
  method verb = method::get;
  std::string path; // "/api/v1/items/{id}"; a last segment "{name...}" takes the rest of the path
  route_options options;
  http::handler handle;
  void (*describe)(wire::operation&, wire::schema_set&) = nullptr;
};

// A handler that builds its own response.
route raw_route(method verb, std::string path, route_options options, handler handle);

namespace detail {

// The JSON body when the route reads one: unsupported_media unless it is JSON, invalid_input when absent or malformed.
result<boost::json::value> body_json(const request& r);
const std::string* find(const std::vector<name_value>& all, std::string_view name);

template <class T>
concept has_body_member = requires(T t) {
  t.body;
};

inline bool reads_body(method verb, const route_options& o) {
  return !o.raw_body && !o.body_to_file && (verb == method::post || verb == method::put || verb == method::patch);
}

// Does Input want something of the body? An empty body is enough when every such member may be absent.
template <class Input>
bool wants_body(const request& r) {
  bool wants = false;
  boost::mp11::mp_for_each<wire::members_of<Input>>([&](auto m) {
    using M = std::remove_cvref_t<decltype(std::declval<Input&>().*m.pointer)>;
    const auto name = wire::wire_name(m.name);
    const bool of_body = has_body_member<Input> ? name == "body" : !find(r.path_params, name);
    wants = wants || (of_body && (!wire::may_be_absent<M> || !r.body.empty()));
  });
  return wants;
}

template <class Input>
result<Input> read_input(const context& c) {
  Input in{};
  wire::decoder d({.reject_unknown = c.route.options.reject_unknown});
  const request& r = c.request;
  boost::json::value body;
  bool from_body = reads_body(c.route.verb, c.route.options) && wants_body<Input>(r);
  if (from_body) {
    auto parsed = body_json(r);
    if (!parsed)
      return parsed.error();
    body = std::move(*parsed);
  }
  const wire::json_path root;
  const boost::json::object* object = nullptr;
  if (from_body && !has_body_member<Input>) {
    object = wire::detail::read_object(d, root, body);
    if (!object)
      return d.take_error();
  }
  boost::mp11::mp_for_each<wire::members_of<Input>>([&](auto m) {
    using M = std::remove_cvref_t<decltype(in.*m.pointer)>;
    const auto name = wire::wire_name(m.name);
    const wire::json_path here{&root, name};
    if (const auto* text = find(r.path_params, name))
      return wire::decode_text(d, here, *text, in.*m.pointer);
    if (has_body_member<Input> && from_body && name == "body")
      return wire::decode_into(d, root, body, in.*m.pointer);
    if (object) {
      if (const auto* found = object->if_contains(name))
        return wire::decode_into(d, here, *found, in.*m.pointer);
    } else if (const auto* text = find(r.query, name)) {
      return wire::decode_text(d, here, *text, in.*m.pointer);
    }
    if (!wire::may_be_absent<M>)
      d.fail(here, "is required");
  });
  if (object && d.options().reject_unknown) {
    std::vector<std::string_view> names;
    boost::mp11::mp_for_each<wire::members_of<Input>>([&](auto m) { names.push_back(wire::wire_name(m.name)); });
    wire::detail::unknown_members(d, root, *object, names.data(), names.size());
  }
  if (d.failed())
    return d.take_error();
  return in;
}

template <class Output>
response write_output(const Output& out, int status) {
  if constexpr (std::is_same_v<Output, nothing>)
    return response::empty(204);
  else
    return response::json(wire::encode(out), status);
}

template <class Input, class Output>
void describe_route(wire::operation& operation, wire::schema_set& schemas);

} // namespace detail

template <class Input, class Output, class Handler>
route json_route(method verb, std::string path, route_options options, Handler handle) {
  auto wrapped = [handle = std::move(handle)](context& c) -> asio::awaitable<result<response>> {
    auto input = detail::read_input<Input>(c);
    if (!input)
      co_return input.error();
    result<Output> output = co_await handle(c, std::move(*input));
    if (!output)
      co_return output.error();
    if constexpr (std::is_same_v<Output, response>)
      co_return std::move(*output);
    else
      co_return detail::write_output(*output, c.route.options.status);
  };
  return {verb, std::move(path), std::move(options), std::move(wrapped), &detail::describe_route<Input, Output>};
}

namespace detail {

// Fills parameters, request body and response schema of one operation; `operation.path` names the path parameters.
template <class Input, class Output>
void describe_route(wire::operation& operation, wire::schema_set& schemas) {
  boost::json::object body{{"type", "object"}, {"properties", boost::json::object{}}};
  boost::json::array required;
  boost::mp11::mp_for_each<wire::members_of<Input>>([&](auto m) {
    using M = std::remove_cvref_t<decltype(std::declval<Input&>().*m.pointer)>;
    const std::string name(wire::wire_name(m.name));
    const bool in_path = operation.path.find("{" + name) != std::string::npos;
    if (in_path) {
      operation.parameters.push_back({name, "path", true, schemas.of<M>()});
    } else if (operation.has_json_body && has_body_member<Input> && name == "body") {
      operation.request_body = schemas.of<M>();
    } else if (operation.has_json_body && !has_body_member<Input>) {
      body["properties"].as_object()[name] = schemas.of<M>();
      if (!wire::may_be_absent<M>)
        required.emplace_back(name);
    } else {
      operation.parameters.push_back({name, "query", !wire::may_be_absent<M>, schemas.of<M>()});
    }
  });
  if (!required.empty())
    body["required"] = std::move(required);
  if (operation.has_json_body && !body["properties"].as_object().empty())
    operation.request_body = std::move(body);
  if constexpr (std::is_same_v<Output, nothing>)
    operation.status = 204;
  else if constexpr (!std::is_same_v<Output, response>)
    operation.response_body = schemas.of<Output>();
}

} // namespace detail
} // namespace pricing::http
