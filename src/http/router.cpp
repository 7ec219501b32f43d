#include "http/router.hpp"

#include "core/log.hpp"
#include "http/problem.hpp"
#include "http/text.hpp"

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <span>

namespace pricing::http {
namespace {

struct node {
  std::map<std::string, std::unique_ptr<node>, std::less<>> literal;
  std::unique_ptr<node> parameter;
  std::vector<std::pair<method, std::size_t>> here; // routes that end at this node
  std::vector<std::pair<method, std::size_t>> tail; // routes that take the rest of the path
};

using segments = boost::container::small_vector<std::string_view, 8>; // enough for nearly all

segments split(std::string_view path) {
  segments out;
  while (!path.empty() && path.front() == '/') {
    path.remove_prefix(1);
    const auto slash = std::min(path.find('/'), path.size());
    out.push_back(path.substr(0, slash));
    path.remove_prefix(slash);
  }
  return out;
}

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}
bool is_tail(std::string_view segment) {
  return is_parameter(segment) && segment.ends_with("...}");
}
std::string parameter_name(std::string_view segment) {
  return std::string(segment.substr(1, segment.size() - (is_tail(segment) ? 5 : 2)));
}

std::optional<std::size_t> route_for(const std::vector<std::pair<method, std::size_t>>& at, method verb) {
  for (const auto wanted : {verb, verb == method::head ? method::get : verb})
    for (const auto& [m, index] : at)
      if (m == wanted)
        return index;
  return std::nullopt;
}

std::string allow_of(const std::vector<std::pair<method, std::size_t>>& at) {
  std::string out;
  for (const auto& [m, index] : at) {
    out.append(out.empty() ? "" : ", ").append(to_string(m));
    if (m == method::get)
      out += ", HEAD";
  }
  return out;
}

} // namespace

struct router::state {
  std::vector<http::route> routes;
  std::vector<std::vector<std::string>> names; // of the parameters of each route, in order
  http::hooks hooks;
  node root;

  std::optional<error> add(std::size_t index);
  // The deepest first: a literal before a parameter before a tail; remembers what matched with another method.
  bool search(const node& at, std::span<const std::string_view> path, method verb, segments& values, match& out) const;
};

std::optional<error> router::state::add(std::size_t index) {
  const auto& r = routes[index];
  const auto name = fmt::format("{} {}", to_string(r.verb), r.path);
  const auto& o = r.options;
  if (r.path.empty() || r.path.front() != '/')
    return invalid_input("route " + name + ": the path must begin with '/'");
  if (!r.handle)
    return invalid_input("route " + name + " has no handler");
  if (!o.is_public && !o.any_user && o.permission.empty())
    return invalid_input("route " + name + " is neither public nor guarded by a permission");
  if (o.is_public && (!o.permission.empty() || o.any_user))
    return invalid_input("route " + name + " is public and guarded at once");
  node* at = &root;
  auto& parameters = names.emplace_back();
  const auto path = split(r.path);
  for (const auto segment : path) {
    if (is_parameter(segment))
      parameters.push_back(parameter_name(segment));
    if (is_tail(segment)) {
      if (segment.data() != path.back().data())
        return invalid_input("route " + name + ": {name...} must be the last segment");
      break;
    }
    auto& next = is_parameter(segment) ? at->parameter : at->literal[std::string(segment)];
    if (!next)
      next = std::make_unique<node>();
    at = next.get();
  }
  auto& ends = !path.empty() && is_tail(path.back()) ? at->tail : at->here;
  for (const auto& [m, other] : ends)
    if (m == r.verb)
      return invalid_input("route " + name + " exists twice");
  ends.emplace_back(r.verb, index);
  return std::nullopt;
}

bool router::state::search(const node& at, std::span<const std::string_view> path, method verb, segments& values,
                           match& out) const {
  const auto take = [&](const auto& ends) {
    if (ends.empty())
      return false;
    const auto index = route_for(ends, verb);
    if (!index) {
      out.what = outcome::wrong_method;
      out.allow = allow_of(ends);
      return false;
    }
    out.what = outcome::found;
    out.route = &routes[*index];
    out.index = *index;
    for (std::size_t i = 0; i < values.size(); ++i)
      out.params.emplace_back(names[*index][i], values[i]);
    return true;
  };
  if (path.empty())
    return take(at.here);
  const auto segment = path.front();
  const auto others = path.subspan(1);
  if (const auto found = at.literal.find(segment); found != at.literal.end())
    if (search(*found->second, others, verb, values, out))
      return true;
  if (at.parameter && !segment.empty()) {
    values.push_back(segment);
    if (search(*at.parameter, others, verb, values, out))
      return true;
    values.pop_back();
  }
  if (at.tail.empty())
    return false;
  std::string rest(segment);
  for (const auto other : others)
    rest.append("/").append(other);
  values.emplace_back(rest);
  if (take(at.tail))
    return true;
  values.pop_back();
  return false;
}

