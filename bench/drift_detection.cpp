// Drift: false alarms on ten stationary splits, and how soon a 10 % price shift in one category is found.
//   drift_detection [FOLDER [FROM UNTIL]]
// FOLDER: yearly gzip CSVs of bid tabulations; lettings from FROM to UNTIL (2016-01-01, 2020-01-01) are used. Without
// one, synthetic prices with heavy tails and letting effects. A split draws lettings at random into windows of 500 rows
// for each of the ten largest categories (first word of the item) and leaves the others as reference, so that nothing
// differs but by chance. What is expected of a line is the price model's word, trained on what was before (every two
// years). Then the prices of one category at a time are raised by 10 % and the windows looked at again
// after 100, 200, ... 500 rows. Everything is looked at together, at the default level. Exits 1 below a must.
#include "core/clock.hpp"
#include "learn/drift.hpp"
#include "learn/drift_residuals.hpp"
#include "learn/false_discovery.hpp"
#include "learn/price_model.hpp"
#include "match/normalize.hpp"

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <unordered_map>

namespace {

using namespace pricing;
using learn::drift_role;

constexpr std::size_t window_rows = 500;
constexpr std::int32_t retrain_days = 730;

const std::vector<learn::drift_column> columns{{"log_quantity"},
                                               {"bidders"},
                                               {"log_price", drift_role::target},
                                               {"expected_log_price", drift_role::prediction},
                                               {"residual_z", drift_role::residual},
                                               {"inside_90", drift_role::coverage}};

struct row {
  std::size_t event;
  std::size_t category;
  float log_quantity, bidders, log_price, expected;
  float residual, scale; // standardised, relative to the event's other categories; of a log price
  float low90, high90;   // log

  std::vector<float> values(double shift) const {
    const auto price = static_cast<float>(log_price + shift);
    return {log_quantity,
            bidders,
            price,
            expected,
            residual + static_cast<float>(shift) / scale,
            price >= low90 && price <= high90 ? 1.0F : 0.0F};
  }
};

struct table {
  std::vector<row> rows; // in order of event
  std::vector<std::string> categories;
  std::size_t events = 0;
};

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
      out.rows.push_back({e, c, static_cast<float>(4 + 2 * gaussian(random)), bidders, static_cast<float>(price), at,
                          static_cast<float>(price) - at, 1, at - 0.6F, at + 0.6F});
    }
  }
  return out;
}

std::vector<std::string> cells_of(std::string_view text, std::size_t& at) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else if (c == '\n' && !quoted) {
      ++at;
      break;
    } else if (c != '\r') {
      cells.back() += c;
    }
  }
  return cells;
}

double number(const std::string& text) {
  double v = 0;
  std::from_chars(text.data(), text.data() + text.size(), v);
  return v;
}

void read_file(const std::filesystem::path& path, learn::history_builder& builder,
               std::unordered_map<std::string, std::int64_t>& ids) {
  gzFile f = gzopen(path.c_str(), "rb");
  if (f == nullptr) {
    throw std::runtime_error("cannot open " + path.string());
  }
  std::string text;
  std::string chunk(1 << 20, '\0');
  for (int n = 0; (n = gzread(f, chunk.data(), static_cast<unsigned>(chunk.size()))) > 0;) {
    text.append(chunk.data(), static_cast<std::size_t>(n));
  }
  gzclose(f);
  std::size_t at = 0;
  cells_of(text, at);
  while (at < text.size()) {
    const auto c = cells_of(text, at);
    if (c.size() < 12) {
      continue;
    }
    learn::observation_row r;
    const auto [item, new_item] =
        ids.try_emplace("item " + c[5] + "|" + c[6], static_cast<std::int64_t>(ids.size() + 1));
    r.item = item_id{item->second};
    if (new_item) {
      builder.add(learn::item_row{r.item, match::normalize_item(c[5]), c[6], "", c[6] != "LSUM" && c[6] != "Dlr"});
    }
    const auto [event, new_event] = ids.try_emplace("event " + c[2] + c[0], static_cast<std::int64_t>(ids.size() + 1));
    r.event = event_id{event->second};
    if (new_event) {
      builder.add(learn::event_row{r.event, c[2].substr(0, 2)});
    }
    r.rank = static_cast<int>(number(c[11]));
    r.kind = r.rank == 0 ? learn::price_kind::estimate : learn::price_kind::bid;
    r.line = static_cast<int>(number(c[3]));
    r.observed_on = parse_date(c[0]).value();
    r.price = number(c[9]);
    r.quantity = number(c[7]);
    builder.add(r);
  }
}

