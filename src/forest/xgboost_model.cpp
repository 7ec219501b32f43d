#include "forest/document.hpp"
#include "forest/model_file.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>
#include <utility>

namespace pricing::forest {
namespace {

// Thrown inside this file only; load_xgboost turns it into an error.
struct refusal {
  std::string message;
};
[[noreturn]] void refuse(std::string why) {
  throw refusal{std::move(why)};
}

const document& member(const document& d, std::string_view name, std::string_view where) {
  const auto* m = d.find(name);
  if (m == nullptr) {
    refuse(std::string(where) + " has no \"" + std::string(name) + "\"");
  }
  return *m;
}
const std::vector<double>& numbers(const document& d, std::string_view name, std::string_view where) {
  const auto& m = member(d, name, where);
  if (m.is != document::kind::numbers) {
    refuse(std::string(where) + ": \"" + std::string(name) + "\" is not an array of numbers");
  }
  return m.numbers;
}
const std::vector<double>& numbers_or_none(const document& d, std::string_view name, std::string_view where) {
  static const std::vector<double> none;
  return d.find(name) == nullptr ? none : numbers(d, name, where);
}

std::int64_t integer(double x, const std::string& where) {
  if (!(std::abs(x) < 9e15) || x != std::floor(x)) {
    refuse(where + ": expected an integer");
  }
  return static_cast<std::int64_t>(x);
}
std::int32_t index(double x, const std::string& where) {
  if (!(x >= -2147483648.0 && x <= 2147483647.0)) {
    refuse(where + ": an index out of range");
  }
  return static_cast<std::int32_t>(integer(x, where));
}

// Counts are written as strings ("num_class": "3") and sometimes as numbers.
std::size_t count(const document& d, std::string_view name, const std::string& where, std::size_t fallback) {
  const auto* m = d.find(name);
  if (m == nullptr) {
    return fallback;
  }
  std::int64_t n = -1;
  if (m->is == document::kind::number) {
    n = integer(m->number, where);
  } else if (std::from_chars(m->text.data(), m->text.data() + m->text.size(), n).ptr !=
             m->text.data() + m->text.size()) {
    n = -1;
  }
  if (n < 0) {
    refuse(where + ": \"" + std::string(name) + "\" is not a count");
  }
  return static_cast<std::size_t>(n);
}

// "5E-1" up to 3.0, "[5E-1]" or "[1E0,2E0]" from 3.1 on.
std::vector<float> base_scores(const document& learner_model_param) {
  const auto* m = learner_model_param.find("base_score");
  if (m == nullptr) {
    return {0.5F};
  }
  if (m->is == document::kind::number) {
    return {static_cast<float>(m->number)};
  }
  std::string_view text = m->text;
  if (text.starts_with('[') && text.ends_with(']')) {
    text = text.substr(1, text.size() - 2);
  }
  std::vector<float> out;
  while (!text.empty()) {
    float x = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), x);
    if (code != std::errc{}) {
      refuse("\"base_score\" is not a number");
    }
    out.push_back(x);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    while (text.starts_with(',') || text.starts_with(' ')) {
      text.remove_prefix(1);
    }
  }
  return out;
}

struct objective {
  std::string_view name;
  link output;
  link base; // how the base score of the file becomes a margin: its inverse
};
// From the PredTransform and ProbToMargin of XGBoost's objectives, 1.0 to 3.4.
constexpr objective objectives[] = {
    {"reg:squarederror", link::identity, link::identity},
    {"reg:linear", link::identity, link::identity},
    {"reg:squaredlogerror", link::identity, link::identity},
    {"reg:pseudohubererror", link::identity, link::identity},
    {"reg:absoluteerror", link::identity, link::identity},
    {"reg:quantileerror", link::identity, link::identity},
    {"reg:expectileerror", link::identity, link::identity},
    {"reg:logistic", link::sigmoid, link::sigmoid},
    {"binary:logistic", link::sigmoid, link::sigmoid},
    {"binary:logitraw", link::identity, link::identity},
    {"binary:hinge", link::step, link::identity},
    {"count:poisson", link::exponential, link::exponential},
    {"reg:gamma", link::exponential, link::exponential},
    {"reg:tweedie", link::exponential, link::exponential},
    {"survival:cox", link::exponential, link::exponential},
    {"survival:aft", link::exponential, link::exponential},
    {"multi:softmax", link::largest_class, link::identity},
    {"multi:softprob", link::softmax, link::identity},
    {"rank:pairwise", link::identity, link::identity},
    {"rank:ndcg", link::identity, link::identity},
    {"rank:map", link::identity, link::identity},
};

