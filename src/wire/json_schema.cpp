#include "wire/json_schema.hpp"

#include <boost/core/demangle.hpp>
#include <cctype>

namespace pricing::wire {

namespace json = boost::json;

std::string schema_name(const std::type_info& type) {
  std::string text = boost::core::demangle(type.name());
  for (std::string_view prefix : {"pricing::", "(anonymous namespace)::", "std::", "__cxx11::"})
    for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix))
      text.erase(at, prefix.size());
  std::string name;
  for (char c : text)
    if (std::isalnum(static_cast<unsigned char>(c)))
      name += c;
    else if (!name.empty() && name.back() != '_')
      name += '_';
  while (!name.empty() && name.back() == '_')
    name.pop_back();
  return name;
}

namespace detail {

json::object integer_schema(std::int64_t min, std::uint64_t max) {
  json::object out{{"type", "integer"}, {"minimum", min}};
  if (max < static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    out["maximum"] = max;
  return out;
}

json::object typed(std::string_view type, std::string_view format) {
  json::object out{{"type", type}};
  if (!format.empty())
    out["format"] = format;
  return out;
}

json::object decimal_schema() {
  return {{"type", "string"}, {"format", "decimal"}, {"examples", json::array{"45.50"}}};
}

json::object nullable(json::object inner) {
  if (const auto* type = inner.if_contains("type"); type && type->is_string() && !inner.contains("enum")) {
    inner["type"] = json::array{*type, "null"};
    return inner;
  }
  if (inner.empty())
    return inner;
  return {{"anyOf", json::array{std::move(inner), json::object{{"type", "null"}}}}};
}

} // namespace detail
} // namespace pricing::wire
