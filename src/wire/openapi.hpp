#pragma once
// OpenAPI 3.1 document from a table of operations. http/router fills the table from its routes.
#include "wire/json_schema.hpp"

#include <optional>
#include <string>
#include <vector>

namespace pricing::wire {

struct parameter {
  std::string name;
  std::string in; // "path" or "query"
  bool required = false;
  boost::json::object schema;
};

struct operation {
  std::string method; // "get"
  std::string path;
  std::string summary;
  std::string tag;
  std::string permission; // shown as x-permission; empty for public operations
  bool is_public = false;
  bool has_json_body = false;
  bool has_raw_body = false;
  int status = 200;
  std::vector<parameter> parameters{};
  std::optional<boost::json::object> request_body{};
  std::optional<boost::json::object> response_body{};
};

boost::json::object openapi_document(std::string_view title, std::string_view version,
                                     const std::vector<operation>& operations, const schema_set& schemas);

} // namespace pricing::wire
