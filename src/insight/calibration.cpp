#include "insight/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace pricing::insight {
namespace {

struct size_band {
  const char* name;
  double log_ratio_max; // of quantity to the usual one
};
constexpr std::array<size_band, 5> size_bands{{{"less than a quarter of the usual", -1.3863},
                                               {"smaller than usual", -0.4055},
                                               {"usual quantity", 0.4055},
                                               {"larger than usual", 1.3863},
                                               {"more than four times the usual", 1e9}}};

class coverage {
 public:
  void add(const tested_price& t) {
    bids_ += 1;
    inside_90_ += t.inside_90;
    inside_50_ += t.inside_50;
    errors_.push_back(std::abs(std::expm1(t.log_price - t.log_predicted)));
  }
  std::int64_t bids() const { return bids_; }
  coverage_row finish(std::string name) {
    if (bids_ == 0)
      return {std::move(name)};
    const auto middle = errors_.begin() + static_cast<std::ptrdiff_t>(errors_.size() / 2);
    std::nth_element(errors_.begin(), middle, errors_.end());
    const auto n = static_cast<double>(bids_);
    return {std::move(name), bids_, static_cast<double>(inside_90_) / n, static_cast<double>(inside_50_) / n, *middle};
  }

 private:
  std::int64_t bids_ = 0, inside_90_ = 0, inside_50_ = 0;
  std::vector<float> errors_;
};

std::vector<coverage_row> of_sizes(const price_context& context, const tested_prices& tested) {
  std::array<coverage, size_bands.size()> bands;
  for (const auto& t : tested.prices) {
    const float ratio = context.quantity_ratio(t.line);
    if (std::isnan(ratio))
      continue;
    const auto band = std::ranges::find_if(size_bands, [&](const size_band& b) { return ratio <= b.log_ratio_max; });
    bands[static_cast<std::size_t>(band - size_bands.begin())].add(t);
  }
  std::vector<coverage_row> out;
  for (std::size_t b = 0; b < bands.size(); ++b)
    if (bands[b].bids() >= bids_for_coverage)
      out.push_back(bands[b].finish(size_bands[b].name));
  return out;
}

std::vector<coverage_row> of_categories(const price_context& context, const tested_prices& tested) {
  const auto& view = context.view();
  std::map<std::uint32_t, coverage> groups;
  for (const auto& t : tested.prices)
    groups[view.category_of(view.history().lines()[t.line].item)].add(t);
  std::vector<coverage_row> out;
  for (auto& [category, group] : groups)
    if (const auto name = view.category_name(category); group.bids() >= bids_for_coverage && !name.empty())
      out.push_back(group.finish(name));
  std::ranges::stable_sort(out, std::greater(), &coverage_row::bids);
  out.resize(std::min(out.size(), categories_shown));
  return out;
}

std::vector<reliability_point> reliability_of(const tested_prices& tested) {
  std::vector<float> central;
  for (const auto& t : tested.prices)
    if (!std::isnan(t.central))
      central.push_back(t.central);
  if (static_cast<std::int64_t>(central.size()) < bids_for_coverage)
    return {};
  std::ranges::sort(central);
  std::vector<reliability_point> out;
  for (const double nominal : {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95}) {
    const auto inside = std::ranges::upper_bound(central, static_cast<float>(nominal)) - central.begin();
    out.push_back({nominal, static_cast<double>(inside) / static_cast<double>(central.size())});
  }
  return out;
}

std::vector<importance_row> importance_of(const tested_prices& tested) {
  double all = 0;
  for (const double r : tested.reasons)
    all += r;
  std::vector<importance_row> out;
  for (std::size_t g = 0; all > 0 && g < learn::reason_groups; ++g)
    out.push_back({learn::reason_names[g].name, learn::reason_names[g].label, tested.reasons[g] / all,
                   std::expm1(tested.reasons[g])});
  std::ranges::stable_sort(out, std::greater(), &importance_row::share);
  return out;
}

} // namespace

calibration_report measure_calibration(const price_context& context, const tested_prices& tested, date from, date to) {
  coverage all;
  for (const auto& t : tested.prices)
    all.add(t);
  return {.tested_from = from,
          .tested_to = to,
          .lines = static_cast<std::int64_t>(tested.lines),
          .overall = all.finish("all"),
          .by_size = of_sizes(context, tested),
          .by_category = of_categories(context, tested),
          .reliability = reliability_of(tested),
          .importance = importance_of(tested)};
}

} // namespace pricing::insight
