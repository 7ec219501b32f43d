// Time-forward evaluation of the price model on yearly gzip CSVs of bid tabulations:
//   mdot_protocol FOLDER [FROM UNTIL [RETRAIN_MONTHS [ROUNDS DEPTH RATE]]]
// FROM and UNTIL default to 2023-01-01 and 2025-01-01. Prints the table, what is asked for and the times.
#include "core/clock.hpp"
#include "learn/evaluate.hpp"
#include "match/normalize.hpp"

#include <sys/resource.h>
#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace {

using namespace pricing;
using clock_type = std::chrono::steady_clock;

double since(clock_type::time_point t) {
  return std::chrono::duration<double>(clock_type::now() - t).count();
}

std::string read_gzip(const std::filesystem::path& path) {
  gzFile f = gzopen(path.c_str(), "rb");
  if (f == nullptr) {
    throw std::runtime_error("cannot open " + path.string());
  }
  std::string out;
  std::string chunk(1 << 20, '\0');
  for (int n = 0; (n = gzread(f, chunk.data(), static_cast<unsigned>(chunk.size()))) > 0;) {
    out.append(chunk.data(), static_cast<std::size_t>(n));
  }
  gzclose(f);
  return out;
}

// One record with quoted cells; returns the position after it.
std::size_t next_record(std::string_view text, std::size_t at, std::vector<std::string>& cells) {
  cells.assign(1, {});
  bool quoted = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c == '"' && at + 1 < text.size() && text[at + 1] == '"') {
        cells.back() += c;
        ++at;
      } else if (c == '"') {
        quoted = false;
      } else {
        cells.back() += c;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      cells.emplace_back();
    } else if (c == '\n') {
      return at + 1;
    } else if (c != '\r') {
      cells.back() += c;
    }
  }
  return at;
}

double number(std::string_view text) {
  double v = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), v);
  return code == std::errc() && end == text.data() + text.size() ? v : 0;
}

class reader {
 public:
  void file(const std::filesystem::path& path) {
    const std::string text = read_gzip(path);
    std::vector<std::string> cells;
    for (std::size_t at = next_record(text, 0, cells); at < text.size();) {
      at = next_record(text, at, cells);
      if (cells.size() >= 12) {
        record(cells);
      }
    }
  }
  learn::history_builder builder;
  std::size_t rows = 0;

 private:
  std::int64_t id(std::unordered_map<std::string, std::int64_t>& table, const std::string& key, bool& added) {
    const auto [at, fresh] = table.try_emplace(key, static_cast<std::int64_t>(table.size() + 1));
    added = fresh;
    return at->second;
  }

  void record(const std::vector<std::string>& c) {
    bool added = false;
    auto [name, fresh] = names_.try_emplace(c[5]);
    if (fresh) {
      name->second = match::normalize_item(c[5]);
    }
    learn::observation_row row;
    row.item = item_id{id(items_, name->second + "|" + c[6], added)};
    if (added) {
      builder.add(learn::item_row{row.item, name->second, c[6], "", c[6] != "LSUM" && c[6] != "Dlr"});
    }
    row.event = event_id{id(events_, c[2] + "|" + c[0], added)};
    if (added) {
      builder.add(learn::event_row{row.event, c[2].substr(0, 2)});
    }
    row.rank = static_cast<int>(number(c[11]));
    row.kind = row.rank == 0 ? learn::price_kind::estimate : learn::price_kind::bid;
    if (row.rank != 0) {
      row.supplier = supplier_id{id(suppliers_, match::normalize_supplier(c[8]), added)};
    }
    row.line = static_cast<int>(number(c[3]));
    row.observed_on = parse_date(c[0]).value();
    row.price = number(c[9]);
    row.quantity = number(c[7]);
    builder.add(row);
    ++rows;
  }

  std::unordered_map<std::string, std::string> names_;
  std::unordered_map<std::string, std::int64_t> items_, events_, suppliers_;
};

