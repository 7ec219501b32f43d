// Time-forward evaluation of the price model on yearly gzip CSVs of bid tabulations:
//   mdot_protocol FOLDER [FROM UNTIL [RETRAIN_MONTHS [ROUNDS DEPTH RATE]]]
// FROM and UNTIL default to 2023-01-01 and 2025-01-01. Prints the table, what is asked for and the times.
#include "bid_tabulations.hpp"

#include "learn/evaluate.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace {

using namespace pricing;
using clock_type = std::chrono::steady_clock;

double since(clock_type::time_point t) {
  return std::chrono::duration<double>(clock_type::now() - t).count();
}

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
  bench::bid_tabulations in;
  in.read_folder(argv[1]);
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
