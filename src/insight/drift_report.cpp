#include "insight/drift_report.hpp"

#include "learn/price_shift.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <unordered_map>

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

constexpr std::size_t residual_column = 2;

std::vector<learn::judged_line> lines_in(const tested_prices& tested) {
  std::vector<learn::judged_line> out;
  for (const auto& t : tested.judged)
    out.push_back(t.judged);
  return out;
}

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

// Bids and judged lines of everything and of each category. Of a category, residuals are without what their event's
// other lines tell of its level (learn::event_levels): that is common to all, and noise to a watch on one.
class bid_groups {
 public:
  bid_groups(const price_context& context, const tested_prices& tested, const learn::event_levels& levels)
      : view_(context.view()) {
    const auto level = judge(tested, levels);
    const auto& history = view_.history();
    for (const auto& t : tested.prices) {
      const auto& line = history.lines()[t.line];
      const std::string& category = name_of(view_.category_of(line.item));
      const float expected = context.expected(t.line);
      bid_row row{line.day,
                  {t.log_price - expected, t.log_predicted - expected, t.log_price - t.log_predicted,
                   t.inside_90 ? 1.0F : 0.0F, context.quantity_ratio(t.line), context.event_money(t.line),
                   context.event_share(t.line), context.bidders(t.line), context.age(t.line), code_of(category)}};
      groups_[everything].add(t.line, row);
      if (category.empty())
        continue;
      const auto own = level.find(t.line);
      row.values[residual_column] -= own == level.end() ? 0 : own->second;
      groups_[category].add(t.line, row);
    }
  }

  std::span<const bid_row> bids_of(const std::string& group) const {
    const auto found = groups_.find(group);
    return found == groups_.end() ? std::span<const bid_row>() : std::span<const bid_row>(found->second.bids);
  }
  std::size_t line_count(const std::string& group) const {
    const auto found = groups_.find(group);
    return found == groups_.end() ? 0 : found->second.line_count;
  }
  std::span<const learn::judged_line> lines_of(const std::string& group) const {
    const auto found = groups_.find(group);
    return found == groups_.end() ? std::span<const learn::judged_line>()
                                  : std::span<const learn::judged_line>(found->second.lines);
  }
  std::vector<std::string> largest_categories() const {
    std::vector<std::pair<std::size_t, std::string>> sizes;
    for (const auto& [name, group] : groups_)
      if (name != everything)
        sizes.emplace_back(group.bids.size(), name);
    std::ranges::sort(sizes, std::greater());
    std::vector<std::string> out;
    for (std::size_t i = 0; i < std::min(groups_max, sizes.size()); ++i)
      out.push_back(sizes[i].second);
    return out;
  }

 private:
  struct group {
    std::vector<bid_row> bids;
    std::vector<learn::judged_line> lines;
    std::size_t line_count = 0; // with bids
    std::uint32_t newest = 0;

    void add(std::uint32_t line, const bid_row& bid) { // bids of one line come together
      line_count += line_count == 0 || line != newest ? 1 : 0;
      newest = line;
      bids.push_back(bid);
    }
  };

  // Levels that were taken off, by line of the history.
  std::unordered_map<std::uint32_t, float> judge(const tested_prices& tested, const learn::event_levels& levels) {
    std::vector<learn::judged_line> lines = lines_in(tested);
    groups_[everything].lines = lines;
    levels.take_off(lines);
    std::unordered_map<std::uint32_t, float> out;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      out.emplace(tested.judged[i].line, tested.judged[i].judged.residual - lines[i].residual);
      if (const auto& category = name_of(lines[i].category); !category.empty())
        groups_[category].lines.push_back(lines[i]);
    }
    return out;
  }

  const std::string& name_of(std::uint32_t category) {
    const auto [at, fresh] = names_.try_emplace(category);
    if (fresh)
      at->second = view_.category_name(category);
    return at->second;
  }

  const learn::market_view& view_;
  std::unordered_map<std::uint32_t, std::string> names_;
  std::map<std::string, group> groups_;
};

// One group: its bids before and now in the columns that say anything.
class compared_group {
 public:
  compared_group(std::string name, const bid_groups& before, const bid_groups& now)
      : name_(std::move(name)),
        before_(before.bids_of(name_)),
        now_(now.bids_of(name_)),
        share_(static_cast<double>(now.line_count(name_)) / learn::drift_lines) {
    if (const auto levels = learn::level_reference::build(before.lines_of(name_)))
      shift_ = levels->compare(now.lines_of(name_));
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
  learn::monitored_group monitored() const {
    return {name_, reference_.get(), window_.get(), shift_ ? std::optional(shift_->p) : std::nullopt, share_};
  }
  const std::optional<learn::price_shift>& shift() const { return shift_; }

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
  double share_; // of the lines at which the window is whole
  std::vector<std::size_t> active_;
  std::vector<learn::drift_column> described_;
  std::optional<learn::price_shift> shift_;
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

// 95 % of the time the change is within two errors.
std::string in_words(const learn::price_shift& s) {
  return fmt::format("{:+.1f} % against before, between {:+.1f} and {:+.1f} %, over {} lines of {} events",
                     std::expm1(s.shift) * 100, std::expm1(s.shift - 1.96 * s.error) * 100,
                     std::expm1(s.shift + 1.96 * s.error) * 100, s.lines, s.events);
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
  for (const auto& c : found.columns) {
    out.rows.push_back(to_row(c, compared.column_of(c.column)));
    if (compared.column_of(c.column).role == drift_role::residual && compared.shift())
      out.rows.back().text = in_words(*compared.shift());
  }
  std::ranges::stable_sort(out.rows, std::greater(), &drift_row::drifted);
  return out;
}

} // namespace

drift_report compare_prices(const price_context& context, const tested_prices& reference, const tested_prices& window) {
  drift_report out;
  out.reference_bids = static_cast<std::int64_t>(reference.prices.size());
  out.window_bids = static_cast<std::int64_t>(window.prices.size());
  const learn::event_levels levels(lines_in(reference));
  const bid_groups before(context, reference, levels), now(context, window, levels);
  std::vector<std::string> names{everything};
  std::ranges::copy(now.largest_categories(), std::back_inserter(names));
  std::vector<compared_group> compared;
  std::vector<drift_group> too_small;
  for (const auto& name : names) {
    compared_group group(name, before, now);
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