void read_head(const document& learner, ensemble& out) {
  const auto& param = member(learner, "learner_model_param", "the model");
  out.features = count(param, "num_feature", "learner_model_param", 0);
  out.groups = std::max({std::size_t{1}, count(param, "num_class", "learner_model_param", 0),
                         count(param, "num_target", "learner_model_param", 1)});
  const auto& name = member(member(learner, "objective", "the model"), "name", "the objective").text;
  const auto* known =
      std::find_if(std::begin(objectives), std::end(objectives), [&](const objective& o) { return o.name == name; });
  if (known == std::end(objectives)) {
    refuse("the objective \"" + name.substr(0, 64) + "\" is unknown, so its link is too");
  }
  out.output = known->output;
  out.base = base_scores(param);
  if (out.groups > 4096) {
    refuse("the model has " + std::to_string(out.groups) + " outputs; the limit is 4096");
  }
  if (out.base.size() == 1) {
    out.base.resize(out.groups, out.base[0]);
  }
  for (float& b : out.base) {
    if (known->base == link::sigmoid) {
      b = -std::log(1.0F / b - 1.0F);
    } else if (known->base == link::exponential) {
      b = std::log(b);
    }
  }
  if (const auto* names = learner.find("feature_names"); names != nullptr) {
    for (const auto& n : names->items) {
      out.feature_names.push_back(n.text);
    }
  }
}

constexpr std::size_t category_words_max = std::size_t{1} << 24; // of all trees

void read_categories(const document& d, const std::string& where, tree& out, std::size_t& words) {
  const auto& nodes = numbers_or_none(d, "categories_nodes", where);
  if (nodes.empty()) {
    return;
  }
  const auto& segments = numbers(d, "categories_segments", where);
  const auto& sizes = numbers(d, "categories_sizes", where);
  const auto& categories = numbers(d, "categories", where);
  if (segments.size() != nodes.size() || sizes.size() != nodes.size()) {
    refuse(where + ": the arrays of categories differ in length");
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto n = index(nodes[i], where);
    const auto begin = integer(segments[i], where);
    const auto size = integer(sizes[i], where);
    const auto all = static_cast<std::int64_t>(categories.size());
    if (n < 0 || static_cast<std::size_t>(n) >= out.nodes.size() || begin < 0 || size < 1 || begin > all ||
        size > all - begin) {
      refuse(where + ": a set of categories outside its array");
    }
    category_set set;
    for (std::int64_t j = begin; j < begin + size; ++j) {
      const auto category = integer(categories[static_cast<std::size_t>(j)], where);
      // A set costs its largest member in bits.
      if (category < 0 || category >= (1 << 20)) {
        refuse(where + ": category " + std::to_string(category) + " is outside 0 to 1048575");
      }
      const auto word = static_cast<std::size_t>(category / 32);
      if (set.bits.size() <= word) {
        words += word + 1 - set.bits.size();
        set.bits.resize(word + 1);
      }
      if (words > category_words_max) {
        refuse(where + ": the sets of categories of the model are too large");
      }
      set.bits[word] |= 1U << (category % 32);
    }
    out.nodes[static_cast<std::size_t>(n)].set = static_cast<std::int32_t>(out.sets.size());
    out.sets.push_back(std::move(set));
  }
}

// No prediction needs gains, so that nothing about them makes a file unreadable: what is wrong is left at 0.
void read_gains(const document& d, tree& out) {
  const auto* gains = d.find("loss_changes");
  if (gains == nullptr || gains->is != document::kind::numbers || gains->numbers.size() != out.nodes.size()) {
    return;
  }
  for (std::size_t i = 0; i < out.nodes.size(); ++i) {
    const auto gain = static_cast<float>(gains->numbers[i]);
    if (!out.nodes[i].leaf() && std::isfinite(gain)) {
      out.nodes[i].gain = gain;
    }
  }
}

