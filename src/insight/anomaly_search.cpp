#include "insight/anomaly_search.hpp"

#include <algorithm>
#include <cmath>

namespace pricing::insight {
namespace {

constexpr std::size_t others_min = 2'000; // rows of other lines that make a reference
constexpr std::size_t reasons_shown = 4;
constexpr double own_share_min = 0.5; // of the evidence that lies in price and quantity

struct feature_table {
  std::vector<float> values;
  std::size_t rows() const { return values.size() / price_features; }
  forest::rows view() const { return {values.data(), rows(), price_features}; }
  std::span<float> add() {
    values.resize(values.size() + price_features);
    return std::span(values).last(price_features);
  }
};

// Ordinary offers of the newest years on lines that are (not) examined, drawn evenly.
feature_table draw_reference(const price_context& context, const std::vector<bool>& is_examined, bool from_examined,
                             const search_options& o) {
  const auto& history = context.view().history();
  std::int32_t newest = 0;
  for (const auto& line : history.lines())
    newest = std::max(newest, line.day);
  const auto each = [&](auto take) {
    for (std::uint32_t l = 0; l < history.lines().size(); ++l) {
      const auto& line = history.lines()[l];
      if (is_examined[l] != from_examined || line.day < newest - o.reference_years * 366 ||
          std::isnan(context.expected(l)))
        continue;
      for (std::uint32_t i = line.first; i < line.first + line.count; ++i)
        if (is_offer(history.kind()[i]))
          take(l, i);
    }
  };
  std::size_t all = 0;
  each([&](std::uint32_t, std::uint32_t) { ++all; });
  const std::size_t step = std::max<std::size_t>(1, (all + o.reference_rows_max - 1) / o.reference_rows_max);
  feature_table out;
  std::size_t n = 0;
  std::array<float, price_features> row{};
  each([&](std::uint32_t l, std::uint32_t i) {
    if (n++ % step != 0)
      return;
    context.features(l, history.log_price()[i], history.supplier()[i], row);
    if (std::abs(row[static_cast<std::size_t>(price_feature::price_z)]) <= o.ordinary_z_max)
      std::ranges::copy(row, out.add().begin());
  });
  return out;
}

std::optional<double> known(float value) {
  return std::isnan(value) ? std::nullopt : std::optional<double>(value);
}

// Ratio and spread say the same of a price; people read the ratio first.
std::vector<anomaly_reason> to_reasons(const std::vector<learn::anomaly_reason>& found) {
  std::vector<anomaly_reason> out;
  for (const auto& r : found) {
    if (out.size() == reasons_shown)
      break;
    out.push_back({price_feature_names[r.feature], in_words(static_cast<price_feature>(r.feature), r.value, r.typical),
                   r.share, known(r.value), known(r.typical)});
  }
  const auto named = [&](price_feature f) {
    return std::ranges::find(out, price_feature_names[static_cast<std::size_t>(f)], &anomaly_reason::feature);
  };
  const auto spread = named(price_feature::price_z), ratio = named(price_feature::price_ratio);
  if (ratio != out.end() && spread < ratio)
    std::rotate(spread, ratio, ratio + 1);
  return out;
}

bool lies_in_price_or_quantity(const std::vector<learn::anomaly_reason>& reasons) {
  double share = 0;
  for (const auto& r : reasons)
    if (r.feature <= static_cast<std::size_t>(price_feature::quantity))
      share += r.share;
  return share >= own_share_min;
}

} // namespace

search_report find_strange_prices(const price_context& context, std::span<const examined_price> prices,
                                  const search_options& o) {
  search_report out;
  feature_table rows;
  std::vector<std::size_t> row_of;
  std::vector<learn::row_money> money;
  std::vector<bool> is_examined(context.view().history().lines().size());
  for (std::size_t i = 0; i < prices.size(); ++i) {
    const auto& p = prices[i];
    is_examined[p.line] = true;
    if (std::isnan(context.expected(p.line))) {
      ++out.left_out;
      continue;
    }
    context.features(p.line, static_cast<float>(std::log(p.price)), p.supplier, rows.add());
    money.push_back({p.price, std::exp(static_cast<double>(context.expected(p.line))), p.quantity});
    row_of.push_back(i);
  }
  out.examined = rows.rows();
  if (out.examined == 0) {
    out.why_not = "no price of this load has an earlier one of the same item to compare with";
    return out;
  }
  auto reference = draw_reference(context, is_examined, false, o);
  if (reference.rows() < std::min(others_min, 2 * out.examined))
    reference = draw_reference(context, is_examined, true, o);
  out.reference = reference.rows();
  learn::anomaly_options options;
  options.false_discovery_rate = o.false_discovery_rate;
  options.z_feature = static_cast<std::size_t>(price_feature::price_z);
  options.reasons_max = price_features;
  options.isolation.trees = 100;
  const auto detector = learn::anomaly_detector::fit(reference.view(), price_features, options);
  if (!detector) {
    out.why_not = "there are too few earlier prices to say what is usual";
    out.examined = 0;
    return out;
  }
  const auto report = detector->examine(rows.view(), money);
  if (!report) {
    out.why_not = report.error().message;
    return out;
  }
  for (const auto& a : report->anomalies) {
    if (out.found.size() == o.found_max)
      break;
    if (!lies_in_price_or_quantity(a.reasons))
      continue;
    const float* row = rows.values.data() + a.row * price_features;
    out.found.push_back({row_of[a.row], money[a.row].expected, a.excess.value_or(0), detector->score(row), a.evidence.p,
                         a.evidence.q, to_reasons(a.reasons)});
  }
  return out;
}

} // namespace pricing::insight
