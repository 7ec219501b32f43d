#include "wire/openapi.hpp"

#include "wire/json.hpp"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace pricing::wire {

struct tree {
  text<1, 20> name;
  std::vector<tree> children;
  std::optional<decimal> price;
  defaulted<bounded<int, 1, 200>, 50> limit;
  list<std::string, 5> tags;
};
BOOST_DESCRIBE_STRUCT(tree, (), (name, children, price, limit, tags))

namespace {

namespace json = boost::json;

TEST(json_schema, states_the_limits_of_the_field_types) {
  schema_set schemas;
  EXPECT_EQ(json::serialize(schemas.of<tree>()), R"({"$ref":"#/components/schemas/wire_tree"})");
  EXPECT_EQ(
      json::serialize(schemas.schemas().at("wire_tree")),
      R"({"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":20},)"
      R"("children":{"type":"array","items":{"$ref":"#/components/schemas/wire_tree"}},)"
      R"("price":{"type":["string","null"],"format":"decimal","examples":["45.50"]},)"
      R"("limit":{"type":"integer","minimum":1,"maximum":200},)"
      R"("tags":{"type":"array","items":{"type":"string"},"maxItems":5}},"required":["name","children","tags"]})");
}

TEST(openapi, describes_an_operation) {
  schema_set schemas;
  operation o{"put", "/api/v1/trees/{id}", "Change a tree", "trees", "trees.write"};
  o.parameters.push_back({"id", "path", true, schemas.of<item_id>()});
  o.request_body = schemas.of<tree>();
  o.response_body = schemas.of<tree>();
  const json::value doc = openapi_document("Title", "1.2.3", {o}, schemas);
  EXPECT_EQ(doc.at("openapi"), "3.1.0");
  const auto& put = doc.at("paths").at("/api/v1/trees/{id}").at("put");
  EXPECT_EQ(put.at("operationId"), "put_trees_id");
  EXPECT_EQ(put.at("x-permission"), "trees.write");
  EXPECT_EQ(put.at("parameters").at(0).at("in"), "path");
  const json::value reference = {{"$ref", "#/components/schemas/wire_tree"}};
  EXPECT_EQ(put.at("requestBody").at("content").at("application/json").at("schema"), reference);
  EXPECT_EQ(put.at("responses").at("200").at("content").at("application/json").at("schema"), reference);
  EXPECT_TRUE(put.at("responses").as_object().contains("401"));
  // Every reference leads somewhere.
  const auto text = json::serialize(doc);
  for (auto at = text.find("#/components/schemas/"); at != text.npos; at = text.find("#/components/schemas/", at + 1)) {
    const auto name = text.substr(at + 21, text.find('"', at) - at - 21);
    EXPECT_TRUE(doc.at("components").at("schemas").as_object().contains(name)) << name;
  }
}

} // namespace
} // namespace pricing::wire
