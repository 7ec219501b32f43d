#pragma once
// Answers of inference as JSON.
#include "serving/version.hpp"

#include <string>

namespace pricing::serving {

// The Open Inference Protocol's answer: outputs predict [rows, outputs], margin [rows, groups], contributions
// [rows, groups, features + 1], FP32, flat.
std::string infer_json(const served_version& v, const inference_request& r, const inference& out);
// {"model", "version", "prediction"} for one row, {…, "predictions"} for rows; a row of several outputs is a list.
std::string predict_json(const served_version& v, const inference_request& r, const inference& out);
// The protocol's description of a model.
std::string metadata_json(const served_version& v, const std::vector<int>& versions);

} // namespace pricing::serving