void print_limits(const learn::evaluation& e) {
  const auto row = [](const char* name, double value, double must, double aim, bool small) {
    const bool ok = small ? value <= must : value >= must;
    const bool best = small ? value <= aim : value >= aim;
    std::printf("%-34s %8.3f  must %.3f %s  aim %.3f %s\n", name, value, must, ok ? "yes" : "NO ", aim,
                best ? "yes" : "no");
  };
  row("MdAPE to the low bidder's price", e.ours.to_low, 0.240, 0.225, true);
  row("MdAPE to the median", e.ours.to_median, 0.200, 0.190, true);
  row("totals within 10 %", e.ours.totals_10, 0.52, 0.57, false);
  row("coverage of 90 % at least", e.coverage_90, 0.88, 0.89, false);
  row("coverage of 90 % at most", e.coverage_90, 0.92, 0.91, true);
  row("worst quantity band", e.worst_band_90, 0.85, 0.88, false);
  double worst_category = 1;
  for (const auto& c : e.categories) {
    worst_category = std::min(worst_category, c.coverage_90);
  }
  row("worst of the largest categories", worst_category, 0.86, 0.88, false);
  std::printf("gate (beats last price and trailing median): %s\n", learn::beats_baselines(e) ? "promote" : "reject");
}

// Time of one proposal's prediction, the fastest of five.
void print_latency(const learn::market_view& view, const learn::price_model& model) {
  const auto lines = view.history().lines();
  std::vector<learn::query_line> queries;
  for (std::size_t i = lines.size() / 7; queries.size() < 200; i += lines.size() / 300) {
    const auto& item = view.history().items()[lines[i].item];
    queries.push_back({item.id, item.normalized_name, item.unit, std::exp(lines[i].log_quantity)});
  }
  for (const bool reasons : {false, true}) {
    double best = 1e9;
    for (int k = 0; k < 5; ++k) {
      const auto start = clock_type::now();
      model.predict(view, {model.trained_until(), "82"}, queries, {.intervals = true, .reasons = reasons});
      best = std::min(best, since(start));
    }
    std::printf("200 lines %s reasons: %.1f ms\n", reasons ? "with" : "without", 1e3 * best);
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: mdot_protocol FOLDER [FROM UNTIL [RETRAIN_MONTHS [ROUNDS DEPTH RATE]]]\n");
    return 2;
  }
  const auto start = clock_type::now();
  reader in;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    if (entry.path().extension() == ".gz") {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    in.file(file);
  }
  const std::size_t rows = in.rows;
  const learn::price_history history = in.builder.build();
  std::printf("%zu rows, %zu observations, %zu lines, %.0f MB, read in %.1f s\n", rows, history.size(),
              history.lines().size(), static_cast<double>(history.memory_bytes()) / 1e6, since(start));
  const auto viewing = clock_type::now();
  const learn::market_view view(history);
  std::printf("market view in %.1f s\n", since(viewing));
  std::fflush(stdout);
  learn::evaluation_options o;
  o.from = parse_date(argc > 3 ? argv[2] : "2023-01-01").value();
  o.until = parse_date(argc > 3 ? argv[3] : "2025-01-01").value();
  o.retrain_months = argc > 4 ? std::atoi(argv[4]) : 6;
  if (argc > 7) {
    o.training.rounds = std::atoi(argv[5]);
    o.training.depth = std::atoi(argv[6]);
    o.training.learning_rate = std::atof(argv[7]);
  }
  const auto e = learn::evaluate(view, o).value();
  std::printf("%s", learn::to_table(e).c_str());
  print_limits(e);
  std::fflush(stdout);
  learn::train_options t = o.training;
  t.until = o.until;
  const auto training = clock_type::now();
  const auto model = learn::train(view, t).value();
  std::printf("training on all of it: %.1f s, %zu lines, %.1f MB\n", since(training), model.trained_lines(),
              static_cast<double>(model.save().size()) / 1e6);
  print_latency(view, model);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("largest memory %.2f GB\n", static_cast<double>(usage.ru_maxrss) / 1e6);
}
