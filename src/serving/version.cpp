#include "serving/version.hpp"

#include "core/log.hpp"
#include "forest/model_file.hpp"

#include <boost/json/string.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>

namespace pricing::serving {
namespace {

using steady = std::chrono::steady_clock;

// What a stranger's file may ask of the memory.
constexpr std::size_t nodes_max = std::size_t{1} << 23;

std::string_view name_of(forest::link l) {
  static constexpr std::array<std::string_view, 8> names = {"identity",      "sigmoid", "exponential", "softmax",
                                                            "largest_class", "step",    "log1p_exp",   "signed_square"};
  const auto i = static_cast<std::size_t>(l);
  return i < names.size() ? names[i] : "other";
}

template <class F>
double best_of_three_us(F call) {
  double best = std::numeric_limits<double>::max();
  for (int i = 0; i < 3; ++i) {
    const auto from = steady::now();
    call();
    best = std::min(best, std::chrono::duration<double, std::micro>(steady::now() - from).count());
  }
  return best;
}

} // namespace

served_version::served_version(manifest m, forest::forest f) : about(std::move(m)), trees(std::move(f)) {
  const auto& names = trees.model().feature_names;
  for (std::size_t i = 0; i < names.size() && i < trees.features(); ++i)
    feature_at.emplace(names[i], i);
}

result<forest::ensemble> read_trees(std::string_view bytes, std::uint64_t bytes_max) {
  forest::limits limits;
  limits.bytes_max = static_cast<std::size_t>(bytes_max);
  limits.nodes_max = nodes_max;
  return forest::load_model(bytes, limits);
}

result<forest::forest> load_trees(std::string_view bytes, std::uint64_t bytes_max) {
  auto read = read_trees(bytes, bytes_max);
  if (!read)
    return read.error();
  return forest::forest::build(std::move(*read));
}

const forest::gpu::library* find_gpu(const config& c) {
  if (c.gpu_library.empty())
    return nullptr;
  const auto found = forest::load_gpu_library(c.gpu_library);
  if (found)
    return *found;
  log::info("the processor answers alone", {{"reason", boost::json::string(found.error().message)}});
  return nullptr;
}

void use_gpu(forest::forest& trees, const forest::gpu::library* gpu, const config& c, const std::string& model) {
  if (!gpu)
    return;
  forest::gpu_options options;
  options.rows_min = c.gpu_rows_min;
  options.failed = [model](const std::string& why) {
    log::error("the GPU failed; the processor answers from now on",
               {{"model", boost::json::string(model)}, {"reason", boost::json::string(why)}});
  };
  const auto use = trees.use_gpu(*gpu, options);
  if (!use) {
    log::warning("the processor answers for a model alone",
                 {{"model", boost::json::string(model)}, {"reason", boost::json::string(use.error().message)}});
    return;
  }
  const auto from = [](std::size_t rows) {
    return rows == forest::gpu_rows_never ? boost::json::value() : boost::json::value(rows);
  };
  log::info("a GPU helps with a model", {{"model", boost::json::string(model)},
                                         {"device", boost::json::string(use->device)},
                                         {"predicts_from_rows", from(use->margin_rows_min)},
                                         {"explains_from_rows", from(use->contribution_rows_min)}});
}

void describe_trees(manifest& m, const forest::forest& trees) {
  m.format = trees.model().source;
  m.output = name_of(trees.model().output);
  m.features = static_cast<std::int64_t>(trees.features());
  m.outputs = static_cast<std::int64_t>(trees.outputs());
  m.groups = static_cast<std::int64_t>(trees.groups());
  m.trees = static_cast<std::int64_t>(trees.trees());
  m.feature_names = trees.model().feature_names;
}

void warm_up(served_version& v) {
  inference_request made_up{.rows = 1, .columns = v.trees.features()};
  for (std::size_t i = 0; i < made_up.columns; ++i)
    made_up.values.push_back(static_cast<float>(i % 7) * 0.37F - 1);
  v.row_us = best_of_three_us([&] { infer(v, made_up).value(); });
  inference_request together = made_up;
  together.rows = 32;
  for (std::size_t i = 1; i < together.rows; ++i)
    together.values.insert(together.values.end(), made_up.values.begin(), made_up.values.end());
  const double together_us = best_of_three_us([&] { infer(v, together).value(); });
  // Joining costs about half a microsecond.
  v.batches = v.row_us > 1 && together_us < v.row_us * static_cast<double>(together.rows) / 2;
  made_up.outputs = contributions_output;
  v.explains = infer(v, made_up).has_value();
  if (v.explains)
    v.explained_row_us = best_of_three_us([&] { infer(v, made_up).value(); });
}

double estimated_us(const served_version& v, const inference_request& r) {
  const double row = (r.outputs & contributions_output) != 0 ? v.explained_row_us : v.row_us;
  return row * static_cast<double>(r.rows);
}

result<void> fit_columns(const served_version& v, inference_request& r) {
  const std::size_t features = v.trees.features();
  if (r.names.size() == 1 && r.columns > 1) { // a flat input: rows of the feature it names, or one row
    if (v.feature_at.contains(r.names.front()))
      r.rows = std::exchange(r.columns, 1);
    else
      r.names.clear();
  }
  if (r.names.size() == 1 && features == 1)
    r.names.clear();
  if (r.rows == 0)
    return invalid_input("there are no rows");
  if (r.names.empty()) {
    if (r.columns == features)
      return {};
    return invalid_input("model '" + v.about.name + "' version " + std::to_string(v.about.version) + " has " +
                         std::to_string(features) + " features, the rows have " + std::to_string(r.columns));
  }
  std::vector<std::size_t> to;
  std::vector<bool> taken(features);
  for (const auto& name : r.names) {
    const auto found = v.feature_at.find(name);
    if (found == v.feature_at.end())
      return invalid_input(v.feature_at.empty() ? "model '" + v.about.name + "' has no feature names: send one input " +
                                                      "[rows, " + std::to_string(features) + "] or plain rows"
                                                : "model '" + v.about.name + "' has no feature '" + name + "'");
    if (taken[found->second])
      return invalid_input("feature '" + name + "' is given twice");
    taken[found->second] = true;
    to.push_back(found->second);
  }
  std::vector<float> fitted(r.rows * features, std::numeric_limits<float>::quiet_NaN());
  for (std::size_t row = 0; row < r.rows; ++row)
    for (std::size_t c = 0; c < r.columns; ++c)
      fitted[row * features + to[c]] = r.values[row * r.columns + c];
  r.values = std::move(fitted);
  r.columns = features;
  r.names.clear();
  return {};
}

result<inference> infer(const served_version& v, const inference_request& r) {
  const forest::rows x{r.values.data(), r.rows, r.columns};
  inference out;
  out.rows = r.rows;
  if ((r.outputs & predict_output) != 0) {
    out.predict.resize(r.rows * v.trees.outputs());
    if (const auto done = v.trees.predict(x, out.predict); !done)
      return done.error();
  }
  if ((r.outputs & margin_output) != 0) {
    out.margin.resize(r.rows * v.trees.groups());
    if (const auto done = v.trees.margins(x, out.margin); !done)
      return done.error();
  }
  if ((r.outputs & contributions_output) != 0) {
    if (!v.explains)
      return conflict("the file of model '" + v.about.name + "' does not say how many rows reached each node, " +
                      "so contributions cannot be told");
    out.contributions.resize(r.rows * v.trees.groups() * (r.columns + 1));
    if (const auto done = v.trees.contributions(x, out.contributions); !done)
      return done.error();
  }
  return out;
}

} // namespace pricing::serving
