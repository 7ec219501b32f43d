#pragma once
// Inference requests from their JSON, straight into floats: a request is mostly numbers, and a general JSON tree of
// them costs several times the prediction. Pure; meets strangers' bytes, so depth, counts and text are bounded and
// every error names the byte or the tensor. Numbers are rounded to double and then to float, as NumPy does; null and
// NaN are missing values.
#include "core/error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::serving {

enum output : unsigned { predict_output = 1, margin_output = 2, contributions_output = 4 };

// Rows to predict: values[row * columns + column]. Columns are the model's features in their order, or named.
struct inference_request {
  std::string id;
  std::string key; // whoever sends the same key gets the same version
  unsigned outputs = predict_output;
  std::optional<std::int64_t> timeout_us;
  std::size_t rows = 0, columns = 0;
  std::vector<std::string> names; // empty: in order
  std::vector<float> values;
  bool single = false; // asked for one row, without a list
};

struct parse_limits {
  std::size_t values_max = 4'000'000;
  std::size_t inputs_max = 10'000;
};

// Body of the Open Inference Protocol's infer: one input [rows, features] (or [features]), or one input [rows] for each
// feature, named as the feature. "parameters" may ask for "margin" and "contributions", and give "key" and "timeout"
// (in µs). Numeric datatypes only; data flat or nested, in row-major order.
result<inference_request> parse_infer(std::string_view body, const parse_limits& limits);

// {"features": row} or {"rows": [row, …]}, a row being [1, 2, …] or {"name": 1, …}; besides them "margin",
// "contributions", "key".
result<inference_request> parse_predict(std::string_view body, const parse_limits& limits);

} // namespace pricing::serving
