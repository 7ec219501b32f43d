// Accuracy and time of src/forecast on the M3 competition, beside the forecasts that were submitted to it.
//   m3_forecast DIR [--period MONTHLY|QUARTERLY|YEARLY|OTHER] [--inner] [--every N] [--times]
// DIR holds M3_info.csv, M3_train.csv, M3_test.csv and submitted_forecasts/*.csv. --inner scores the last values of the
// training parts instead (what design decisions may look at). --every N takes each N-th series. --times prints the
// processor microseconds a series of each method and nothing else.
#include "forecast/ets.hpp"
#include "forecast/forecast.hpp"
#include "forecast/seasonal.hpp"
#include "forecast/theta.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

namespace {

using namespace pricing::forecast;
using path = std::vector<double>;

struct m3_series {
  std::string id;
  int period = 1, horizon = 0;
  path train, test;
};

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> out;
  std::stringstream in(line);
  for (std::string field; std::getline(in, field, ',');) {
    if (!field.empty() && field.back() == '\r') {
      field.pop_back();
    }
    out.push_back(field);
  }
  return out;
}

std::map<std::string, path> read_paths(const std::filesystem::path& file) {
  std::map<std::string, path> out;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const auto fields = split(line);
    path& p = out[fields.empty() ? "" : fields[0]];
    for (std::size_t k = 1; k < fields.size(); ++k) {
      if (!fields[k].empty()) {
        p.push_back(std::stod(fields[k]));
      }
    }
  }
  return out;
}

std::vector<m3_series> read_series(const std::filesystem::path& dir, const std::string& period) {
  std::vector<m3_series> out;
  auto train = read_paths(dir / "M3_train.csv"), test = read_paths(dir / "M3_test.csv");
  std::ifstream in(dir / "M3_info.csv");
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    const auto f = split(line);
    if (f.size() > 7 && f[2] == period) {
      out.push_back(
          {f[0], static_cast<int>(std::stod(f[5])), static_cast<int>(std::stod(f[7])), train[f[0]], test[f[0]]});
    }
  }
  return out;
}

double smape(const path& forecast, const path& actual) {
  double sum = 0;
  for (std::size_t h = 0; h < actual.size(); ++h) {
    sum += 200 * std::abs(forecast[h] - actual[h]) / (std::abs(forecast[h]) + std::abs(actual[h]));
  }
  return sum / static_cast<double>(actual.size());
}

path theta_forecast(const m3_series& s, bool dynamic) {
  path y = s.train;
  const path season = is_seasonal(y, s.period) ? seasonal_indices(y, s.period, true) : path{};
  for (std::size_t t = 0; t < y.size() && !season.empty(); ++t) {
    y[t] /= season[t % season.size()];
  }
  path f = predict(dynamic ? fit_dynamic_theta(y) : fit_theta(y), s.horizon);
  for (std::size_t h = 0; h < f.size() && !season.empty(); ++h) {
    f[h] *= season[(y.size() + h) % season.size()];
  }
  return f;
}

double processor_us() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return 1e6 * static_cast<double>(t.tv_sec) + 1e-3 * static_cast<double>(t.tv_nsec);
}

struct score {
  double smape = 0, us = 0;
};

} // namespace

int main(int argc, char** argv) {
  std::string dir, period = "MONTHLY";
  bool inner = false, times = false;
  std::size_t every = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    if (a == "--period" && i + 1 < argc) {
      period = argv[++i];
    } else if (a == "--every" && i + 1 < argc) {
      every = std::max(1, std::atoi(argv[++i]));
    } else if (a == "--inner") {
      inner = true;
    } else if (a == "--times") {
      times = true;
    } else {
      dir = a;
    }
  }
  std::vector<m3_series> all = read_series(dir, period);
  if (all.empty()) {
    std::fprintf(stderr, "usage: m3_forecast DIR [--period P] [--inner] [--every N] [--times]; no %s series in '%s'\n",
                 period.c_str(), dir.c_str());
    return 2;
  }
  const std::vector<std::pair<std::string, std::function<path(const m3_series&)>>> methods{
      {"combination",
       [](const m3_series& s) {
         return forecast({s.train, s.period}, s.horizon)->mean;
       }},
      {"ets", [](const m3_series& s) { return predict(*select_ets(s.train, s.period), s.horizon); }},
      {"theta", [](const m3_series& s) { return theta_forecast(s, false); }},
      {"dynamic theta", [](const m3_series& s) { return theta_forecast(s, true); }},
      {"seasonal naive", [](const m3_series& s) { return seasonal_naive(s.train, s.period, s.horizon); }},
  };
  std::map<std::string, score> scores;
  std::map<std::string, std::map<std::string, path>> submitted;
  if (!inner && !times && std::filesystem::is_directory(dir + "/submitted_forecasts")) {
    for (const auto& file : std::filesystem::directory_iterator(dir + "/submitted_forecasts")) {
      submitted[file.path().stem()] = read_paths(file.path());
    }
  }
  int n = 0;
  double inside_80 = 0, inside_90 = 0, steps = 0;
  for (std::size_t i = 0; i < all.size(); i += every) {
    m3_series& s = all[i];
    if (inner) {
      if (static_cast<int>(s.train.size()) - s.horizon < std::max(8, 2 * s.period + 4)) {
        continue;
      }
      s.test.assign(s.train.end() - s.horizon, s.train.end());
      s.train.resize(s.train.size() - s.horizon);
    }
    ++n;
    for (const auto& [name, method] : methods) {
      double best = 1e18;
      path f;
      for (int round = 0; round < (times ? 3 : 1); ++round) {
        const double start = processor_us();
        f = method(s);
        best = std::min(best, processor_us() - start);
      }
      scores[name].us += best;
      scores[name].smape += smape(f, s.test);
    }
    for (const auto& [name, paths] : submitted) {
      scores[name + " (submitted)"].smape += smape(paths.at(s.id), s.test);
    }
    const auto r = forecast({s.train, s.period}, s.horizon);
    for (int h = 0; h < s.horizon; ++h) {
      steps += 1;
      inside_80 += s.test[h] >= r->at_80.lower[h] && s.test[h] <= r->at_80.upper[h];
      inside_90 += s.test[h] >= r->at_90.lower[h] && s.test[h] <= r->at_90.upper[h];
    }
  }
  if (times) {
    for (const auto& [name, method] : methods) {
      std::printf("%s,%.2f\n", name.c_str(), scores[name].us / n);
    }
    return 0;
  }
  std::printf("M3 %s, %d series%s\n%-28s %8s %12s\n", period.c_str(), n, inner ? ", ends of the training parts" : "",
              "method", "sMAPE", "us/series");
  for (const auto& [name, s] : scores) {
    std::printf("%-28s %8.3f %12.1f\n", name.c_str(), s.smape / n, s.us / n);
  }
  std::printf("combination's intervals hold %.1f %% (nominal 80) and %.1f %% (nominal 90)\n", 100 * inside_80 / steps,
              100 * inside_90 / steps);
  if (period == "MONTHLY" && !inner && every == 1) {
    const double ours = scores["combination"].smape / n;
    std::printf("must 13.9, aim 13.5: %s\n", ours <= 13.9 ? "ok" : "MISSED");
    return ours <= 13.9 ? 0 : 1;
  }
  return 0;
}
