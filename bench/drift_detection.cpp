// Drift: false alarms on stationary splits, and how soon a 10 % price shift in one category is found.
//   drift_detection [FOLDER [FROM UNTIL [SPLITS]]]
// FOLDER: yearly gzip CSVs of bid tabulations; lettings from FROM to UNTIL (2016-01-01, 2020-01-01) are used. Without
// one, synthetic prices with heavy tails and letting effects. A split draws lettings at random into windows of 500 rows
// for each of the ten largest categories (first word of the item) and leaves the others as reference, so that nothing
// differs but by chance. What is expected of a line is the price model's word, trained on what was before (every
// year). The windows are looked at after 100, 200, ... 500 rows, an alarm at any look being one of the split; then the
// prices of one category at a time are raised by 10 % and the windows looked at again. Everything is looked at
// together, at the product's level. Exits 1 below a must.
#include "bid_tabulations.hpp"

#include "learn/drift.hpp"
#include "learn/false_discovery.hpp"
#include "learn/price_model.hpp"
#include "learn/price_shift.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <random>
#include <stdexcept>

namespace {

using namespace pricing;
using learn::drift_role;

constexpr std::array<std::size_t, 5> looks{100, 200, 300, 400, 500};
constexpr std::size_t window_rows = looks.back();
static_assert(window_rows == learn::drift_lines);
constexpr std::int32_t retrain_days = 365;
constexpr double shift = 0.0953101798; // log 1.1
constexpr std::size_t residual_column = 4;

const std::vector<learn::drift_column> columns{{"log_quantity"},
                                               {"bidders"},
                                               {"log_price", drift_role::target},
                                               {"expected_log_price", drift_role::prediction},
                                               {"residual", drift_role::residual},
                                               {"inside_90", drift_role::coverage}};

struct row {
  learn::judged_line line; // event and category of the history, then of the table
  float log_quantity, bidders, log_price, expected;
  float low90, high90; // log

  std::vector<float> values(double by) const {
    const auto price = static_cast<float>(log_price + by);
    return {log_quantity,
            bidders,
            price,
            expected,
            line.residual + static_cast<float>(by),
            price >= low90 && price <= high90 ? 1.0F : 0.0F};
  }
};

struct table {
  std::vector<row> rows; // in order of event
  std::vector<std::string> categories;
  std::size_t events = 0;
};

void take_off_event_levels(std::vector<row>& rows) {
  std::vector<learn::judged_line> lines;
  for (const row& r : rows) {
    lines.push_back(r.line);
  }
  learn::event_levels(lines).take_off(lines);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].line = lines[i];
  }
}

double gaussian(std::mt19937_64& random) {
  return std::normal_distribution<double>()(random);
}

table synthetic() {
  std::mt19937_64 random(11);
  table out;
  out.events = 2'000;
  for (int c = 0; c < 10; ++c) {
    out.categories.push_back("category " + std::to_string(c));
  }
  for (std::size_t e = 0; e < out.events; ++e) {
    const double level = 0.08 * gaussian(random);
    const auto bidders = static_cast<float>(1 + random() % 7);
    for (std::size_t k = 0; k < 50; ++k) {
      const std::size_t c = random() % 10;
      const double expected = 1 + static_cast<double>(c) + gaussian(random);
      const double tail =
          std::sqrt((std::pow(gaussian(random), 2) + std::pow(gaussian(random), 2) + std::pow(gaussian(random), 2)) /
                    3); // Student's t of three degrees of freedom
      const double price = expected + level + 0.25 * gaussian(random) / tail;
      const auto at = static_cast<float>(expected);
      out.rows.push_back(
          {{static_cast<std::uint32_t>(e), static_cast<std::uint32_t>(c), static_cast<float>(price) - at, 0.3F},
           static_cast<float>(4 + 2 * gaussian(random)),
           bidders,
           static_cast<float>(price),
           at,
           at - 0.6F,
           at + 0.6F});
    }
  }
  take_off_event_levels(out.rows);
  return out;
}

// Every line of an event against what the price model expected.
void judge_event(const learn::market_view& view, const learn::price_model& model, std::span<const std::uint32_t> lines,
                 std::vector<row>& out) {
  const auto& history = view.history();
  const auto all = history.lines();
  const std::uint32_t event = all[lines.front()].event;
  const learn::query_event asked{std::chrono::sys_days{std::chrono::days{all[lines.front()].day}},
                                 history.events()[event].place};
  std::vector<learn::query_line> queries;
  for (const std::uint32_t l : lines) {
    const auto& item = history.items()[all[l].item];
    queries.push_back({item.id, item.normalized_name, item.unit, std::exp(all[l].log_quantity)});
  }
  const auto predictions = model.predict(view, asked, queries);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto& line = all[lines[i]];
    const auto& p = predictions[i];
    if (line.bids == 0 || p.source != learn::prediction_source::model || p.bids < 3) {
      continue;
    }
    const auto expected = static_cast<float>(std::log(p.expected));
    out.push_back(
        {{event, view.category_of(line.item), line.median - expected, static_cast<float>(std::exp(p.log_scale)), 0,
          learn::item_family(history.items()[line.item].normalized_name)},
         line.log_quantity,
         static_cast<float>(line.bids),
         line.median,
         expected,
         static_cast<float>(std::log(p.low90)),
         static_cast<float>(std::log(p.high90))});
  }
}

