#include "serving/tensor_json.hpp"

#include "serving/json_scanner.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace pricing::serving {
namespace {

constexpr std::array<std::string_view, 13> datatypes = {"FP32", "FP64",  "INT64",  "INT32",  "FP16",   "INT16", "INT8",
                                                        "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "BF16"};

struct tensor {
  std::string name;
  std::string datatype;
  std::vector<std::int64_t> shape;
  std::size_t from = 0, count = 0; // in the request's values
  std::size_t inner = 0;           // elements of each innermost array of nested data; 0: flat
  bool has_data = false;
};

// Numbers of one array, flat or nested evenly.
bool read_data(json_scanner& in, std::vector<float>& values, std::size_t values_max, std::size_t& inner,
               int depth = 0) {
  inner = 0;
  if (depth >= 8)
    return in.fail("the data is nested too deeply");
  if (!in.expect('['))
    return false;
  if (in.accept(']'))
    return true;
  if (in.peek() != '[') { // the usual case
    do {
      float value = 0;
      if (!in.number(value))
        return false;
      if (values.size() >= values_max)
        return in.fail("there are more than " + std::to_string(values_max) + " values in one request");
      values.push_back(value);
    } while (in.accept(','));
    return in.expect(']');
  }
  do {
    std::size_t below = 0;
    const std::size_t before = values.size();
    if (!read_data(in, values, values_max, below, depth + 1))
      return false;
    const std::size_t length = below > 0 ? below : values.size() - before;
    if (length == 0)
      return in.fail("an inner array of the data is empty");
    if (inner != 0 && inner != length)
      return in.fail("the inner arrays of the data have different lengths");
    inner = length;
  } while (in.accept(','));
  return in.expect(']');
}

class infer_reader {
 public:
  infer_reader(std::string_view body, const parse_limits& limits) : in_(body), limits_(limits) {}

  result<inference_request> read() {
    out_.values.reserve(64);
    const bool whole = in_.object([&](std::string_view name) { return member(name); }) && in_.end();
    if (!whole)
      return in_.take_error();
    if (requested_ != 0)
      out_.outputs = requested_ | (out_.outputs & ~unsigned{predict_output});
    if (const auto arranged = arrange(); !arranged)
      return arranged.error();
    return std::move(out_);
  }

 private:
  bool member(std::string_view name) {
    if (name == "id")
      return in_.text(out_.id);
    if (name == "parameters")
      return in_.object([&](std::string_view p) { return parameter(p); });
    if (name == "inputs")
      return in_.array([&] { return input(); });
    if (name == "outputs")
      return in_.array([&] { return requested_output(); });
    return in_.skip();
  }

  bool parameter(std::string_view name) {
    bool wanted = false;
    if (name == "margin" || name == "contributions") {
      const unsigned bit = name == "margin" ? margin_output : contributions_output;
      if (!in_.boolean(wanted))
        return false;
      out_.outputs |= wanted ? bit : 0U;
      return true;
    }
    if (name == "key")
      return in_.text(out_.key);
    if (name == "timeout")
      return in_.whole(out_.timeout_us.emplace());
    if (name == "binary_data_output") {
      if (!in_.boolean(wanted))
        return false;
      return !wanted || in_.fail("binary outputs are not supported; leave binary_data_output away");
    }
    return in_.skip();
  }

  bool requested_output() {
    return in_.object([&](std::string_view name) {
      if (name != "name")
        return in_.skip();
      std::string wanted;
      if (!in_.text(wanted))
        return false;
      if (wanted == "predict")
        requested_ |= predict_output;
      else if (wanted == "margin")
        requested_ |= margin_output;
      else if (wanted == "contributions")
        requested_ |= contributions_output;
      else
        return in_.fail("there is no output '" + wanted + "'; there are predict, margin and contributions");
      return true;
    });
  }

  bool input() {
    if (inputs_.size() >= limits_.inputs_max)
      return in_.fail("there are more than " + std::to_string(limits_.inputs_max) + " inputs");
    tensor& t = inputs_.emplace_back();
    return in_.object([&](std::string_view name) {
      if (name == "name")
        return in_.text(t.name);
      if (name == "datatype")
        return in_.text(t.datatype);
      if (name == "shape")
        return in_.array([&] {
          return t.shape.size() < 8 ? in_.whole(t.shape.emplace_back()) : in_.fail("a shape has too many dimensions");
        });
      if (name != "data")
        return in_.skip();
      if (t.has_data)
        return in_.fail("an input has data twice");
      t.has_data = true;
      t.from = out_.values.size();
      const bool read = read_data(in_, out_.values, limits_.values_max, t.inner);
      t.count = out_.values.size() - t.from;
      return read;
    });
  }

  static error about(const tensor& t, const std::string& what) {
    return invalid_input("input '" + t.name + "': " + what);
  }

  // Elements by its shape, which must be those that came.
  result<void> check(const tensor& t) const {
    if (std::ranges::find(datatypes, t.datatype) == datatypes.end())
      return about(t, "the datatype '" + t.datatype + "' is not supported; send FP32, FP64, INT64 or INT32");
    if (!t.has_data)
      return about(t, "there is no data; send it as a JSON array, binary tensors are not supported");
    if (t.shape.empty())
      return about(t, "there is no shape");
    std::int64_t elements = 1;
    for (const auto dimension : t.shape) {
      if (dimension < 0 || dimension > static_cast<std::int64_t>(limits_.values_max) ||
          (elements *= dimension) > static_cast<std::int64_t>(limits_.values_max))
        return about(t, "the shape is negative or too large");
    }
    if (elements != static_cast<std::int64_t>(t.count))
      return about(t, "the shape asks for " + std::to_string(elements) + " values and the data has " +
                          std::to_string(t.count));
    if (t.inner != 0 && static_cast<std::int64_t>(t.inner) != t.shape.back())
      return about(t, "the inner arrays of the data have " + std::to_string(t.inner) + " values, the shape's last " +
                          "dimension is " + std::to_string(t.shape.back()));
    return {};
  }

  // From tensors to rows.
  result<void> arrange() {
    if (inputs_.empty())
      return invalid_input("there are no inputs");
    for (const auto& t : inputs_)
      if (auto right = check(t); !right)
        return right;
    const tensor& first = inputs_.front();
    const auto dimension = [](const tensor& t, std::size_t i) { return static_cast<std::size_t>(t.shape[i]); };
    if (inputs_.size() == 1 && first.shape.size() <= 2) {
      out_.rows = first.shape.size() == 2 ? dimension(first, 0) : 1;
      out_.columns = dimension(first, first.shape.size() - 1);
      // Of what may be rows of one feature the name decides, which the model knows.
      out_.names =
          first.shape.back() == 1 || first.shape.size() == 1 ? std::vector{first.name} : std::vector<std::string>();
      return {};
    }
    out_.columns = inputs_.size();
    out_.rows = dimension(first, 0);
    for (const auto& t : inputs_) {
      if (t.shape.size() > 2 || (t.shape.size() == 2 && t.shape[1] != 1))
        return about(t, "with one input a feature each has the shape [rows] or [rows, 1]; a table is one input "
                        "[rows, features]");
      if (dimension(t, 0) != out_.rows)
        return about(t, "it has " + std::to_string(t.shape[0]) + " rows, the first input has " +
                            std::to_string(out_.rows));
      out_.names.push_back(t.name);
    }
    std::vector<float> rows(out_.values.size());
    for (std::size_t c = 0; c < out_.columns; ++c)
      for (std::size_t r = 0; r < out_.rows; ++r)
        rows[r * out_.columns + c] = out_.values[inputs_[c].from + r];
    out_.values = std::move(rows);
    return {};
  }

  json_scanner in_;
  const parse_limits& limits_;
  inference_request out_;
  std::vector<tensor> inputs_;
  unsigned requested_ = 0;
};

class predict_reader {
 public:
  predict_reader(std::string_view body, const parse_limits& limits) : in_(body), limits_(limits) {}

  result<inference_request> read() {
    out_.values.reserve(64);
    const bool whole = in_.object([&](std::string_view name) { return member(name); }) && in_.end();
    if (!whole)
      return in_.take_error();
    if (out_.rows == 0)
      return invalid_input("send {\"features\": [1, 2, …]} or {\"rows\": [[1, 2, …], …]}");
    return std::move(out_);
  }

 private:
  bool member(std::string_view name) {
    bool wanted = false;
    if (name == "features") {
      out_.single = true;
      return row();
    }
    if (name == "rows")
      return in_.array([&] { return row(); });
    if (name == "key")
      return in_.text(out_.key);
    if (name != "margin" && name != "contributions")
      return in_.skip();
    if (!in_.boolean(wanted))
      return false;
    out_.outputs |= wanted ? (name == "margin" ? margin_output : contributions_output) : 0U;
    return true;
  }

  bool row() {
    if (out_.single && out_.rows > 0)
      return in_.fail("send either features or rows");
    return in_.peek() == '{' ? named_row() : plain_row();
  }

  bool plain_row() {
    const std::size_t before = out_.values.size();
    std::size_t inner = 0;
    if (!read_data(in_, out_.values, limits_.values_max, inner))
      return false;
    if (inner != 0)
      return in_.fail("a row is a plain list of numbers");
    return end_row(out_.values.size() - before, false);
  }

  // The first named row says which columns there are; the others may have them in another order.
  bool named_row() {
    const std::size_t before = out_.values.size();
    const bool is_first = out_.rows == 0;
    std::size_t at = 0;
    if (!is_first) {
      if (out_.names.empty())
        return end_row(out_.columns, true);
      if (out_.values.size() + out_.columns > limits_.values_max)
        return in_.fail("there are more than " + std::to_string(limits_.values_max) + " values in one request");
      out_.values.resize(before + out_.columns, std::numeric_limits<float>::quiet_NaN());
    }
    const bool read = in_.object([&](std::string_view name) {
      float value = 0;
      if (is_first) {
        if (out_.names.size() >= limits_.inputs_max)
          return in_.fail("a row has too many features");
        out_.names.emplace_back(name);
        return in_.number(value) && (out_.values.push_back(value), true);
      }
      if (at >= out_.names.size() || out_.names[at] != name)
        at = static_cast<std::size_t>(std::ranges::find(out_.names, name) - out_.names.begin());
      if (at >= out_.names.size())
        return in_.fail("every row needs the features of the first one; '" + std::string(name) + "' is not among them");
      return in_.number(value) && (out_.values[before + at++] = value, true);
    });
    return read && end_row(is_first ? out_.names.size() : out_.columns, true);
  }

  bool end_row(std::size_t columns, bool named) {
    if (columns == 0)
      return in_.fail("a row is empty");
    if (out_.rows > 0 && (columns != out_.columns || named == out_.names.empty()))
      return in_.fail("the rows are of different lengths or kinds");
    out_.columns = columns;
    ++out_.rows;
    return true;
  }

  json_scanner in_;
  const parse_limits& limits_;
  inference_request out_;
};

} // namespace

result<inference_request> parse_infer(std::string_view body, const parse_limits& limits) {
  return infer_reader(body, limits).read();
}

result<inference_request> parse_predict(std::string_view body, const parse_limits& limits) {
  return predict_reader(body, limits).read();
}

} // namespace pricing::serving
