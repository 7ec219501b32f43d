// Ranking quality and time of the anomaly detectors on sets of labelled rows, with nothing chosen per set:
//   anomaly_detection FILE.csv[.gz]...
// Each file: a header line, numbers (an empty cell is missing), last column 1 for an anomaly. Fits and scores all rows,
// as is usual for these sets. Columns: ROC AUC of the isolation forest as the product uses it (mean over seeds), of one
// with 100 trees, of tails (ECOD), of the combination; microseconds for one row of both forests and for training.
// bench/anomaly_against_sklearn.sh prints the peer beside it.
#include "learn/anomaly.hpp"

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

namespace {

using namespace pricing;
using clock_type = std::chrono::steady_clock;
constexpr int seeds = 5;

struct labelled {
  std::size_t features = 0;
  std::vector<float> values;
  std::vector<bool> anomaly;
  forest::rows rows() const { return {values.data(), anomaly.size(), features}; }
};

std::string read_file(const char* path) {
  gzFile f = gzopen(path, "rb"); // plain files too
  if (f == nullptr) {
    throw std::runtime_error(std::string("cannot open ") + path);
  }
  std::string out;
  std::string chunk(1 << 20, '\0');
  for (int n = 0; (n = gzread(f, chunk.data(), static_cast<unsigned>(chunk.size()))) > 0;) {
    out.append(chunk.data(), static_cast<std::size_t>(n));
  }
  gzclose(f);
  return out;
}

labelled read_set(const char* path) {
  const std::string text = read_file(path);
  labelled out;
  std::vector<float> row;
  for (std::size_t at = std::min(text.find('\n'), text.size() - 1) + 1; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    row.clear();
    for (const char *p = text.data() + at, *stop = text.data() + end; p < stop;) {
      const char* comma = std::find(p, stop, ',');
      float v = std::numeric_limits<float>::quiet_NaN();
      std::from_chars(p, comma, v);
      row.push_back(v);
      p = comma + 1;
    }
    at = end + 1;
    if (row.size() >= 2 && (out.features == 0 || row.size() == out.features + 1)) {
      out.features = row.size() - 1;
      out.values.insert(out.values.end(), row.begin(), row.end() - 1);
      out.anomaly.push_back(row.back() > 0.5F);
    }
  }
  return out;
}

// Mann and Whitney, ties shared.
double roc_auc(const std::vector<double>& score, const std::vector<bool>& anomaly) {
  std::vector<std::size_t> order(score.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return score[a] < score[b]; });
  double ranks = 0;
  double positives = 0;
  for (std::size_t i = 0; i < order.size();) {
    std::size_t j = i;
    while (j < order.size() && score[order[j]] == score[order[i]]) {
      ++j;
    }
    for (std::size_t k = i; k < j; ++k) {
      if (anomaly[order[k]]) {
        ranks += static_cast<double>(i + j + 1) / 2;
        ++positives;
      }
    }
    i = j;
  }
  const double negatives = static_cast<double>(score.size()) - positives;
  return (ranks - positives * (positives + 1) / 2) / (positives * negatives);
}

template <class F>
double auc_of(const labelled& set, F score) {
  std::vector<double> s(set.anomaly.size());
  for (std::size_t i = 0; i < s.size(); ++i) {
    s[i] = score(set.values.data() + i * set.features);
  }
  return roc_auc(s, set.anomaly);
}

// Best of several rounds over different rows, microseconds for one.
double one_row_us(const labelled& set, const forest::isolation_forest& f) {
  const std::size_t n = std::min<std::size_t>(set.anomaly.size(), 1'000);
  double best = std::numeric_limits<double>::infinity();
  float sum = 0;
  for (int round = 0; round < 10; ++round) {
    const auto start = clock_type::now();
    for (std::size_t i = 0; i < n; ++i) {
      sum += f.score(set.values.data() + i * set.features);
    }
    best = std::min(best, std::chrono::duration<double, std::micro>(clock_type::now() - start).count() /
                              static_cast<double>(n));
  }
  return sum > 0 ? best : -1;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: anomaly_detection FILE.csv[.gz]...\n");
    return 2;
  }
  std::printf("%-24s %7s %3s %9s %9s %9s %9s %9s %9s %9s\n", "set", "rows", "d", "forest", "100trees", "tails",
              "combined", "us/row", "us/row100", "train_ms");
  std::vector<double> sums(7, 0.0);
  for (int i = 1; i < argc; ++i) {
    const auto set = read_set(argv[i]);
    std::vector<double> v(7, 0.0);
    for (int seed = 0; seed < seeds; ++seed) {
      forest::isolation_options o;
      o.seed = static_cast<std::uint64_t>(seed) + 1;
      const auto start = clock_type::now();
      const auto full = forest::isolation_forest::train(set.rows(), set.features, o).value();
      const double train_ms = std::chrono::duration<double, std::milli>(clock_type::now() - start).count();
      o.trees = 100;
      const auto small = forest::isolation_forest::train(set.rows(), set.features, o).value();
      v[0] += auc_of(set, [&](const float* x) { return -full.mean_depth(x); }) / seeds;
      v[1] += auc_of(set, [&](const float* x) { return -small.mean_depth(x); }) / seeds;
      if (seed == 0) {
        v[4] = one_row_us(set, full);
        v[5] = one_row_us(set, small);
        v[6] = train_ms;
      }
    }
    const auto tails = learn::tail_outliers::fit(set.rows(), set.features).value();
    v[2] = auc_of(set, [&](const float* x) { return tails.score(x); });
    const auto combined = learn::anomaly_detector::fit(set.rows(), set.features).value();
    v[3] = auc_of(set, [&](const float* x) { return combined.score(x); });
    std::printf("%-24s %7zu %3zu %9.4f %9.4f %9.4f %9.4f %9.2f %9.2f %9.1f\n",
                std::filesystem::path(argv[i]).filename().c_str(), set.anomaly.size(), set.features, v[0], v[1], v[2],
                v[3], v[4], v[5], v[6]);
    std::fflush(stdout);
    for (std::size_t k = 0; k < v.size(); ++k) {
      sums[k] += v[k] / (argc - 1);
    }
  }
  std::printf("%-24s %7s %3s %9.4f %9.4f %9.4f %9.4f %9.2f %9.2f %9.1f\n", "mean", "", "", sums[0], sums[1], sums[2],
              sums[3], sums[4], sums[5], sums[6]);
  return 0;
}
