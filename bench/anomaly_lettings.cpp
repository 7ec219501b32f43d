// What the search for strange prices flags of real lettings, each a load with all before it as history:
//   anomaly_lettings FOLDER [FROM UNTIL [LETTINGS]]
// FOLDER: yearly gzip CSVs of bid tabulations. LETTINGS (6) of the days with at least 2,000 bids from FROM to UNTIL
// (2018-01-01, 2023-01-01), evenly spaced, are looked at; then again with one bid in 400 spoilt: its decimal point one
// place to the right, or three times its price. Exits 1 where more than one bid in a hundred is flagged.
#include "bid_tabulations.hpp"

#include "insight/anomaly_search.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

namespace {

using namespace pricing;

constexpr std::size_t bids_min = 2'000;
constexpr std::size_t one_spoilt_in = 400;
constexpr double flagged_share_max = 0.01;

learn::price_history history_until(const char* folder, date last) {
  bench::bid_tabulations in;
  in.until(last + std::chrono::days(1));
  in.read_folder(folder, static_cast<int>(std::chrono::year_month_day(last).year()));
  return in.builder.build();
}

std::vector<date> letting_days(const learn::price_history& history, date from, std::size_t lettings) {
  std::map<std::int32_t, std::size_t> bids;
  for (const auto& line : history.lines()) {
    bids[line.day] += line.bids;
  }
  std::vector<date> all;
  for (const auto& [day, n] : bids) {
    if (const date d{std::chrono::days{day}}; d >= from && n >= bids_min) {
      all.push_back(d);
    }
  }
  std::vector<date> out;
  for (std::size_t i = 0; i < lettings && !all.empty(); ++i) {
    out.push_back(all[all.size() * i / lettings]);
  }
  return out;
}

std::vector<insight::examined_price> load_of(const learn::price_history& history, date day) {
  std::vector<insight::examined_price> out;
  for (std::uint32_t l = 0; l < history.lines().size(); ++l) {
    const auto& line = history.lines()[l];
    if (date{std::chrono::days{line.day}} != day) {
      continue;
    }
    for (std::uint32_t i = line.first; i < line.first + line.count; ++i) {
      if (insight::is_offer(history.kind()[i])) {
        out.push_back({l, history.supplier()[i], std::exp(static_cast<double>(history.log_price()[i])),
                       std::exp(static_cast<double>(line.log_quantity))});
      }
    }
  }
  return out;
}

struct tally {
  std::size_t examined = 0, flagged = 0;
  std::size_t spoilt[2] = {}, found[2] = {};
};

void look_at(const char* folder, date day, tally& all) {
  const auto history = history_until(folder, day);
  const learn::market_view view(history);
  const insight::price_context context(view);
  const auto load = load_of(history, day);
  const insight::search_options options{.found_max = load.size()};
  const auto plain = insight::find_strange_prices(context, load, options);
  auto changed = load;
  std::mt19937_64 random(1);
  std::map<std::size_t, int> spoilt; // row: what was done
  for (std::size_t k = 0; k < load.size() / one_spoilt_in * 2; ++k) {
    const std::size_t row = random() % load.size();
    if (!std::isnan(context.expected(load[row].line)) && spoilt.emplace(row, k % 2).second) {
      changed[row].price *= k % 2 == 0 ? 10 : 3;
    }
  }
  std::set<std::size_t> rows;
  for (const auto& f : insight::find_strange_prices(context, changed, options).found) {
    rows.insert(f.row);
  }
  std::size_t n[2] = {}, found[2] = {};
  for (const auto& [row, how] : spoilt) {
    n[how] += 1;
    found[how] += rows.contains(row) ? 1 : 0;
  }
  std::printf("%s  %6zu bids  flagged %4zu (%.2f %%)  found of 10x %zu of %zu, of 3x %zu of %zu\n",
              to_string(day).c_str(), plain.examined, plain.found.size(),
              100 * static_cast<double>(plain.found.size()) / static_cast<double>(plain.examined), found[0], n[0],
              found[1], n[1]);
  std::fflush(stdout);
  all.examined += plain.examined;
  all.flagged += plain.found.size();
  for (const int how : {0, 1}) {
    all.spoilt[how] += n[how];
    all.found[how] += found[how];
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: anomaly_lettings FOLDER [FROM UNTIL [LETTINGS]]\n");
    return 2;
  }
  const date from = parse_date(argc > 3 ? argv[2] : "2018-01-01").value();
  const date until = parse_date(argc > 3 ? argv[3] : "2023-01-01").value();
  const auto days = letting_days(history_until(argv[1], until - std::chrono::days(1)), from,
                                 argc > 4 ? static_cast<std::size_t>(std::atoi(argv[4])) : 6);
  tally all;
  for (const date day : days) {
    look_at(argv[1], day, all);
  }
  const double share = static_cast<double>(all.flagged) / static_cast<double>(std::max<std::size_t>(all.examined, 1));
  std::printf("flagged %.2f %% of %zu bids   must <= %.0f %%   %s\n", 100 * share, all.examined,
              100 * flagged_share_max, share <= flagged_share_max ? "ok" : "MISSED");
  std::printf("found of prices ten times as high %zu of %zu, three times %zu of %zu\n", all.found[0], all.spoilt[0],
              all.found[1], all.spoilt[1]);
  return share <= flagged_share_max ? 0 : 1;
}
