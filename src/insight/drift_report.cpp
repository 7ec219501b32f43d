#include "insight/drift_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

namespace pricing::insight {
namespace {

using learn::drift_role;

enum class reading { ratio, share, count, code }; // how a mean is read: e^x − 1, x, e^x, none

struct column {
  const char* name;
  const char* label;
  drift_role role;
  reading read;
};
constexpr std::array<column, 10> columns{{
    {"price", "Price against what its item cost before", drift_role::target, reading::ratio},
    {"prediction", "Predicted price against what its item cost before", drift_role::prediction, reading::ratio},
    {"residual", "Price against the predicted one", drift_role::residual, reading::ratio},
    {"coverage", "Inside the 90 % interval", drift_role::coverage, reading::share},
    {"quantity", "Quantity against the item’s usual one", drift_role::feature, reading::ratio},
    {"event_money", "Size of the event", drift_role::feature, reading::count},
    {"event_share", "Line’s share of its event", drift_role::feature, reading::count},
    {"bidders", "Bidders", drift_role::feature, reading::count},
    {"age", "Days since the item’s price before", drift_role::feature, reading::count},
    {"category", "Mix of categories", drift_role::feature, reading::code},
}};
constexpr std::size_t groups_max = 10; // categories, those with most bids in the window
constexpr const char* everything = "all";

struct bid_row {
  std::int32_t day = 0;
  std::array<float, columns.size()> values{};
};

// The same for reference and window: of the name alone. Exact as a float.
float code_of(std::string_view category) {
  std::uint32_t h = 2166136261U;
  for (const char c : category)
    h = (h ^ static_cast<unsigned char>(c)) * 16777619U;
  return static_cast<float>(h % 65'536);
}

// Bids of everything and of each category.
class bid_groups {
 public:
  bid_groups(const price_context& context, const tested_prices& tested) {
    const auto& history = context.view().history();
    for (const auto& t : tested.prices) {
      const auto& line = history.lines()[t.line];
      const std::string& category = history.items()[line.item].category;
      const float expected = context.expected(t.line);
      const bid_row row{line.day,
                        {t.log_price - expected, t.log_predicted - expected, t.log_price - t.log_predicted,
                         t.inside_90 ? 1.0F : 0.0F, context.quantity_ratio(t.line), context.event_money(t.line),
                         context.event_share(t.line), context.bidders(t.line), context.age(t.line), code_of(category)}};
      groups_[everything].push_back(row);
      if (!category.empty())
        groups_[category].push_back(row);
    }
  }

  std::span<const bid_row> of(const std::string& group) const {
    const auto found = groups_.find(group);
    return found == groups_.end() ? std::span<const bid_row>() : std::span<const bid_row>(found->second);
  }
  std::vector<std::string> largest_categories() const {
    std::vector<std::pair<std::size_t, std::string>> sizes;
    for (const auto& [name, rows] : groups_)
      if (name != everything)
        sizes.emplace_back(rows.size(), name);
    std::ranges::sort(sizes, std::greater());
    std::vector<std::string> out;
    for (std::size_t i = 0; i < std::min(groups_max, sizes.size()); ++i)
      out.push_back(sizes[i].second);
    return out;
  }

 private:
  std::map<std::string, std::vector<bid_row>> groups_;
};

// One group: its bids before and now in the columns that say anything.
class compared_group {
 public:
  compared_group(std::string name, std::span<const bid_row> before, std::span<const bid_row> now)
      : name_(std::move(name)), before_(before), now_(now) {
    for (std::size_t c = 0; c < columns.size(); ++c)
      if (varies(c)) {
        active_.push_back(c);
        described_.push_back({columns[c].name, columns[c].role, columns[c].read == reading::code});
      }
  }

  const std::string& name() const { return name_; }
  std::size_t bids() const { return now_.size(); }
  const column& column_of(std::size_t active) const { return columns[active_[active]]; }
  std::size_t days_before() const { return chunks(before_).size(); }

  // False where too little is known from before.
  bool build() {
    std::vector<learn::drift_profile> profiles;
    for (auto& [day, profile] : chunks(before_))
      profiles.push_back(profile);
    auto built = learn::drift_reference::build(described_, profiles);
    if (!built)
      return false;
    reference_ = std::make_unique<learn::drift_reference>(std::move(*built));
    window_ = std::make_unique<learn::drift_profile>(described_);
    for (const auto& [day, profile] : chunks(now_))
      window_->merge(profile);
    return true;
  }
  learn::monitored_group monitored() const { return {name_, reference_.get(), window_.get()}; }

 private:
  // A value that is always the same differs by chance alone, whatever the size of the window.
  bool varies(std::size_t c) const {
    std::optional<float> first;
    for (const auto rows : {before_, now_})
      for (const auto& r : rows)
        if (!std::isnan(r.values[c])) {
          if (first && *first != r.values[c])
            return true;
          first = r.values[c];
        }
    return false;
  }
  std::map<std::int32_t, learn::drift_profile> chunks(std::span<const bid_row> rows) const {
    std::map<std::int32_t, learn::drift_profile> out;
    std::vector<float> values(active_.size());
    for (const auto& r : rows) {
      for (std::size_t a = 0; a < active_.size(); ++a)
        values[a] = r.values[active_[a]];
      out.try_emplace(r.day, described_).first->second.add(values);
    }
    return out;
  }

  std::string name_;
  std::span<const bid_row> before_, now_;
  std::vector<std::size_t> active_;
  std::vector<learn::drift_column> described_;
  std::unique_ptr<learn::drift_reference> reference_;
  std::unique_ptr<learn::drift_profile> window_;
};

std::optional<double> read(reading how, double mean) {
  if (std::isnan(mean) || how == reading::code)
    return std::nullopt;
  switch (how) {
  case reading::ratio:
    return std::expm1(mean);
  case reading::count:
    return std::exp(mean);
  default:
    return mean;
  }
}

std::string relative(double ratio) {
  if (std::abs(ratio) < 0.0005)
    return "level with it";
  return fmt::format("{:.1f} % {} it", std::abs(ratio) * 100, ratio > 0 ? "above" : "below");
}

std::string number(double value) {
  if (value >= 1e6)
    return fmt::format("{:.1f} million", value / 1e6);
  if (value >= 1e4)
    return fmt::format("{:.0f} thousand", value / 1e3);
  return value >= 100 ? fmt::format("{:.0f}", value) : fmt::format("{:.1f}", value);
}

std::string in_words(const column& c, const std::optional<double>& before, const std::optional<double>& now) {
  if (!before || !now)
    return "the shares of categories in all bids";
  switch (c.read) {
  case reading::ratio:
    return fmt::format("on average {} now, {} before", relative(*now), relative(*before));
  case reading::share:
    return fmt::format("{:.1f} % of bids now, {:.1f} % before", *now * 100, *before * 100);
  default:
    if (c.name == std::string_view("event_share"))
      return fmt::format("typically {:.2g} % now, {:.2g} % before", *now * 100, *before * 100);
    return fmt::format("typically {} now, {} before", number(*now), number(*before));
  }
}

const char* to_text(drift_role role) {
  constexpr std::array<const char*, 5> names{"feature", "target", "prediction", "residual", "coverage"};
  return names[static_cast<std::size_t>(role)];
}

drift_row to_row(const learn::column_drift& d, const column& c) {
  drift_row out{.name = c.name,
                .label = c.label,
                .role = to_text(c.role),
                .drifted = d.drifted,
                .q = d.q,
                .jensen_shannon = d.distance.jensen_shannon,
                .psi = d.distance.psi,
                .wasserstein = d.distance.wasserstein,
                .ks = d.distance.ks,
                .jensen_shannon_limit = d.limit.jensen_shannon,
                .psi_limit = d.limit.psi,
                .wasserstein_limit = d.limit.wasserstein,
                .ks_limit = d.limit.ks,
                .reference = read(c.read, d.reference_mean),
                .window = read(c.read, d.window_mean)};
  out.text = in_words(c, out.reference, out.window);
  return out;
}

drift_group to_group(const learn::group_drift& found, const compared_group& compared) {
  drift_group out{found.group, static_cast<std::int64_t>(found.rows), found.too_little_data, {}};
  for (const auto& c : found.columns)
    out.rows.push_back(to_row(c, compared.column_of(c.column)));
  std::ranges::stable_sort(out.rows, std::greater(), &drift_row::drifted);
  return out;
}

} // namespace

drift_report compare_prices(const price_context& context, const tested_prices& reference, const tested_prices& window) {
  drift_report out;
  out.reference_bids = static_cast<std::int64_t>(reference.prices.size());
  out.window_bids = static_cast<std::int64_t>(window.prices.size());
  const bid_groups before(context, reference), now(context, window);
  std::vector<std::string> names{everything};
  std::ranges::copy(now.largest_categories(), std::back_inserter(names));
  std::vector<compared_group> compared;
  std::vector<drift_group> too_small;
  for (const auto& name : names) {
    compared_group group(name, before.of(name), now.of(name));
    if (group.build()) {
      compared.push_back(std::move(group));
    } else if (name == everything) {
      out.why_not = fmt::format("prices of {} days are known from before; it takes {}", group.days_before(),
                                learn::drift_reference::chunks_min);
      return out;
    } else {
      too_small.push_back({name, static_cast<std::int64_t>(group.bids()), true, {}});
    }
  }
  std::vector<learn::monitored_group> monitored;
  for (const auto& group : compared)
    monitored.push_back(group.monitored());
  const auto found = learn::find_drift(monitored);
  if (!found) {
    out.why_not = found.error().message;
    return out;
  }
  for (std::size_t g = 0; g < found->size(); ++g) {
    out.groups.push_back(to_group((*found)[g], compared[g]));
    out.drifted += static_cast<int>(std::ranges::count(out.groups.back().rows, true, &drift_row::drifted));
  }
  std::ranges::move(too_small, std::back_inserter(out.groups));
  return out;
}

} // namespace pricing::insight
