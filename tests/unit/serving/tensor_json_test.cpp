// Requests from their JSON: what is read, and what is refused with a reason.
#include "serving/tensor_json.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

using namespace pricing;
using namespace pricing::serving;

namespace {

inference_request infer_of(std::string_view body) {
  auto read = parse_infer(body, {});
  EXPECT_TRUE(read) << (read ? "" : read.error().message);
  return read ? std::move(*read) : inference_request{};
}
inference_request predict_of(std::string_view body) {
  auto read = parse_predict(body, {});
  EXPECT_TRUE(read) << (read ? "" : read.error().message);
  return read ? std::move(*read) : inference_request{};
}
std::string infer_error(std::string_view body, const parse_limits& limits = {}) {
  const auto read = parse_infer(body, limits);
  EXPECT_FALSE(read) << body;
  return read ? "" : read.error().message;
}
std::string predict_error(std::string_view body) {
  const auto read = parse_predict(body, {});
  EXPECT_FALSE(read) << body;
  return read ? "" : read.error().message;
}
std::string input(const std::string& shape, const std::string& data, const std::string& datatype = "FP32") {
  return R"({"inputs":[{"name":"input","shape":)" + shape + R"(,"datatype":")" + datatype + R"(","data":)" + data +
         "}]}";
}

TEST(tensor_json, reads_a_table_flat_or_nested) {
  for (const auto* data : {"[1, 2.5,-3,4e2,0.1,null]", "[[1,2.5,-3],[4e2,0.1,NaN]]"}) {
    const auto r = infer_of(input("[2,3]", data));
    EXPECT_EQ(r.rows, 2U);
    EXPECT_EQ(r.columns, 3U);
    EXPECT_TRUE(r.names.empty());
    ASSERT_EQ(r.values.size(), 6U);
    EXPECT_EQ(std::vector<float>(r.values.begin(), r.values.begin() + 5), (std::vector<float>{1, 2.5F, -3, 400, 0.1F}));
    EXPECT_TRUE(std::isnan(r.values[5]));
  }
}

TEST(tensor_json, reads_members_in_any_order_and_passes_over_others) {
  const auto r = infer_of(R"( {"extra":{"a":[1,{"b":"c"}]},"inputs":[{"data":[1,2],"parameters":{"x":1},
    "datatype":"INT64","shape":[1,2],"name":"i"}],"id":"q \u00e9\n","parameters":{"margin":true,"key":"k","timeout":1500,
    "other":null},"outputs":[{"name":"contributions","parameters":{}}]} )");
  EXPECT_EQ(r.id, "q \xc3\xa9\n");
  EXPECT_EQ(r.key, "k");
  EXPECT_EQ(r.timeout_us, 1500);
  EXPECT_EQ(r.outputs, static_cast<unsigned>(margin_output) | contributions_output);
  EXPECT_EQ(r.values, (std::vector<float>{1, 2}));
}

TEST(tensor_json, turns_an_input_a_feature_into_rows) {
  const auto r = infer_of(R"({"inputs":[{"name":"a","shape":[3],"datatype":"FP64","data":[1,2,3]},
    {"name":"b","shape":[3,1],"datatype":"INT32","data":[[10],[20],[30]]}]})");
  EXPECT_EQ(r.names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(r.rows, 3U);
  EXPECT_EQ(r.values, (std::vector<float>{1, 10, 2, 20, 3, 30}));
}