result<router> router::create(std::vector<route> routes, hooks h) {
  auto s = std::make_unique<state>();
  s->routes = std::move(routes);
  s->hooks = std::move(h);
  for (std::size_t i = 0; i < s->routes.size(); ++i) {
    if (auto wrong = s->add(i))
      return *wrong;
    const auto& o = s->routes[i].options;
    if (!o.is_public && !s->hooks.authenticate)
      return invalid_input("route " + s->routes[i].path + " needs a caller, but nothing authenticates");
  }
  return router(std::move(s));
}

router::router(std::unique_ptr<state> s) : state_(std::move(s)) {}
router::router(router&&) noexcept = default;
router& router::operator=(router&&) noexcept = default;
router::~router() = default;

const std::vector<route>& router::routes() const {
  return state_->routes;
}

router::match router::find(method verb, std::string_view path) const {
  match out;
  auto asked = split(path);
  // Decoded one by one: an encoded slash is part of its segment.
  std::vector<std::string> decoded;
  if (path.find('%') != path.npos) {
    decoded.resize(asked.size());
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (!percent_decode(asked[i], decoded[i], false))
        return out;
      asked[i] = decoded[i];
    }
  }
  segments values;
  state_->search(state_->root, asked, verb, values, out);
  return out;
}

result<void> router::let_in(context& c, result<principal_ptr> caller) {
  const auto& o = c.route.options;
  if (!caller)
    return caller.error();
  c.who = std::move(*caller);
  if (!o.any_user && !c.caller().has(o.permission))
    return error{errc::forbidden, "you need the permission '" + o.permission + "'"};
  c.is_admitted = true;
  return {};
}

asio::awaitable<result<void>> router::admit(context& c) const {
  if (c.route.options.is_public)
    co_return result<void>();
  co_return let_in(c, co_await state_->hooks.authenticate(c.request));
}

asio::awaitable<response> router::handle(context& c) const {
  std::optional<response> answer;
  try {
    if (!c.is_admitted && !c.route.options.is_public)
      if (const auto admitted = let_in(c, co_await state_->hooks.authenticate(c.request)); !admitted)
        co_return failure(c, admitted.error());
    const auto& before = state_->hooks.before;
    for (auto step = before.begin(); step != before.end() && !answer; ++step) {
      auto ended = co_await (*step)(c);
      if (!ended)
        answer = failure(c, ended.error());
      else
        answer = std::move(*ended);
    }
    if (!answer) {
      auto handled = co_await c.route.handle(c);
      if (handled)
        answer = std::move(*handled);
      else
        answer = failure(c, handled.error());
    }
  } catch (const std::exception& e) {
    answer = failure(c, {errc::internal, e.what()});
  }
  response& out = *answer;
  // A failed handler has after-steps too: a lock taken before it must not stay.
  for (const auto& step : state_->hooks.after) {
    try {
      co_await step(c, out);
    } catch (const std::exception& e) {
      out = failure(c, {errc::internal, e.what()});
    }
  }
  for (auto& [name, value] : c.response_headers)
    out.headers.emplace_back(std::move(name), std::move(value));
  co_return std::move(out);
}

response router::failure(const context& c, const error& e) {
  if (e.code == errc::internal)
    log::error(
        "request failed",
        {{"request_id", c.request.request_id.c_str()}, {"route", c.route.path.c_str()}, {"error", e.message.c_str()}});
  return problem(e, c.request.request_id);
}

std::string router::openapi(std::string_view title, std::string_view version) const {
  wire::schema_set schemas;
  std::vector<wire::operation> operations;
  for (const auto& r : state_->routes) {
    const auto& o = r.options;
    if (o.hidden)
      continue;
    std::string verb(to_string(r.verb));
    std::transform(verb.begin(), verb.end(), verb.begin(), [](char x) { return static_cast<char>(x | 0x20); });
    wire::operation operation{verb, r.path, o.summary, o.tag, o.permission};
    if (operation.tag.empty())
      for (const auto segment : split(r.path))
        if (operation.tag.empty() && segment != "api" && segment != "v1")
          operation.tag = segment;
    operation.is_public = o.is_public;
    operation.has_json_body = detail::reads_body(r.verb, o);
    operation.has_raw_body = (o.raw_body || o.body_to_file) && r.verb != method::get && r.verb != method::head;
    operation.status = o.status;
    if (r.describe)
      r.describe(operation, schemas);
    operations.push_back(std::move(operation));
  }
  return boost::json::serialize(wire::openapi_document(title, version, operations, schemas));
}

} // namespace pricing::http