// Every line of an event against what the price model expected, and its residual relative to the event's other
// categories.
void judge_event(const learn::market_view& view, const learn::price_model& model, std::span<const std::uint32_t> lines,
                 std::vector<row>& out, std::vector<std::uint32_t>& words) {
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
  std::vector<float> residuals;
  std::vector<std::uint32_t> categories;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto& line = all[lines[i]];
    const auto& p = predictions[i];
    const bool known = line.bids > 0 && p.source == learn::prediction_source::model && p.bids >= 3;
    residuals.push_back(known ? static_cast<float>((line.median - std::log(p.expected)) / std::exp(p.log_scale))
                              : std::nanf(""));
    categories.push_back(view.category_of(line.item));
  }
  const auto relative = learn::relative_residuals(residuals, categories);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (std::isnan(relative[i])) {
      continue;
    }
    const auto& line = all[lines[i]];
    const auto& p = predictions[i];
    out.push_back({event, 0, line.log_quantity, static_cast<float>(line.bids), line.median,
                   static_cast<float>(std::log(p.expected)), relative[i], static_cast<float>(std::exp(p.log_scale)),
                   static_cast<float>(std::log(p.low90)), static_cast<float>(std::log(p.high90))});
    words.push_back(categories[i]);
  }
}

table bid_tabulations(const char* folder, const char* from, const char* until) {
  const auto first = static_cast<std::int32_t>(parse_date(from).value().time_since_epoch().count());
  const auto last = static_cast<std::int32_t>(parse_date(until).value().time_since_epoch().count());
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    const auto year = name.find_first_of("0123456789");
    if (entry.path().extension() == ".gz" && year != std::string::npos &&
        name.substr(year, 4) <= std::string(until, 4)) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  learn::history_builder builder;
  std::unordered_map<std::string, std::int64_t> ids;
  for (const auto& file : files) {
    read_file(file, builder, ids);
  }
  const auto history = builder.build();
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
  std::vector<std::uint32_t> words;
  for (std::int32_t day = first; day < last; day += retrain_days) {
    const learn::train_options o{.until = std::chrono::sys_days{std::chrono::days{day}}};
    const auto model = learn::train(view, o).value();
    for (const auto& event : by_event) {
      if (!event.empty() && lines[event.front()].day >= day && lines[event.front()].day < day + retrain_days) {
        judge_event(view, model, event, out.rows, words);
      }
    }
  }
  std::map<std::uint32_t, std::size_t> sizes;
  for (const std::uint32_t word : words) {
    ++sizes[word];
  }
  std::vector<std::pair<std::size_t, std::uint32_t>> largest;
  for (const auto& [word, n] : sizes) {
    largest.emplace_back(n, word);
  }
  std::sort(largest.rbegin(), largest.rend());
  largest.resize(std::min<std::size_t>(largest.size(), 10));
  std::map<std::uint32_t, std::size_t> index;
  for (const auto& [n, word] : largest) {
    index.emplace(word, out.categories.size());
    out.categories.push_back(view.category_name(word));
  }
  std::vector<row> kept;
  for (std::size_t i = 0; i < out.rows.size(); ++i) {
    if (const auto at = index.find(words[i]); at != index.end()) {
      out.rows[i].category = at->second;
      kept.push_back(out.rows[i]);
    }
  }
  out.rows = std::move(kept);
  std::stable_sort(out.rows.begin(), out.rows.end(), [](const row& a, const row& b) { return a.event < b.event; });
  return out;
}

constexpr double shift = 0.0953101798; // log 1.1

struct category_split {
  std::vector<const row*> window; // in the order in which they arrive
  std::unique_ptr<learn::drift_reference> reference;
};

learn::drift_profile profile_of(std::span<const row* const> rows, double by) {
  learn::drift_profile out(columns);
  for (const row* r : rows) {
    out.add(r->values(by));
  }
  return out;
}