TEST(tensor_json, says_what_is_wrong_with_a_request) {
  EXPECT_EQ(infer_error("{}"), "there are no inputs");
  EXPECT_NE(infer_error(input("[2,2]", "[1,2,3]")).find("asks for 4 values and the data has 3"), std::string::npos);
  EXPECT_NE(infer_error(input("[2,2]", "[[1,2,3],[4]]")).find("different lengths"), std::string::npos);
  EXPECT_NE(infer_error(input("[2,3]", "[[1,2],[3,4],[5,6]]")).find("last dimension"), std::string::npos);
  EXPECT_NE(infer_error(input("[-1,3]", "[1,2,3]")).find("negative or too large"), std::string::npos);
  EXPECT_NE(infer_error(input("[4611686018427387904,4]", "[]")).find("whole number"), std::string::npos);
  EXPECT_NE(infer_error(input("[1,1]", "[\"a\"]")).find("number is expected"), std::string::npos);
  EXPECT_NE(infer_error(input("[1,1]", "[1e39]")).find("range of FP32"), std::string::npos);
  EXPECT_NE(infer_error(input("[1,1]", "[1e999]")).find("out of range"), std::string::npos);
  EXPECT_NE(infer_error(input("[1,1]", "[1]", "BYTES")).find("'BYTES' is not supported"), std::string::npos);
  EXPECT_NE(infer_error(R"({"inputs":[{"name":"i","shape":[1,1],"datatype":"FP32"}]})").find("no data"),
            std::string::npos);
  EXPECT_NE(infer_error(R"({"outputs":[{"name":"x"}]})").find("no output 'x'"), std::string::npos);
  EXPECT_NE(infer_error(input("[1,1]", "[1]") + "x").find("should end here"), std::string::npos);
  EXPECT_NE(infer_error(R"({"inputs":[{"name":"a","shape":[2],"datatype":"FP32","data":[1,2]},
    {"name":"b","shape":[1],"datatype":"FP32","data":[1]}]})")
                .find("first input has 2"),
            std::string::npos);
  for (const auto* bad : {"[01]", "[1.]", "[.5]", "[1e]", "[-]", "[+1]", "[1 2]", "[1,]", "[nul]", "[Infinity]"})
    EXPECT_FALSE(infer_error(input("[1,1]", bad)).empty());
}

TEST(tensor_json, is_bounded) {
  EXPECT_NE(infer_error(input("[1,3]", "[1,2,3]"), {.values_max = 2}).find("more than 2 values"), std::string::npos);
  EXPECT_FALSE(infer_error(input("[1]", std::string(100'000, '['))).empty());
  EXPECT_FALSE(infer_error("{\"x\":" + std::string(100'000, '[')).empty());
  std::string nested = "{\"x\":";
  for (int i = 0; i < 100'000; ++i)
    nested += "{\"a\":";
  EXPECT_FALSE(infer_error(nested).empty());
  EXPECT_NE(infer_error(R"({"id":")" + std::string(5'000, 'x') + "\"}").find("longer than"), std::string::npos);
}

TEST(tensor_json, reads_numbers_as_the_nearest_double_made_a_float) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const auto bits = static_cast<std::uint32_t>(random());
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value))
      continue;
    char text[64];
    std::snprintf(text, sizeof text, i % 2 == 0 ? "%.9g" : "%.17g", static_cast<double>(value));
    EXPECT_EQ(infer_of(input("[1,1]", std::string("[") + text + "]")).values.at(0),
              static_cast<float>(std::strtod(text, nullptr)))
        << text;
  }
}

TEST(tensor_json, reads_plain_and_named_rows) {
  const auto one = predict_of(R"({"features":[1,null,3],"margin":true,"key":"a"})");
  EXPECT_TRUE(one.single);
  EXPECT_EQ(one.rows, 1U);
  EXPECT_EQ(one.columns, 3U);
  EXPECT_EQ(one.key, "a");
  EXPECT_EQ(one.outputs, static_cast<unsigned>(predict_output) | margin_output);
  const auto many = predict_of(R"({"rows":[{"a":1,"b":2},{"b":4,"a":3},{"a":5}]})");
  EXPECT_FALSE(many.single);
  EXPECT_EQ(many.rows, 3U);
  EXPECT_EQ(many.names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(std::vector<float>(many.values.begin(), many.values.begin() + 5), (std::vector<float>{1, 2, 3, 4, 5}));
  EXPECT_TRUE(std::isnan(many.values[5]));
}

TEST(tensor_json, refuses_rows_that_do_not_belong_together) {
  EXPECT_NE(predict_error(R"({"rows":[[1,2],[3]]})").find("different lengths"), std::string::npos);
  EXPECT_NE(predict_error(R"({"rows":[[1],{"a":1}]})").find("different lengths or kinds"), std::string::npos);
  EXPECT_NE(predict_error(R"({"rows":[{"a":1},{"b":1}]})").find("'b' is not among them"), std::string::npos);
  EXPECT_NE(predict_error(R"({"rows":[[1]],"features":[1]})").find("either"), std::string::npos);
  EXPECT_NE(predict_error(R"({"features":[1],"features":[1]})").find("either"), std::string::npos);
  EXPECT_NE(predict_error(R"({"features":[]})").find("empty"), std::string::npos);
  EXPECT_NE(predict_error(R"({"features":[[1]]})").find("plain list"), std::string::npos);
  EXPECT_NE(predict_error("{}").find("send"), std::string::npos);
  EXPECT_FALSE(predict_error("").empty());
}

} // namespace
