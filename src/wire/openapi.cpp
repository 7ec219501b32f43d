#include "wire/openapi.hpp"

namespace pricing::wire {
namespace {

namespace json = boost::json;

json::object content_of(const json::object& schema) {
  return {{"application/json", json::object{{"schema", schema}}}};
}

json::object problem_answer(std::string_view description) {
  return {
      {"description", description},
      {"content", json::object{{"application/problem+json",
                                json::object{{"schema", json::object{{"$ref", "#/components/schemas/problem"}}}}}}}};
}

json::object problem_schema() {
  const json::object text{{"type", "string"}};
  const json::object detail{{"type", "object"}, {"properties", json::object{{"path", text}, {"message", text}}}};
  return {{"type", "object"},
          {"properties", json::object{{"code", text},
                                      {"message", text},
                                      {"details", json::object{{"type", "array"}, {"items", detail}}},
                                      {"request_id", text}}},
          {"required", json::array{"code", "message", "request_id"}}};
}

// "{name...}" is written "{name}" in OpenAPI.
std::string template_of(std::string path) {
  if (const auto dots = path.find("...}"); dots != std::string::npos)
    path.erase(dots, 3);
  return path;
}

// GET /api/v1/items/{id}/prices → get_items_id_prices
std::string operation_id(const operation& o) {
  std::string id = o.method;
  std::string_view rest = o.path;
  if (rest.starts_with("/api/v1"))
    rest.remove_prefix(7);
  for (char c : rest)
    if (c == '/' || c == '-')
      id += '_';
    else if (c != '{' && c != '}' && c != '.')
      id += c;
  return id;
}

json::object responses_of(const operation& o) {
  json::object success{{"description", o.status == 201 ? "Created" : o.status == 202 ? "Accepted" : "Success"}};
  if (o.response_body)
    success["content"] = content_of(*o.response_body);
  json::object out{{std::to_string(o.status), std::move(success)}};
  out["422"] = problem_answer("The input breaks a rule; details name the fields");
  if (!o.is_public) {
    out["401"] = problem_answer("No or wrong credentials");
    out["403"] = problem_answer("The caller lacks the permission");
  }
  out["default"] = problem_answer("Any other failure");
  return out;
}

json::object operation_object(const operation& o) {
  json::object out{{"operationId", operation_id(o)}, {"summary", o.summary}, {"tags", json::array{json::value(o.tag)}}};
  if (!o.permission.empty())
    out["x-permission"] = o.permission;
  if (o.is_public)
    out["security"] = json::array{};
  json::array parameters;
  for (const auto& p : o.parameters)
    parameters.push_back(json::object{{"name", p.name}, {"in", p.in}, {"required", p.required}, {"schema", p.schema}});
  if (!parameters.empty())
    out["parameters"] = std::move(parameters);
  if (o.request_body)
    out["requestBody"] = json::object{{"required", true}, {"content", content_of(*o.request_body)}};
  else if (o.has_raw_body)
    out["requestBody"] = json::object{
        {"required", true},
        {"content", json::object{{"application/octet-stream",
                                  json::object{{"schema", json::object{{"type", "string"}, {"format", "binary"}}}}}}}};
  out["responses"] = responses_of(o);
  return out;
}

} // namespace

json::object openapi_document(std::string_view title, std::string_view version,
                              const std::vector<operation>& operations, const schema_set& schemas) {
  json::object paths;
  for (const auto& o : operations) {
    auto& path = paths[template_of(o.path)];
    if (!path.is_object())
      path.emplace_object();
    path.as_object()[o.method] = operation_object(o);
  }
  json::object components = schemas.schemas();
  components["problem"] = problem_schema();
  const json::object bearer{{"type", "http"}, {"scheme", "bearer"}, {"bearerFormat", "JWT"}};
  const json::object cookie{{"type", "apiKey"}, {"in", "cookie"}, {"name", "pricing_session"}};
  return {{"openapi", "3.1.0"},
          {"info", json::object{{"title", title}, {"version", version}}},
          {"security", json::array{json::object{{"bearer", json::array{}}}, json::object{{"session", json::array{}}}}},
          {"paths", std::move(paths)},
          {"components", json::object{{"schemas", std::move(components)},
                                      {"securitySchemes", json::object{{"bearer", bearer}, {"session", cookie}}}}}};
}

} // namespace pricing::wire