std::vector<category_split> split(const table& t, std::uint64_t seed) {
  std::vector<std::vector<const row*>> by_event(t.events);
  for (const row& r : t.rows) {
    by_event[r.event].push_back(&r);
  }
  std::mt19937_64 random(seed);
  std::shuffle(by_event.begin(), by_event.end(), random);
  std::vector<category_split> out(t.categories.size());
  std::vector<std::deque<learn::drift_profile>> chunks(t.categories.size());
  bool filling = true;
  for (const auto& event : by_event) {
    std::vector<std::vector<const row*>> parts(t.categories.size());
    for (const row* r : event) {
      parts[r->category].push_back(r);
    }
    for (std::size_t c = 0; c < parts.size(); ++c) {
      if (filling) {
        out[c].window.insert(out[c].window.end(), parts[c].begin(), parts[c].end());
      } else if (!parts[c].empty()) {
        chunks[c].push_back(profile_of(parts[c], 0));
      }
    }
    filling = std::any_of(out.begin(), out.end(), [](const auto& s) { return s.window.size() < window_rows; });
  }
  for (std::size_t c = 0; c < out.size(); ++c) {
    if (out[c].window.size() < window_rows) {
      throw std::runtime_error("too few rows of category " + t.categories[c]);
    }
    out[c].window.resize(window_rows);
    const std::vector<learn::drift_profile> all(chunks[c].begin(), chunks[c].end());
    out[c].reference = std::make_unique<learn::drift_reference>(learn::drift_reference::build(columns, all).value());
  }
  return out;
}

std::vector<double> p_values(const category_split& s, std::size_t rows, double by) {
  const auto window = profile_of(std::span(s.window).first(rows), by);
  std::vector<double> out;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    out.push_back(s.reference->compare(c, window).p);
  }
  return out;
}

} // namespace

int main(int argc, char** argv) {
  const table t = argc > 1
                      ? bid_tabulations(argv[1], argc > 3 ? argv[2] : "2016-01-01", argc > 3 ? argv[3] : "2020-01-01")
                      : synthetic();
  std::printf("%zu rows in %zu categories\n", t.rows.size(), t.categories.size());
  constexpr int splits = 10;
  const double level = learn::drift_options{}.level;
  const std::vector<std::size_t> looks{100, 200, 300, 400, window_rows};
  int alarms = 0;
  std::vector<int> found(looks.size(), 0);
  std::vector<int> found_by_category(t.categories.size(), 0);
  int trials = 0;
  for (int k = 0; k < splits; ++k) {
    const auto parts = split(t, static_cast<std::uint64_t>(k) + 1);
    std::deque<learn::drift_profile> windows;
    std::vector<learn::monitored_group> groups;
    for (std::size_t c = 0; c < parts.size(); ++c) {
      windows.push_back(profile_of(parts[c].window, 0));
      groups.push_back({t.categories[c], parts[c].reference.get(), &windows.back()});
    }
    const auto stationary = learn::find_drift(groups, level).value();
    std::vector<double> p;
    std::vector<double> weights;
    bool alarm = false;
    for (const auto& g : stationary) {
      for (const auto& c : g.columns) {
        p.push_back(c.p);
        weights.push_back(learn::drift_weight(columns[c.column].role));
        alarm |= c.drifted;
        if (c.drifted) {
          std::printf("split %d: false alarm in %s, %s, p %.2g q %.2g\n", k + 1, g.group.c_str(),
                      columns[c.column].name.c_str(), c.p, c.q);
        }
      }
    }
    alarms += alarm ? 1 : 0;
    for (std::size_t c = 0; c < parts.size(); ++c) {
      ++trials;
      bool before = false;
      for (std::size_t l = 0; l < looks.size(); ++l) {
        auto all = p;
        const auto shifted = p_values(parts[c], looks[l], shift);
        std::copy(shifted.begin(), shifted.end(), all.begin() + static_cast<std::ptrdiff_t>(c * columns.size()));
        const auto q = learn::false_discovery_rates(all, weights);
        for (std::size_t i = 0; i < columns.size(); ++i) {
          before |= columns[i].role != drift_role::feature && q[c * columns.size() + i] <= level;
        }
        found[l] += before ? 1 : 0;
      }
      found_by_category[c] += before ? 1 : 0;
    }
    std::printf("split %2d of %d: smallest p of %zu columns %.2g\n", k + 1, splits, p.size(),
                *std::min_element(p.begin(), p.end()));
    std::fflush(stdout);
  }
  for (std::size_t c = 0; c < t.categories.size(); ++c) {
    std::printf("%-24s found in %d of %d\n", t.categories[c].c_str(), found_by_category[c], splits);
  }
  for (std::size_t l = 0; l < looks.size(); ++l) {
    std::printf("10 %% shift of prices found within %3zu rows: %d of %d\n", looks[l], found[l], trials);
  }
  const bool quiet = alarms <= 1;
  const bool sharp = found.back() == trials;
  std::printf("false alarms on %d stationary splits: %d   must <= 1   %s\n", splits, alarms, quiet ? "ok" : "MISSED");
  std::printf("10 %% shift found within 500 rows: %d of %d   must be all   %s\n", found.back(), trials,
              sharp ? "ok" : "MISSED");
  return quiet && sharp ? 0 : 1;
}
