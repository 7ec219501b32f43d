#include "models/uploaded_comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>

namespace pricing::models {
namespace {

const boost::json::value* member(const boost::json::value& object, std::string_view name) {
  const auto* members = object.if_object();
  return members ? members->if_contains(name) : nullptr;
}

std::string state_of(const uploaded_version& v, const serving::model_state& state) {
  const int version = v.about.version;
  if (state.current_version == version)
    return "promoted";
  if (state.challenger_version == version)
    return "challenger";
  if (state.shadow_version == version)
    return "shadow";
  return v.promotions.empty() ? "candidate" : "retired";
}

std::string why(const uploaded_version& v, const std::string& state, const serving::promotion_gate& gate) {
  const auto allowed = serving::may_be_promoted(v.about, gate);
  const std::string passed = gate.metric.empty() ? "no figure is asked for (serving.gate_metric)"
                             : allowed           ? fmt::format("its {} beats that of each baseline", gate.metric)
                                                 : allowed.error().message;
  if (state == "promoted")
    return "In use: somebody promoted it; " + passed;
  if (state == "challenger")
    return "Answers a share of the requests as the challenger; " + passed;
  if (state == "shadow")
    return "Answers the same requests as the version in use, for comparison only; " + passed;
  if (state == "retired")
    return v.promotions.front().undone_at ? "Was in use until it was rolled back"
                                          : "Was in use until another version was";
  return allowed ? "Nobody has promoted it; it may be: " + passed : "May not be promoted: " + passed;
}

// parameters, and the rest of the metadata that nothing else shows.
boost::json::object parameters_of(const boost::json::value& metadata) {
  static constexpr std::array<std::string_view, 4> shown = {"metrics", "baselines", "parameters", "snapshot"};
  boost::json::object out;
  if (const auto* members = metadata.if_object())
    for (const auto& [name, value] : *members)
      if (std::ranges::find(shown, std::string_view(name)) == shown.end())
        out[name] = value;
  if (const auto* parameters = member(metadata, "parameters"); parameters && parameters->is_object())
    for (const auto& [name, value] : parameters->get_object())
      out[name] = value;
  return out;
}

std::vector<std::string> names_of(const uploaded_version& v) {
  std::vector<std::string> out = v.about.feature_names;
  for (auto i = out.size(); i < v.trees.features.size(); ++i)
    out.push_back("f" + std::to_string(i));
  return out;
}

model_record record_of(const uploaded_version& v, const serving::model_state& state) {
  model_record out;
  out.version = std::to_string(v.about.version);
  out.state = state_of(v, state);
  out.created_at = v.about.created_at;
  if (!v.promotions.empty())
    out.promoted_at = v.promotions.front().at;
  if (const auto* snapshot = member(v.about.metadata, "snapshot"); snapshot && snapshot->is_string())
    out.snapshot = snapshot->get_string();
  if (const auto* metrics = member(v.about.metadata, "metrics"))
    out.metrics = *metrics;
  out.parameters = parameters_of(v.about.metadata);
  boost::json::array features;
  for (auto& name : names_of(v))
    features.emplace_back(std::move(name));
  out.features = std::move(features);
  return out;
}

void describe(compared_version& out, const uploaded_version& v, const serving::promotion_gate& gate) {
  const auto& m = v.about;
  out.why = why(v, out.state, gate);
  out.uploaded_by = v.uploaded_by;
  out.promotions = v.promotions;
  out.file = model_file{m.format,
                        m.output,
                        m.sha256,
                        m.bytes,
                        m.features,
                        m.outputs,
                        static_cast<std::int64_t>(v.trees.trees),
                        static_cast<std::int64_t>(v.trees.leaves),
                        static_cast<std::int64_t>(v.trees.depth_max),
                        v.trees.leaf_depth};
}

std::map<std::string, feature_use, std::less<>> uses_of(const uploaded_version& v) {
  const auto names = names_of(v);
  double all = 0;
  for (const auto& f : v.trees.features)
    all += std::max(0.0, f.gain);
  std::map<std::string, feature_use, std::less<>> out;
  for (std::size_t i = 0; i < v.trees.features.size(); ++i) {
    const auto& f = v.trees.features[i];
    auto& use = out[names[i]]; // of features of one name together
    use.splits += static_cast<std::int64_t>(f.splits);
    if (all > 0)
      use.gain = use.gain.value_or(0) + std::max(0.0, f.gain) / all;
  }
  return out;
}

void add_uses(compared_features& features, const uploaded_version& left, const uploaded_version& right) {
  const auto l = uses_of(left), r = uses_of(right);
  const auto in = [](const auto& uses, const std::string& name) {
    const auto at = uses.find(name);
    return at == uses.end() ? std::nullopt : std::optional(at->second);
  };
  for (auto& f : features.list) {
    f.left = in(l, f.name);
    f.right = in(r, f.name);
  }
}

// {"last_price": {"mdape": 0.31}} of both sides, by baseline and metric.
std::vector<compared_figure> baselines_of(const boost::json::value& left, const boost::json::value& right) {
  std::map<std::pair<std::string, std::string>, compared_figure> all;
  const auto take = [&](const boost::json::value& metadata, std::optional<double> compared_figure::*side) {
    const auto* baselines = member(metadata, "baselines");
    if (!baselines || !baselines->is_object())
      return;
    for (const auto& [who, figures] : baselines->get_object())
      if (const auto* members = figures.if_object())
        for (const auto& [metric, value] : *members)
          if (value.is_number())
            all[{std::string(metric), std::string(who)}].*side = value.to_number<double>();
  };
  take(left, &compared_figure::left);
  take(right, &compared_figure::right);
  std::vector<compared_figure> out;
  for (auto& [key, figure] : all) {
    const auto& [metric, who] = key;
    figure.name = fmt::format("{}.{}", who, metric);
    figure.label = fmt::format("{}, {}", label_of(metric), who);
    figure.unit = "number";
    figure.baseline = true;
    if (figure.left && figure.right)
      figure.difference = *figure.right - *figure.left;
    out.push_back(std::move(figure));
  }
  return out;
}

} // namespace

model_comparison compare_uploaded(const serving::model_state& state, const serving::promotion_gate& gate,
                                  const uploaded_version& left, const uploaded_version& right) {
  auto l = record_of(left, state), r = record_of(right, state);
  // Names of one side only say nothing of the other's columns.
  if (left.about.feature_names.empty() != right.about.feature_names.empty())
    l.features = nullptr;
  auto out = compare_versions(model_kind::uploaded, l, r);
  out.name = state.name;
  describe(out.left, left, gate);
  describe(out.right, right, gate);
  for (auto& figure : out.figures)
    if (figure.name == gate.metric)
      figure.best = better_side(figure.left, figure.right, gate.higher_is_better);
  std::ranges::move(baselines_of(left.about.metadata, right.about.metadata), std::back_inserter(out.figures));
  add_uses(out.features, left, right);
  order_features(out.features);
  return out;
}

} // namespace pricing::models
