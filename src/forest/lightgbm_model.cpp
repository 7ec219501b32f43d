#include "forest/model_file.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

namespace pricing::forest {
namespace {

// Thrown inside this file only; load_lightgbm turns it into an error.
struct refusal {
  std::string message;
};
[[noreturn]] void refuse(std::string why) {
  throw refusal{std::move(why)};
}

// "name=value" lines up to an empty line, or to the end of the file; a line without "=" is a name without a value.
using fields = std::map<std::string_view, std::string_view>;
constexpr std::size_t fields_max = 256; // of one section

class lines {
 public:
  explicit lines(std::string_view bytes) : rest_(bytes) {}

  bool done() const { return rest_.empty(); }
  std::string_view peek() const {
    auto line = rest_.substr(0, rest_.find('\n'));
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
  }
  std::string_view next() {
    const auto line = peek();
    const auto end = rest_.find('\n');
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    ++number_;
    return line;
  }
  std::size_t number() const { return number_; } // of the line that next() gave last

  fields section() {
    fields out;
    while (!done() && !peek().empty() && !peek().starts_with("Tree=")) {
      const auto line = next();
      const auto equals = line.find('=');
      out[line.substr(0, equals)] = equals == std::string_view::npos ? "" : line.substr(equals + 1);
      if (out.size() > fields_max) {
        refuse("line " + std::to_string(number_) + ": a section of more than " + std::to_string(fields_max) + " lines");
      }
    }
    return out;
  }

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

std::string_view word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const auto out = text.substr(0, text.find(' '));
  text.remove_prefix(out.size());
  return out;
}

template <class T>
T number(std::string_view text, std::string_view name, const std::string& where) {
  T out{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (code != std::errc{} || end != text.data() + text.size()) {
    refuse(where + ": \"" + std::string(name) + "\" holds \"" + std::string(text.substr(0, 32)) +
           "\" where a number was expected");
  }
  return out;
}

std::string_view field(const fields& all, std::string_view name, const std::string& where) {
  const auto found = all.find(name);
  if (found == all.end()) {
    refuse(where + " has no \"" + std::string(name) + "\"");
  }
  return found->second;
}

template <class T>
std::vector<T> numbers(const fields& all, std::string_view name, std::size_t count, const std::string& where) {
  auto text = field(all, name, where);
  std::vector<T> out;
  for (auto w = word(text); !w.empty(); w = word(text)) {
    if (out.size() == count) {
      refuse(where + ": \"" + std::string(name) + "\" has more than " + std::to_string(count) + " numbers");
    }
    out.push_back(number<T>(w, name, where));
  }
  if (out.size() != count) {
    refuse(where + ": \"" + std::string(name) + "\" has " + std::to_string(out.size()) + " numbers, not " +
           std::to_string(count));
  }
  return out;
}
template <class T>
std::vector<T> numbers_or_zeros(const fields& all, std::string_view name, std::size_t count, const std::string& where) {
  return all.contains(name) ? numbers<T>(all, name, count, where) : std::vector<T>(count);
}

struct objective {
  std::string_view name;
  link output;
};
// From the ConvertOutput of LightGBM's objectives. Files without one hold margins of a custom objective.
constexpr objective objectives[] = {
    {"regression", link::identity},   {"regression_l1", link::identity},
    {"huber", link::identity},        {"fair", link::identity},
    {"quantile", link::identity},     {"mape", link::identity},
    {"lambdarank", link::identity},   {"rank_xendcg", link::identity},
    {"custom", link::identity},       {"poisson", link::exponential},
    {"gamma", link::exponential},     {"tweedie", link::exponential},
    {"binary", link::sigmoid},        {"cross_entropy", link::sigmoid},
    {"multiclassova", link::sigmoid}, {"cross_entropy_lambda", link::log1p_exp},
    {"multiclass", link::softmax},
};

void read_objective(std::string_view text, ensemble& out) {
  const auto name = word(text);
  const auto* known =
      std::find_if(std::begin(objectives), std::end(objectives), [&](const objective& o) { return o.name == name; });
  if (known == std::end(objectives)) {
    refuse("the objective \"" + std::string(name.substr(0, 64)) + "\" is unknown, so its link is too");
  }
  out.output = known->output;
  for (auto w = word(text); !w.empty(); w = word(text)) {
    if (w.starts_with("sigmoid:") && out.output == link::sigmoid) {
      out.sigmoid_scale = number<float>(w.substr(8), "objective", "the model");
    } else if (w == "sqrt" && out.output == link::identity) {
      out.output = link::signed_square;
    }
  }
}

void read_head(const fields& head, const limits& l, ensemble& out) {
  const std::string where = "the head";
  out.source = "lightgbm " + std::string(field(head, "version", where).substr(0, 16));
  const auto last = number<std::int64_t>(field(head, "max_feature_idx", where), "max_feature_idx", where);
  const auto classes = number<std::int64_t>(field(head, "num_class", where), "num_class", where);
  const auto groups = head.contains("num_tree_per_iteration")
                          ? number<std::int64_t>(head.at("num_tree_per_iteration"), "num_tree_per_iteration", where)
                          : classes;
  if (last < 0 || last >= static_cast<std::int64_t>(l.features_max)) {
    refuse("\"max_feature_idx\" is outside 0 to " + std::to_string(l.features_max - 1));
  }
  if (groups < 1 || groups > static_cast<std::int64_t>(l.groups_max)) {
    refuse("the model has " + std::to_string(groups) + " outputs; the limit is " + std::to_string(l.groups_max));
  }
  out.features = static_cast<std::size_t>(last) + 1;
  out.groups = static_cast<std::size_t>(groups);
  out.base.assign(out.groups, 0);
  out.average = head.contains("average_output");
  if (head.contains("objective")) {
    read_objective(head.at("objective"), out);
  }
  if (auto names = head.contains("feature_names") ? head.at("feature_names") : ""; !names.empty()) {
    for (auto w = word(names); !w.empty(); w = word(names)) {
      out.feature_names.emplace_back(w);
    }
    if (out.feature_names.size() != out.features) {
      out.feature_names.clear(); // names with spaces cannot be told apart
    }
  }
}

// LightGBM sends x <= t to the left and compares in double; for floats that is x < the first float above t.
float above(double t) {
  if (std::isnan(t)) {
    return std::numeric_limits<float>::quiet_NaN();
  }
  constexpr float largest = std::numeric_limits<float>::max();
  if (t >= static_cast<double>(largest)) {
    return std::numeric_limits<float>::infinity();
  }
  if (t < -static_cast<double>(largest)) {
    return -largest; // only -infinity is below
  }
  auto nearest = static_cast<float>(t);
  if (static_cast<double>(nearest) > t) {
    return nearest;
  }
  return std::nextafter(nearest, std::numeric_limits<float>::infinity());
}

class tree_reader {
 public:
  tree_reader(const fields& all, std::size_t index, std::size_t& words)
      : all_(all), where_("tree " + std::to_string(index)), words_(words) {}

  tree run(const limits& l) {
    const auto leaves = number<std::int64_t>(field(all_, "num_leaves", where_), "num_leaves", where_);
    if (leaves < 1 || leaves > static_cast<std::int64_t>(l.nodes_max)) {
      refuse(where_ + ": \"num_leaves\" is outside 1 to " + std::to_string(l.nodes_max));
    }
    if (all_.contains("is_linear") && all_.at("is_linear") != "0") {
      refuse(where_ + " has linear models in its leaves, which are not supported; train with linear_tree=false");
    }
    splits_ = static_cast<std::size_t>(leaves) - 1;
    read_leaves();
    if (splits_ > 0) {
      read_splits();
      read_sets();
    }
    return std::move(out_);
  }

 private:
  // Splits come first, the root at 0; leaf i is node splits_ + i.
  void read_leaves() {
    const auto values = numbers<double>(all_, "leaf_value", splits_ + 1, where_);
    const auto counts = numbers_or_zeros<double>(all_, "leaf_count", splits_ + 1, where_);
    out_.nodes.resize(2 * splits_ + 1);
    for (std::size_t i = 0; i <= splits_; ++i) {
      auto& n = out_.nodes[splits_ + i];
      n.value = static_cast<float>(values[i]);
      n.cover = counts[i];
      n.id = static_cast<std::uint32_t>(i);
    }
  }

  std::int32_t child(std::int64_t c) const {
    const auto splits = static_cast<std::int64_t>(splits_);
    if (c >= splits || c < -(splits + 1)) {
      refuse(where_ + ": a child outside its " + std::to_string(splits) + " splits");
    }
    return static_cast<std::int32_t>(c >= 0 ? c : splits + (-c - 1));
  }

  // No prediction needs them, so that nothing about them makes a file unreadable: what is wrong is left at 0.
  std::vector<float> read_gains() const {
    try {
      return numbers_or_zeros<float>(all_, "split_gain", splits_, where_);
    } catch (const refusal&) {
      return std::vector<float>(splits_);
    }
  }

  void read_splits() {
    const auto left = numbers<std::int64_t>(all_, "left_child", splits_, where_);
    const auto right = numbers<std::int64_t>(all_, "right_child", splits_, where_);
    const auto feature = numbers<std::uint32_t>(all_, "split_feature", splits_, where_);
    const auto threshold = numbers<double>(all_, "threshold", splits_, where_);
    const auto type = numbers_or_zeros<int>(all_, "decision_type", splits_, where_);
    const auto counts = numbers_or_zeros<double>(all_, "internal_count", splits_, where_);
    const auto gains = read_gains();
    for (std::size_t i = 0; i < splits_; ++i) {
      auto& n = out_.nodes[i];
      n.left = child(left[i]);
      n.right = child(right[i]);
      n.feature = feature[i];
      n.cover = counts[i];
      n.gain = std::isfinite(gains[i]) ? gains[i] : 0;
      if (type[i] < -128 || type[i] > 127) {
        refuse(where_ + ": a \"decision_type\" that is no byte");
      }
      // Bit 0: categorical. Bit 1: default left. Bits 2 and 3: nothing, zero or NaN is missing.
      const auto bits = static_cast<unsigned>(type[i]) & 0xFFU;
      if ((bits & 1U) != 0) {
        n.set = set_index(threshold[i]);
        n.member_left = true; // NaN goes right
        continue;
      }
      constexpr missing_rule rules[] = {missing_rule::none, missing_rule::zero_or_nan, missing_rule::nan};
      if ((bits >> 2 & 3U) == 3) {
        refuse(where_ + ": an unknown kind of missing values");
      }
      n.missing = rules[bits >> 2 & 3U];
      n.default_left = (bits & 2U) != 0;
      n.threshold = above(threshold[i]);
    }
  }

  static constexpr std::size_t category_words_max = std::size_t{1} << 24; // of all trees

  std::int32_t set_index(double x) const {
    if (!(x >= 0 && x < 2147483647.0) || x != std::floor(x)) {
      refuse(where_ + ": a categorical split without a set");
    }
    return static_cast<std::int32_t>(x);
  }

  void read_sets() {
    const auto count = all_.contains("num_cat") ? number<std::int64_t>(all_.at("num_cat"), "num_cat", where_) : 0;
    if (count < 0 || count > static_cast<std::int64_t>(splits_)) {
      refuse(where_ + ": \"num_cat\" is outside 0 to " + std::to_string(splits_));
    }
    if (count == 0) {
      return;
    }
    const auto bounds = numbers<std::int64_t>(all_, "cat_boundaries", static_cast<std::size_t>(count) + 1, where_);
    if (bounds.front() != 0 || !std::is_sorted(bounds.begin(), bounds.end()) ||
        bounds.back() > static_cast<std::int64_t>(category_words_max)) {
      refuse(where_ + ": \"cat_boundaries\" do not rise from 0");
    }
    const auto all = static_cast<std::size_t>(bounds.back());
    words_ += all;
    if (words_ > category_words_max) {
      refuse(where_ + ": the sets of categories of the model are too large");
    }
    const auto bits = numbers<std::uint32_t>(all_, "cat_threshold", all, where_);
    for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
      out_.sets.push_back({{bits.begin() + bounds[i], bits.begin() + bounds[i + 1]}});
    }
  }

  const fields& all_;
  std::string where_;
  std::size_t& words_;
  std::size_t splits_ = 0;
  tree out_;
};

ensemble read(std::string_view bytes, const limits& l) {
  lines in(bytes);
  ensemble out;
  if (in.next() != "tree") {
    refuse("its first line is not \"tree\"");
  }
  read_head(in.section(), l, out);
  std::size_t words = 0;
  bool ended = false;
  while (!in.done() && !ended) {
    if (in.peek() == "end of trees") {
      ended = true;
    } else if (in.peek().starts_with("Tree=")) {
      in.next();
      const auto index = out.trees.size();
      if (index >= l.trees_max) {
        refuse("it has more trees than " + std::to_string(l.trees_max));
      }
      const auto all = in.section();
      out.trees.push_back(tree_reader(all, index, words).run(l));
      out.trees.back().group = static_cast<std::uint32_t>(index % out.groups);
    } else if (const auto line = in.next(); !line.empty()) {
      refuse("line " + std::to_string(in.number()) + ": expected a tree or \"end of trees\"");
    }
  }
  if (!ended) {
    refuse("the file ends before \"end of trees\"; it is truncated");
  }
  return out;
}

} // namespace

result<ensemble> load_lightgbm(std::string_view bytes, const limits& l) {
  if (bytes.size() > l.bytes_max) {
    return error{errc::too_large, "the model file is larger than " + std::to_string(l.bytes_max) + " bytes"};
  }
  try {
    return finish(read(bytes, l), l);
  } catch (const refusal& r) {
    return invalid_input("not a usable LightGBM model: " + r.message);
  }
}

result<ensemble> load_model(std::string_view bytes, const limits& l) {
  if (bytes.starts_with("tree\n") || bytes.starts_with("tree\r\n")) {
    return load_lightgbm(bytes, l);
  }
  if (bytes.starts_with('{')) {
    return load_xgboost(bytes, l);
  }
  return invalid_input("neither an XGBoost model (JSON or UBJ) nor a LightGBM model (text)");
}

} // namespace pricing::forest
