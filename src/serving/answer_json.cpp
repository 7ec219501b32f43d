#include "serving/answer_json.hpp"

#include <boost/json/serialize.hpp>

#include <charconv>
#include <cmath>
#include <span>

namespace pricing::serving {
namespace {

using wire::detail::write_int;
using wire::detail::write_string;

// Shortest digits that read as the same float.
void write_float(std::string& out, float v) {
  if (!std::isfinite(v)) {
    out += "null";
    return;
  }
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, v).ptr;
  out.append(digits, end);
}

void write_floats(std::string& out, std::span<const float> values) {
  out += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0)
      out += ',';
    write_float(out, values[i]);
  }
  out += ']';
}

void write_whole(std::string& out, std::size_t v) {
  write_int(out, static_cast<std::int64_t>(v));
}

class tensor_writer {
 public:
  explicit tensor_writer(std::string& out) : out_(out) {}
  void add(std::string_view name, std::initializer_list<std::size_t> shape, std::span<const float> values) {
    out_ += first_ ? "{\"name\":\"" : ",{\"name\":\"";
    first_ = false;
    out_ += name;
    out_ += "\",\"datatype\":\"FP32\",\"shape\":[";
    bool inner = false;
    for (const auto dimension : shape) {
      if (std::exchange(inner, true))
        out_ += ',';
      write_whole(out_, dimension);
    }
    out_ += "],\"data\":";
    write_floats(out_, values);
    out_ += '}';
  }

 private:
  std::string& out_;
  bool first_ = true;
};

// One member: a value, a list, or a list of lists, by rows.
void write_rows(std::string& out, std::string_view one, std::string_view many, bool single,
                std::span<const float> values, std::size_t rows, std::size_t per_row) {
  out += ",\"";
  out += single ? one : many;
  out += "\":";
  const auto row = [&](std::size_t r) {
    const auto here = values.subspan(r * per_row, per_row);
    if (per_row == 1)
      write_float(out, here[0]);
    else
      write_floats(out, here);
  };
  if (single)
    return row(0);
  out += '[';
  for (std::size_t r = 0; r < rows; ++r) {
    if (r > 0)
      out += ',';
    row(r);
  }
  out += ']';
}

} // namespace

std::string infer_json(const served_version& v, const inference_request& r, const inference& out) {
  std::string text;
  text.reserve(192 + 12 * (out.predict.size() + out.margin.size() + out.contributions.size()));
  text += "{\"model_name\":";
  write_string(text, v.about.name);
  text += ",\"model_version\":\"";
  write_int(text, v.about.version);
  text += '"';
  if (!r.id.empty()) {
    text += ",\"id\":";
    write_string(text, r.id);
  }
  text += ",\"outputs\":[";
  tensor_writer outputs(text);
  if ((r.outputs & predict_output) != 0)
    outputs.add("predict", {out.rows, v.trees.outputs()}, out.predict);
  if ((r.outputs & margin_output) != 0)
    outputs.add("margin", {out.rows, v.trees.groups()}, out.margin);
  if ((r.outputs & contributions_output) != 0)
    outputs.add("contributions", {out.rows, v.trees.groups(), v.trees.features() + 1}, out.contributions);
  text += "]}";
  return text;
}

std::string predict_json(const served_version& v, const inference_request& r, const inference& out) {
  std::string text;
  text.reserve(96 + 12 * (out.predict.size() + out.margin.size() + out.contributions.size()));
  text += "{\"model\":";
  write_string(text, v.about.name);
  text += ",\"version\":";
  write_int(text, v.about.version);
  write_rows(text, "prediction", "predictions", r.single, out.predict, out.rows, v.trees.outputs());
  if ((r.outputs & margin_output) != 0)
    write_rows(text, "margin", "margins", r.single, out.margin, out.rows, v.trees.groups());
  if ((r.outputs & contributions_output) != 0)
    write_rows(text, "contributions", "contributions", r.single, out.contributions, out.rows,
               v.trees.groups() * (v.trees.features() + 1));
  text += '}';
  return text;
}

std::string metadata_json(const served_version& v, const std::vector<int>& versions) {
  boost::json::array numbers;
  for (const int version : versions)
    numbers.emplace_back(std::to_string(version));
  const auto tensor = [](const char* name, std::initializer_list<boost::json::value_ref> shape) {
    return boost::json::object{{"name", name}, {"datatype", "FP32"}, {"shape", boost::json::array(shape)}};
  };
  boost::json::array outputs{tensor("predict", {-1, v.about.outputs}), tensor("margin", {-1, v.about.groups})};
  if (v.explains)
    outputs.push_back(tensor("contributions", {-1, v.about.groups, v.about.features + 1}));
  boost::json::array features;
  for (const auto& name : v.about.feature_names)
    features.emplace_back(name);
  const auto kind = v.about.format.substr(0, v.about.format.find(' '));
  return boost::json::serialize(
      boost::json::object{{"name", v.about.name},
                          {"versions", std::move(numbers)},
                          {"platform", kind},
                          {"inputs", boost::json::array{tensor("input", {-1, v.about.features})}},
                          {"outputs", std::move(outputs)},
                          {"parameters", {{"feature_names", std::move(features)}}}});
}

} // namespace pricing::serving
