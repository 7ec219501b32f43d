#include "models/version_comparison.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace pricing::models {
namespace {

namespace json = boost::json;

struct figure_kind {
  const char* name;
  const char* label;
  bool is_share;
  metric_goal goal;
  double target;
};

// Of the price model (training.hpp), the most telling first.
constexpr std::array price_figures{
    figure_kind{"low_ours", "Typical error, to the lowest bid", true, metric_goal::lower, 0},
    figure_kind{"median_ours", "Typical error, to the middle bid", true, metric_goal::lower, 0},
    figure_kind{"within_20_ours", "Lines within ± 20 % of the lowest bid", true, metric_goal::higher, 0},
    figure_kind{"totals_10_ours", "Proposals within ± 10 % of the lowest total", true, metric_goal::higher, 0},
    figure_kind{"coverage_90", "90 % interval covers", true, metric_goal::target, 0.9},
    figure_kind{"coverage_90_worst_band", "90 % interval covers, worst quantity band", true, metric_goal::target, 0.9},
    figure_kind{"coverage_50", "50 % interval covers", true, metric_goal::target, 0.5},
    figure_kind{"interval_score_90", "Score of the 90 % interval", false, metric_goal::lower, 0},
    figure_kind{"log_width_90", "Width of the 90 % interval, log price", false, metric_goal::none, 0},
};
// Each version against the simple guess on its own test lines: fair also where these lines are not the same.
constexpr figure_kind against_trailing{
    "low_against_trailing_median", "Typical error as a share of the trailing median's", true, metric_goal::lower, 0};
constexpr figure_kind category_error{"mdape", "Typical error, to the lowest bid", true, metric_goal::lower, 0};
constexpr figure_kind category_coverage{"coverage", "90 % interval covers", true, metric_goal::target, 0.9};

const json::value* member(const json::value& in, std::string_view name) {
  const auto* object = in.if_object();
  return object ? object->if_contains(name) : nullptr;
}

std::optional<double> number(const json::value& in, std::string_view name) {
  const auto* found = member(in, name);
  return found && found->is_number() ? std::optional(found->to_number<double>()) : std::nullopt;
}

// Equal figures are often a rounding apart: they went through decimal text.
better_side side_of(double left_loss, double right_loss) {
  if (std::abs(left_loss - right_loss) <= 1e-9 * std::max(std::abs(left_loss), std::abs(right_loss)))
    return better_side::neither;
  return left_loss < right_loss ? better_side::left : better_side::right;
}

metric_difference compare(const figure_kind& kind, std::optional<double> left, std::optional<double> right) {
  metric_difference out{.name = kind.name,
                        .label = kind.label,
                        .is_share = kind.is_share,
                        .goal = kind.goal,
                        .left = left,
                        .right = right};
  if (kind.goal == metric_goal::target)
    out.target = kind.target;
  if (!left || !right)
    return out;
  out.difference = *right - *left;
  const auto loss = [&](double v) {
    return kind.goal == metric_goal::higher ? -v : kind.goal == metric_goal::target ? std::abs(v - kind.target) : v;
  };
  if (kind.goal != metric_goal::none)
    out.better = side_of(loss(*left), loss(*right));
  return out;
}

std::optional<double> share_of_trailing(const json::value& metrics) {
  const auto ours = number(metrics, "low_ours");
  const auto theirs = number(metrics, "low_trailing_median");
  return ours && theirs && *theirs > 0 ? std::optional(*ours / *theirs) : std::nullopt;
}

// Names that people give the figures of their own models, as words between underscores.
figure_kind kind_of(const std::string& name) {
  static const std::set<std::string, std::less<>> errors{"error", "mdape", "mape",    "smape", "mae",  "rmse",
                                                         "rmsle", "mse",   "logloss", "loss",  "brier"};
  static const std::set<std::string, std::less<>> scores{"accuracy", "auc", "f1", "precision", "recall", "r2"};
  figure_kind out{name.c_str(), name.c_str(), false, metric_goal::none, 0};
  for (std::size_t at = 0; at <= name.size();) {
    const std::size_t end = std::min(name.find('_', at), name.size());
    const std::string word = name.substr(at, end - at);
    if (errors.contains(word))
      out.goal = metric_goal::lower;
    else if (scores.contains(word))
      out.goal = metric_goal::higher;
    else if (word == "coverage")
      out.goal = metric_goal::target, out.target = name.find("50") != std::string::npos ? 0.5 : 0.9,
      out.is_share = true;
    at = end + 1;
  }
  return out;
}

std::vector<metric_difference> compare_price_metrics(const json::value& left, const json::value& right) {
  std::vector<metric_difference> out;
  for (const auto& kind : price_figures) {
    const auto l = number(left, kind.name);
    const auto r = number(right, kind.name);
    if (l || r)
      out.push_back(compare(kind, l, r));
  }
  const auto l = share_of_trailing(left);
  const auto r = share_of_trailing(right);
  if (l || r)
    out.insert(out.begin() + std::min<std::ptrdiff_t>(1, std::ssize(out)), compare(against_trailing, l, r));
  return out;
}

std::set<std::string> names_in(const json::value& left, const json::value& right) {
  std::set<std::string> out;
  for (const auto* side : {left.if_object(), right.if_object()})
    if (side)
      for (const auto& [name, value] : *side)
        out.emplace(name);
  return out;
}

std::vector<metric_difference> compare_any_metrics(const json::value& left, const json::value& right) {
  std::vector<metric_difference> out;
  for (const auto& name : names_in(left, right)) {
    const auto l = number(left, name);
    const auto r = number(right, name);
    if (l || r)
      out.push_back(compare(kind_of(name), l, r));
  }
  // Figures that judge first.
  std::ranges::stable_partition(out, [](const metric_difference& m) { return m.goal != metric_goal::none; });
  return out;
}

const json::value* category(const json::value& metrics, std::string_view name) {
  const auto* all = member(metrics, "categories");
  if (all && all->is_array())
    for (const auto& c : all->get_array())
      if (const auto* is = member(c, "name"); is && is->is_string() && is->get_string() == name)
        return &c;
  return nullptr;
}

std::vector<std::string> category_names(const json::value& metrics) {
  std::vector<std::string> out;
  const auto* all = member(metrics, "categories");
  if (all && all->is_array())
    for (const auto& c : all->get_array())
      if (const auto* name = member(c, "name"); name && name->is_string())
        out.emplace_back(name->get_string());
  return out;
}

std::int64_t count(const json::value& in, std::string_view name) {
  return static_cast<std::int64_t>(number(in, name).value_or(0));
}

void compare_categories(version_comparison& out, const json::value& left, const json::value& right) {
  for (auto& name : category_names(left)) {
    const auto& l = *category(left, name);
    const auto* r = category(right, name);
    if (!r) {
      out.categories_only_left.push_back(std::move(name));
      continue;
    }
    out.categories.push_back({name, count(l, "lines"), count(*r, "lines"),
                              compare(category_error, number(l, "mdape"), number(*r, "mdape")),
                              compare(category_coverage, number(l, "coverage"), number(*r, "coverage"))});
  }
  for (auto& name : category_names(right))
    if (!category(left, name))
      out.categories_only_right.push_back(std::move(name));
  const auto size = [](const category_difference& c) {
    return std::pair(std::abs(c.mdape.difference.value_or(0)), std::abs(c.coverage.difference.value_or(0)));
  };
  std::ranges::stable_sort(out.categories, std::greater(), size);
}

void compare_parameters(version_comparison& out, const json::value& left, const json::value& right) {
  const auto value = [](const json::value& in, const std::string& name) {
    const auto* found = member(in, name);
    return found ? *found : json::value();
  };
  for (const auto& name : names_in(left, right)) {
    auto l = value(left, name);
    auto r = value(right, name);
    if (l == r)
      ++out.same_parameters;
    else
      out.parameters.push_back({name, std::move(l), std::move(r)});
  }
}

feature_difference compare_features(const version_facts& left, const version_facts& right) {
  feature_difference out{.left_count = left.features, .right_count = right.features};
  const auto missing_in = [](const version_facts& from, const version_facts& in) {
    std::vector<std::string> names;
    for (const auto& name : from.feature_names)
      if (std::ranges::find(in.feature_names, name) == in.feature_names.end())
        names.push_back(name);
    return names;
  };
  if (left.features && right.features)
    out.same = *left.features == *right.features;
  if (left.feature_names.empty() || right.feature_names.empty())
    return out;
  out.only_left = missing_in(left, right);
  out.only_right = missing_in(right, left);
  out.same = left.feature_names == right.feature_names;
  out.reordered = !*out.same && out.only_left.empty() && out.only_right.empty();
  return out;
}

std::string days_of(const version_facts& v) {
  const std::string lines = v.tested_lines ? std::to_string(*v.tested_lines) + " lines" : std::string("lines");
  if (!v.tested_from || !v.tested_until)
    return lines + " of unknown days";
  return lines + " of " + to_string(*v.tested_from) + " to " + to_string(*v.tested_until);
}

template <class T>
bool differ(const std::optional<T>& a, const std::optional<T>& b) {
  return a && b && *a != *b;
}

// Test lines follow from the data and its last day. With the same data, another number of them tells of another rule;
// with other data they may be the same, which nobody can tell from here.
void judge_test_lines(version_comparison& out) {
  const auto& l = out.left;
  const auto& r = out.right;
  if (!l.snapshot.empty() && !r.snapshot.empty())
    out.same_data = l.snapshot == r.snapshot;
  if (differ(l.tested_from, r.tested_from) || differ(l.tested_until, r.tested_until) ||
      differ(l.tested_lines, r.tested_lines))
    out.same_test_lines = false;
  else if (out.same_data == true && l.tested_until && r.tested_until && l.tested_lines && r.tested_lines)
    out.same_test_lines = true;
  out.like_for_like = out.same_test_lines == true;
  static const std::string so = " Differences may come from the test lines as well as from the models.";
  if (out.like_for_like)
    out.test_lines = "Both were tested on the same " + days_of(l) + ".";
  else if (out.same_test_lines)
    out.test_lines = "Not like for like: the left version was tested on " + days_of(l) + ", the right one on " +
                     days_of(r) + "." + so;
  else if (out.same_data == false)
    out.test_lines =
        "Not like for like: the versions learned from different data, and their test lines may differ." + so;
  else
    out.test_lines = "Not known to be like for like: what lines tested each version is not recorded." + so;
}

} // namespace

version_comparison compare_versions(std::string model, const described_version& left, const described_version& right) {
  version_comparison out{.model = std::move(model), .left = left.facts, .right = right.facts};
  judge_test_lines(out);
  out.metrics = out.model == price_model_name ? compare_price_metrics(left.metrics, right.metrics)
                                              : compare_any_metrics(left.metrics, right.metrics);
  compare_categories(out, left.metrics, right.metrics);
  compare_parameters(out, left.parameters, right.parameters);
  out.features = compare_features(left.facts, right.facts);
  return out;
}

} // namespace pricing::models