// Keeps the ten largest categories, numbered from the largest.
void keep_largest(const learn::market_view& view, table& t) {
  std::map<std::uint32_t, std::size_t> sizes;
  for (const row& r : t.rows) {
    ++sizes[r.line.category];
  }
  std::vector<std::pair<std::size_t, std::uint32_t>> largest;
  for (const auto& [category, n] : sizes) {
    largest.emplace_back(n, category);
  }
  std::sort(largest.rbegin(), largest.rend());
  largest.resize(std::min<std::size_t>(largest.size(), 10));
  std::map<std::uint32_t, std::uint32_t> index;
  for (const auto& [n, category] : largest) {
    index.emplace(category, static_cast<std::uint32_t>(t.categories.size()));
    t.categories.push_back(view.category_name(category));
  }
  std::erase_if(t.rows, [&](const row& r) { return !index.contains(r.line.category); });
  for (row& r : t.rows) {
    r.line.category = index.at(r.line.category);
  }
}

table bid_tabulations(const char* folder, const char* from, const char* until) {
  const date end = parse_date(until).value();
  const auto first = static_cast<std::int32_t>(parse_date(from).value().time_since_epoch().count());
  const auto last = static_cast<std::int32_t>(end.time_since_epoch().count());
  bench::bid_tabulations in;
  in.until(end);
  in.read_folder(folder, static_cast<int>(std::chrono::year_month_day(end).year()));
  const auto history = in.builder.build();
  const learn::market_view view(history);
  table out;
  out.events = history.events().size();
  std::vector<std::vector<std::uint32_t>> by_event(out.events);
  const auto lines = history.lines();
  for (std::uint32_t l = 0; l < lines.size(); ++l) {
    if (lines[l].day >= first && lines[l].day < last && lines[l].event != learn::no_index) {
      by_event[lines[l].event].push_back(l);
    }
  }
  for (std::int32_t day = first; day < last; day += retrain_days) {
    const learn::train_options o{.until = std::chrono::sys_days{std::chrono::days{day}}};
    const auto model = learn::train(view, o).value();
    for (const auto& event : by_event) {
      if (!event.empty() && lines[event.front()].day >= day && lines[event.front()].day < day + retrain_days) {
        judge_event(view, model, event, out.rows);
      }
    }
  }
  std::stable_sort(out.rows.begin(), out.rows.end(),
                   [](const row& a, const row& b) { return a.line.event < b.line.event; });
  take_off_event_levels(out.rows);
  keep_largest(view, out);
  return out;
}

using p_row = std::array<double, 6>; // of columns

learn::drift_profile profile_of(std::span<const row* const> rows, double by) {
  learn::drift_profile out(columns);
  for (const row* r : rows) {
    out.add(r->values(by));
  }
  return out;
}

std::vector<learn::judged_line> lines_of(std::span<const row* const> rows, double by) {
  std::vector<learn::judged_line> out;
  for (const row* r : rows) {
    out.push_back(r->line);
    out.back().residual += static_cast<float>(by);
  }
  return out;
}

// One category: a window in the order in which its rows arrive, and everything else.
class category_split {
 public:
  category_split(std::span<const row* const> window, std::span<const row* const> rest)
      : window_(window.begin(), window.end()),
        levels_(learn::level_reference::build(lines_of(rest, 0)).value()),
        reference_(learn::drift_reference::build(columns, chunks(rest)).value()) {}

  // Of the first rows of the window. What a shift leaves alone is taken from `still`.
  p_row p_values(std::size_t rows, double by, const p_row* still = nullptr) const {
    const auto seen = std::span(window_).first(rows);
    const auto profile = profile_of(seen, by);
    p_row out{};
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const auto role = columns[c].role;
      if (c == residual_column) {
        out[c] = levels_.compare(lines_of(seen, by)).p;
      } else if (still != nullptr && role != drift_role::target && role != drift_role::coverage) {
        out[c] = (*still)[c];
      } else {
        out[c] = reference_.compare(c, profile).p;
      }
    }
    return out;
  }

 private:
  static std::vector<learn::drift_profile> chunks(std::span<const row* const> rows) {
    std::vector<learn::drift_profile> out;
    for (std::size_t i = 0; i < rows.size();) {
      std::size_t end = i;
      while (end < rows.size() && rows[end]->line.event == rows[i]->line.event) {
        ++end;
      }
      out.push_back(profile_of(rows.subspan(i, end - i), 0));
      i = end;
    }
    return out;
  }

  std::vector<const row*> window_;
  learn::level_reference levels_;
  learn::drift_reference reference_;
};