tree read_tree(const document& d, std::size_t number, float weight, std::size_t& words) {
  const std::string where = "tree " + std::to_string(number);
  if (const auto* param = d.find("tree_param"); param != nullptr) {
    if (count(*param, "size_leaf_vector", where, 1) > 1) {
      refuse(where + " has vector leaves (multi_output_tree), which are not supported; train one tree per output");
    }
  }
  const auto& left = numbers(d, "left_children", where);
  const auto& right = numbers(d, "right_children", where);
  const auto& feature = numbers(d, "split_indices", where);
  const auto& condition = numbers(d, "split_conditions", where);
  const auto& default_left = numbers(d, "default_left", where);
  const auto& cover = numbers_or_none(d, "sum_hessian", where);
  const auto& type = numbers_or_none(d, "split_type", where);
  const auto n = left.size();
  if (right.size() != n || feature.size() != n || condition.size() != n || default_left.size() != n ||
      (!cover.empty() && cover.size() != n) || (!type.empty() && type.size() != n)) {
    refuse(where + ": the arrays of its nodes differ in length");
  }
  tree out;
  out.nodes.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    auto& node = out.nodes[i];
    node.left = index(left[i], where);
    node.right = index(right[i], where);
    node.id = static_cast<std::uint32_t>(i);
    node.cover = cover.empty() ? 0 : cover[i];
    if (node.leaf()) {
      node.value = static_cast<float>(condition[i]) * weight;
    } else {
      node.feature = static_cast<std::uint32_t>(index(feature[i], where));
      node.threshold = static_cast<float>(condition[i]);
      node.default_left = default_left[i] != 0;
    }
  }
  read_gains(d, out);
  read_categories(d, where, out, words);
  for (std::size_t i = 0; i < n; ++i) {
    auto& node = out.nodes[i];
    if (!node.leaf() && node.set < 0 && !type.empty() && type[i] != 0) {
      refuse(where + ", node " + std::to_string(i) + ": a categorical split without categories");
    }
    if (node.set >= 0 && (type.empty() || type[i] == 0)) {
      node.set = -1; // as XGBoost: the type decides
    }
  }
  return out;
}

void read_trees(const document& booster, std::span<const double> weights, ensemble& out) {
  const auto& model = member(booster, "model", "the booster");
  const auto& trees = member(model, "trees", "the booster");
  const auto& groups = numbers(model, "tree_info", "the booster");
  if (trees.items.size() != groups.size() || (!weights.empty() && weights.size() < groups.size())) {
    refuse("the booster has " + std::to_string(trees.items.size()) + " trees, but " + std::to_string(groups.size()) +
           " groups and " + std::to_string(weights.size()) + " weights of trees");
  }
  std::size_t words = 0;
  for (std::size_t i = 0; i < trees.items.size(); ++i) {
    const float weight = weights.empty() ? 1.0F : static_cast<float>(weights[i]);
    out.trees.push_back(read_tree(trees.items[i], i, weight, words));
    out.trees.back().group = static_cast<std::uint32_t>(index(groups[i], "tree_info"));
  }
}

ensemble read(const document& root) {
  ensemble out;
  out.source = "xgboost";
  if (const auto* version = root.find("version"); version != nullptr) {
    for (std::size_t i = 0; i < std::min<std::size_t>(3, version->numbers.size()); ++i) {
      out.source += (i == 0 ? " " : ".") + std::to_string(integer(version->numbers[i], "version"));
    }
  }
  const auto& learner = member(root, "learner", "the file");
  read_head(learner, out);
  const auto& booster = member(learner, "gradient_booster", "the model");
  const auto& name = member(booster, "name", "the booster").text;
  if (name == "dart") {
    const auto& weights = numbers(booster, "weight_drop", "the booster");
    read_trees(member(booster, "gbtree", "the booster"), weights, out);
  } else if (name == "gbtree") {
    read_trees(booster, {}, out);
  } else {
    refuse("the booster \"" + name.substr(0, 64) + "\" is not an ensemble of trees");
  }
  return out;
}

bool looks_like_json(std::string_view bytes) {
  const auto second = bytes.find_first_not_of(" \r\n\t", 1);
  return second == std::string_view::npos || bytes[second] == '"' || bytes[second] == '}';
}

} // namespace

result<ensemble> load_xgboost(std::string_view bytes, const limits& l) {
  if (bytes.size() > l.bytes_max) {
    return error{errc::too_large, "the model file is larger than " + std::to_string(l.bytes_max) + " bytes"};
  }
  if (!bytes.starts_with('{')) {
    return invalid_input("not an XGBoost JSON or UBJ model; save the booster as .json or .ubj");
  }
  auto parsed = looks_like_json(bytes) ? parse_json(bytes) : parse_ubj(bytes);
  if (parsed.has_error()) {
    return parsed.error();
  }
  try {
    return finish(read(*parsed), l);
  } catch (const refusal& r) {
    return invalid_input("not a usable XGBoost model: " + r.message);
  }
}

} // namespace pricing::forest
