#include "http/route.hpp"

#include "http/text.hpp"

namespace pricing::http {

route raw_route(method verb, std::string path, route_options options, handler handle) {
  options.raw_body = true;
  return {verb, std::move(path), std::move(options), std::move(handle), nullptr};
}

namespace detail {

result<boost::json::value> body_json(const request& r) {
  const auto type = trim(r.header("Content-Type").substr(0, r.header("Content-Type").find(';')));
  if (!type.empty() && !equal_without_case(type, "application/json"))
    return error{errc::unsupported_media, "send the body as Content-Type: application/json"};
  if (r.body.empty())
    return invalid_input("the request needs a JSON body");
  return wire::parse_json(r.body);
}

const std::string* find(const std::vector<name_value>& all, std::string_view name) {
  for (const auto& [n, v] : all)
    if (n == name)
      return &v;
  return nullptr;
}

} // namespace detail
} // namespace pricing::http
