#include "models/comparison.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <span>
#include <tuple>

namespace pricing::models {
namespace {

enum class better : std::uint8_t { lower, higher, nearer, neither };

struct figure_kind {
  const char* name;
  const char* label;
  const char* unit;
  better is = better::neither;
  double target = 0; // of `nearer`
};

constexpr std::array<figure_kind, 19> figure_kinds{{
    {"low_ours", "Typical error, to the lowest bid", "share", better::lower},
    {"median_ours", "Typical error, to the middle bid", "share", better::lower},
    {"within_20_ours", "Lines within ± 20 % of the lowest bid", "share", better::higher},
    {"totals_10_ours", "Proposals within ± 10 % of the lowest total", "share", better::higher},
    {"typical_error", "Typical error of a part's cost", "share", better::lower},
    {"rmsle", "Root mean square log error", "number", better::lower},
    {"coverage_90", "90 % interval covers", "share", better::nearer, 0.9},
    {"coverage_90_worst_band", "90 % interval covers, worst group", "share", better::nearer, 0.9},
    {"coverage_50", "50 % interval covers", "share", better::nearer, 0.5},
    {"log_width_90", "Width of the 90 % interval (log)", "number", better::lower},
    {"interval_score_90", "Interval score, 90 %", "number", better::lower},
    {"lines", "Lines tested on", "count"},
    {"events", "Events tested on", "count"},
    {"tested_quotes", "Quotes tested on", "count"},
    {"trained_lines", "Lines learned from", "count"},
    {"quotes", "Quotes learned from", "count"},
    {"parts", "Parts learned from", "count"},
    {"train_s", "Training took", "seconds"},
    {"rmsle_usual", "Root mean square log error of the usual cost", "number"},
}};

struct guess {
  const char* suffix; // of a metric's name
  const char* label;
};
constexpr std::array<guess, 4> guesses{{{"_estimate", "own estimate"},
                                        {"_last_price", "last price"},
                                        {"_trailing_median", "trailing median"},
                                        {"_kernel_median", "weighted median"}}};

std::optional<std::string> best_of(std::optional<double> left, std::optional<double> right, better is, double target) {
  if (!left || !right || is == better::neither)
    return std::nullopt;
  double l = *left, r = *right; // the lower is better
  if (is == better::higher)
    l = -l, r = -r;
  else if (is == better::nearer)
    l = std::abs(l - target), r = std::abs(r - target);
  // Figures pass through JSON as decimal text, so that equal ones may differ in the last bits.
  if (std::abs(l - r) <= 1e-12)
    return "equal";
  return l < r ? "left" : "right";
}

compared_figure figure_of(const figure_kind& kind, std::optional<double> left, std::optional<double> right) {
  compared_figure out{kind.name, kind.label, kind.unit, false, left, right, {}, {}};
  if (left && right)
    out.difference = *right - *left;
  out.best = best_of(left, right, kind.is, kind.target);
  return out;
}

// "low_last_price": what a simpler way to guess reaches on the same lines. nullopt for anything else.
std::optional<compared_figure> baseline_of(std::string_view name, std::optional<double> left,
                                           std::optional<double> right) {
  for (const auto& g : guesses) {
    if (!name.ends_with(g.suffix))
      continue;
    const std::string ours = std::string(name.substr(0, name.size() - std::string_view(g.suffix).size())) + "_ours";
    const auto kind = std::ranges::find(figure_kinds, ours, [](const figure_kind& k) { return std::string(k.name); });
    if (kind == figure_kinds.end())
      continue;
    auto out = figure_of({kind->name, kind->label, kind->unit}, left, right);
    out.name = name;
    out.label = fmt::format("{}, {}", kind->label, g.label);
    out.baseline = true;
    return out;
  }
  return std::nullopt;
}

std::vector<compared_figure> figures_of(const boost::json::value& left, const boost::json::value& right) {
  std::set<std::string, std::less<>> rest;
  for (const auto* metrics : {left.if_object(), right.if_object()})
    if (metrics)
      for (const auto& [name, value] : *metrics)
        if (value.is_number())
          rest.emplace(name);
  std::vector<compared_figure> out;
  for (const auto& kind : figure_kinds)
    if (rest.erase(kind.name) > 0) {
      out.push_back(figure_of(kind, number_at(left, kind.name), number_at(right, kind.name)));
      out.back().baseline = std::string_view(kind.name) == "rmsle_usual";
    }
  std::vector<compared_figure> baselines, unknown;
  for (const auto& name : rest) {
    const auto l = number_at(left, name), r = number_at(right, name);
    if (auto baseline = baseline_of(name, l, r))
      baselines.push_back(std::move(*baseline));
    else
      unknown.push_back(figure_of({name.c_str(), name.c_str(), "number"}, l, r));
  }
  std::ranges::move(unknown, std::back_inserter(out));
  std::ranges::move(baselines, std::back_inserter(out));
  return out;
}

std::vector<compared_category> categories_of(const boost::json::value& left, const boost::json::value& right) {
  std::map<std::string, compared_category, std::less<>> by_name;
  const auto take = [&](const boost::json::value& metrics, auto put) {
    const auto* members = metrics.if_object();
    const auto* all = members ? members->if_contains("categories") : nullptr;
    const auto* list = all ? all->if_array() : nullptr;
    if (!list)
      return;
    for (const auto& one : *list) {
      const auto* object = one.if_object();
      const auto* name = object ? object->if_contains("name") : nullptr;
      if (name && name->is_string()) {
        auto& row = by_name[std::string(name->get_string())];
        row.name = name->get_string();
        put(row, one);
      }
    }
  };
  take(left, [](compared_category& row, const boost::json::value& v) {
    row.left_lines = number_at(v, "lines");
    row.left_error = number_at(v, "mdape");
    row.left_coverage = number_at(v, "coverage");
  });
  take(right, [](compared_category& row, const boost::json::value& v) {
    row.right_lines = number_at(v, "lines");
    row.right_error = number_at(v, "mdape");
    row.right_coverage = number_at(v, "coverage");
  });
  std::vector<compared_category> out;
  for (auto& [name, row] : by_name) {
    row.best_error = best_of(row.left_error, row.right_error, better::lower, 0);
    row.best_coverage = best_of(row.left_coverage, row.right_coverage, better::nearer, 0.9);
    out.push_back(std::move(row));
  }
  std::ranges::stable_sort(out, std::greater(), [](const compared_category& c) {
    const double apart = c.left_error && c.right_error ? std::abs(*c.right_error - *c.left_error) : -1;
    return std::pair(apart, std::max(c.left_lines.value_or(0), c.right_lines.value_or(0)));
  });
  return out;
}

std::vector<compared_parameter> parameters_of(const boost::json::value& left, const boost::json::value& right) {
  std::map<std::string, compared_parameter, std::less<>> by_name;
  const auto take = [&](const boost::json::value& parameters, std::optional<std::string> compared_parameter::*side) {
    if (const auto* members = parameters.if_object())
      for (const auto& [name, value] : *members)
        // Numbers as people write them: Boost's own 1.2E-1 is none of theirs.
        by_name[std::string(name)].*side =
            value.is_double() ? fmt::format("{}", value.get_double()) : boost::json::serialize(value);
  };
  take(left, &compared_parameter::left);
  take(right, &compared_parameter::right);
  std::vector<compared_parameter> out;
  for (auto& [name, row] : by_name) {
    row.name = name;
    row.differs = row.left != row.right;
    out.push_back(std::move(row));
  }
  return out;
}

using feature_key = std::pair<std::string, std::string>; // name, kind

std::set<feature_key> keys_of(const boost::json::value& features) {
  std::set<feature_key> out;
  const auto* list = features.if_array();
  if (!list)
    return out;
  const auto text = [](const boost::json::value* v) {
    return v && v->is_string() ? std::string(v->get_string()) : std::string();
  };
  for (const auto& one : *list)
    if (const auto* object = one.if_object())
      out.emplace(text(object->if_contains("name")), text(object->if_contains("kind")));
    else
      out.emplace(text(&one), "");
  std::erase_if(out, [](const feature_key& k) { return k.first.empty(); });
  return out;
}

compared_features features_of(const boost::json::value& left, const boost::json::value& right) {
  auto l = keys_of(left), r = keys_of(right);
  compared_features out;
  out.known = !l.empty() && !r.empty();
  if (!out.known)
    return out;
  // Kinds are younger than names: a version without them is compared by its names alone.
  const auto no_kinds = [](const std::set<feature_key>& all) {
    return std::ranges::all_of(all, [](const feature_key& k) { return k.second.empty(); });
  };
  if (no_kinds(l) != no_kinds(r)) {
    for (auto* all : {&l, &r}) {
      std::set<feature_key> names;
      for (const auto& k : *all)
        names.emplace(k.first, "");
      *all = std::move(names);
    }
  }
  const auto take = [&](const std::set<feature_key>& from, const std::set<feature_key>& other, bool in_other,
                        const char* change) {
    std::int64_t n = 0;
    for (const auto& [name, kind] : from)
      if (other.contains({name, kind}) == in_other) {
        ++n;
        out.list.push_back({name, kind, change, {}, {}});
      }
    return n;
  };
  out.added = take(r, l, false, "added");
  out.removed = take(l, r, false, "removed");
  out.kept = take(l, r, true, "kept");
  return out;
}

template <class T>
bool differ(const std::optional<T>& a, const std::optional<T>& b) {
  return a && b && *a != *b;
}

// Test lines follow from the data. With the same data, another number of them tells of another rule to choose them;
// with other data they may yet be the same, which nobody can tell from here.
std::optional<bool> same_tests(const model_record& left, const model_record& right) {
  const auto lines = [](const model_record& r) {
    const auto all = number_at(r.metrics, "lines");
    return all ? all : number_at(r.metrics, "tested_quotes");
  };
  if (differ(lines(left), lines(right)) || differ(left.tested_from, right.tested_from) ||
      differ(left.tested_to, right.tested_to) || differ(left.trained_until, right.trained_until))
    return false;
  if (!left.snapshot.empty() && left.snapshot == right.snapshot && lines(left) && lines(right))
    return true;
  return std::nullopt;
}

std::string percent(std::optional<double> share) {
  return share ? fmt::format("{:.1f} %", 100 * *share) : "not measured";
}

// As learn::beats_baselines decides it: the typical error, to the lowest bid and to the middle one.
std::string price_reason(const boost::json::value& metrics, bool accepted) {
  std::vector<std::string> lost;
  for (const auto& [measure, label] : {std::pair("low", "lowest"), std::pair("median", "middle")}) {
    const auto ours = number_at(metrics, fmt::format("{}_ours", measure));
    for (const auto& [who, name] :
         {std::pair("last_price", "the last price"), std::pair("trailing_median", "the trailing median")}) {
      const auto theirs = number_at(metrics, fmt::format("{}_{}", measure, who));
      if (!ours || !theirs)
        return "its figures against simpler ways to guess were not kept";
      if (!(*ours < *theirs))
        lost.push_back(fmt::format("its typical error to the {} bid, {}, is not below that of {}, {}", label,
                                   percent(ours), name, percent(theirs)));
    }
  }
  if (!accepted && !lost.empty())
    return fmt::format("{}", fmt::join(lost, "; "));
  return fmt::format("its typical error to the lowest bid is {}, that of the last price {} and of the trailing median "
                     "{}; to the middle bid {}, {} and {}",
                     percent(number_at(metrics, "low_ours")), percent(number_at(metrics, "low_last_price")),
                     percent(number_at(metrics, "low_trailing_median")), percent(number_at(metrics, "median_ours")),
                     percent(number_at(metrics, "median_last_price")),
                     percent(number_at(metrics, "median_trailing_median")));
}

std::string part_cost_reason(const boost::json::value& metrics) {
  const auto ours = number_at(metrics, "rmsle"), usual = number_at(metrics, "rmsle_usual");
  if (!ours || !usual || number_at(metrics, "tested_quotes").value_or(0) == 0)
    return "it could not be tested on parts that it had not seen";
  return fmt::format("on parts that it had not seen it is off by {:.3f} (root mean square of the log), the usual cost "
                     "by {:.3f}",
                     *ours, *usual);
}

compared_version described(model_kind kind, const model_record& r) {
  return {r.version,
          r.state,
          r.created_at,
          r.promoted_at,
          r.trained_until,
          r.tested_from,
          r.tested_to,
          r.snapshot,
          kind == model_kind::uploaded ? "" : why_in_use(kind, r),
          {},
          {},
          {}};
}

} // namespace

void order_features(compared_features& features) {
  std::ranges::stable_sort(features.list, std::less(), [](const compared_feature& f) {
    const auto of = [](const std::optional<feature_use>& use) {
      return use ? std::pair(use->gain.value_or(0), use->splits) : std::pair(0.0, std::int64_t{0});
    };
    const auto used = std::max(of(f.left), of(f.right));
    return std::tuple(f.change, -used.first, -used.second); // "added" < "kept" < "removed": kept ones go last below
  });
  std::stable_partition(features.list.begin(), features.list.end(),
                        [](const compared_feature& f) { return f.change != "kept"; });
  if (features.list.size() > features_listed_max)
    features.list.resize(features_listed_max);
}

std::string_view label_of(std::string_view metric) {
  const auto known =
      std::ranges::find(figure_kinds, metric, [](const figure_kind& k) { return std::string_view(k.name); });
  return known == figure_kinds.end() ? metric : known->label;
}

std::optional<double> number_at(const boost::json::value& object, std::string_view name) {
  const auto* members = object.if_object();
  const auto* value = members ? members->if_contains(name) : nullptr;
  return value && value->is_number() ? std::optional(value->to_number<double>()) : std::nullopt;
}

std::optional<std::string> better_side(std::optional<double> left, std::optional<double> right, bool higher_is_better) {
  return best_of(left, right, higher_is_better ? better::higher : better::lower, 0);
}

std::string why_in_use(model_kind kind, const model_record& version) {
  const bool accepted = version.state == "promoted" || version.state == "retired";
  const std::string reason =
      kind == model_kind::price ? price_reason(version.metrics, accepted) : part_cost_reason(version.metrics);
  if (version.state == "promoted")
    return "In use: " + reason;
  if (version.state == "retired")
    return "Was in use until a newer one was: " + reason;
  if (version.state == "rejected")
    return "Not taken: " + reason;
  return "Not decided yet: " + reason;
}

model_comparison compare_versions(model_kind kind, const model_record& left, const model_record& right) {
  static constexpr std::array<const char*, 3> names = {"price", "part-cost", ""}; // of model_kind
  model_comparison out{names.at(static_cast<std::size_t>(kind)),
                       described(kind, left),
                       described(kind, right),
                       !left.snapshot.empty() && left.snapshot == right.snapshot,
                       same_tests(left, right),
                       figures_of(left.metrics, right.metrics),
                       categories_of(left.metrics, right.metrics),
                       parameters_of(left.parameters, right.parameters),
                       features_of(left.features, right.features),
                       {}};
  if (kind != model_kind::uploaded)
    order_features(out.features);
  return out;
}

} // namespace pricing::models