std::deque<category_split> split(const table& t, std::uint64_t seed) {
  std::vector<std::vector<const row*>> by_event(t.events);
  for (const row& r : t.rows) {
    by_event[r.line.event].push_back(&r);
  }
  std::mt19937_64 random(seed);
  std::shuffle(by_event.begin(), by_event.end(), random);
  std::vector<std::vector<const row*>> windows(t.categories.size());
  std::vector<std::vector<const row*>> rest(t.categories.size());
  bool filling = true;
  for (const auto& event : by_event) {
    for (const row* r : event) {
      (filling ? windows : rest)[r->line.category].push_back(r);
    }
    filling = std::any_of(windows.begin(), windows.end(), [](const auto& w) { return w.size() < window_rows; });
  }
  std::deque<category_split> out;
  for (std::size_t c = 0; c < windows.size(); ++c) {
    if (windows[c].size() < window_rows) {
      throw std::runtime_error("too few rows of category " + t.categories[c]);
    }
    out.emplace_back(std::span(windows[c]).first(window_rows), rest[c]);
  }
  return out;
}

struct look {
  std::size_t rows;
  p_row p;
};

// Which of all columns of all categories are called drifted.
std::vector<bool> called(std::span<const look> categories) {
  std::vector<double> p;
  std::vector<double> weights;
  for (const auto& category : categories) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
      p.push_back(learn::early_p_value(category.p[c], static_cast<double>(category.rows) / learn::drift_lines));
      weights.push_back(learn::drift_weight(columns[c].role));
    }
  }
  std::vector<bool> out;
  for (const double q : learn::false_discovery_rates(p, weights)) {
    out.push_back(q <= learn::drift_level);
  }
  return out;
}

struct counts {
  int alarms = 0, trials = 0;
  std::array<int, looks.size()> found{};
  std::vector<int> found_by_category;
};

void try_split(const table& t, int number, counts& out) {
  const auto parts = split(t, static_cast<std::uint64_t>(number));
  std::array<std::vector<look>, looks.size()> still;
  bool alarm = false;
  for (std::size_t l = 0; l < looks.size(); ++l) {
    for (const auto& part : parts) {
      still[l].push_back({looks[l], part.p_values(looks[l], 0)});
    }
    const auto drifted = called(still[l]);
    for (std::size_t i = 0; i < drifted.size(); ++i) {
      if (drifted[i]) {
        alarm = true;
        std::printf("split %d, %zu rows: false alarm in %s, %s, p %.2g\n", number, looks[l],
                    t.categories[i / columns.size()].c_str(), columns[i % columns.size()].name.c_str(),
                    still[l][i / columns.size()].p[i % columns.size()]);
      }
    }
  }
  out.alarms += alarm ? 1 : 0;
  for (std::size_t c = 0; c < parts.size(); ++c) {
    ++out.trials;
    bool found = false;
    for (std::size_t l = 0; l < looks.size(); ++l) {
      auto all = still.back();
      all[c] = {looks[l], parts[c].p_values(looks[l], shift, &still[l][c].p)};
      const auto drifted = called(all);
      for (std::size_t i = 0; i < columns.size(); ++i) {
        found |= columns[i].role != drift_role::feature && drifted[c * columns.size() + i];
      }
      out.found[l] += found ? 1 : 0;
    }
    out.found_by_category[c] += found ? 1 : 0;
    if (!found) {
      std::printf("split %d: not found in %s, p of the residual %.2g\n", number, t.categories[c].c_str(),
                  parts[c].p_values(looks.back(), shift, &still.back()[c].p)[residual_column]);
    }
  }
}

} // namespace

int main(int argc, char** argv) {
  const table t = argc > 1
                      ? bid_tabulations(argv[1], argc > 3 ? argv[2] : "2016-01-01", argc > 3 ? argv[3] : "2020-01-01")
                      : synthetic();
  const int splits = argc > 4 ? std::atoi(argv[4]) : 10;
  std::printf("%zu rows in %zu categories\n", t.rows.size(), t.categories.size());
  counts n;
  n.found_by_category.assign(t.categories.size(), 0);
  for (int k = 1; k <= splits; ++k) {
    try_split(t, k, n);
    std::fflush(stdout);
  }
  for (std::size_t c = 0; c < t.categories.size(); ++c) {
    std::printf("%-24s found in %d of %d\n", t.categories[c].c_str(), n.found_by_category[c], splits);
  }
  for (std::size_t l = 0; l < looks.size(); ++l) {
    std::printf("10 %% shift of prices found within %3zu rows: %d of %d\n", looks[l], n.found[l], n.trials);
  }
  const bool quiet = n.alarms <= std::max(1, splits / 20);
  const bool sharp = n.found.back() == n.trials;
  std::printf("false alarms on %d stationary splits: %d   must <= %d   %s\n", splits, n.alarms,
              std::max(1, splits / 20), quiet ? "ok" : "MISSED");
  std::printf("10 %% shift found within 500 rows: %d of %d   must be all   %s\n", n.found.back(), n.trials,
              sharp ? "ok" : "MISSED");
  return quiet && sharp ? 0 : 1;
}
