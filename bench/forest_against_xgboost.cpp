// The forest engine against XGBoost's in-place prediction and pred_contribs through its C API, same models, same rows,
// one thread, in turns; the best CPU time of several rounds of each counts. Prints both and the ratio; exits 1 below a
// must.
//   forest_against_xgboost [--exact] [--isa portable|avx2|avx512] [--models DIR]
// --exact trains with every value as a candidate threshold instead of 256 bins. --models keeps the trained models.
#include "../tests/unit/forest/xgboost_oracle.hpp"
#include "forest/forest.hpp"
#include "forest/model_file.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>

namespace {

using namespace pricing::forest;

struct options {
  bool exact = false;
  isa which = isa::best;
  std::string models;
};

// Of this thread, which does all the work of both; a busy machine then disturbs less.
double cpu_now_s() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}
double seconds(const std::function<void()>& f) {
  const double start = cpu_now_s();
  f();
  return cpu_now_s() - start;
}

// Best time of one call of each, measured in turns so that both see the same machine.
std::pair<double, double> duel(const std::function<void()>& ours, int ours_repeats, const std::function<void()>& theirs,
                               int theirs_repeats, int rounds = 15) {
  double best_ours = 1e9;
  double best_theirs = 1e9;
  for (int round = 0; round < rounds; ++round) {
    best_ours = std::min(best_ours, seconds([&] {
                                      for (int i = 0; i < ours_repeats; ++i) {
                                        ours();
                                      }
                                    }) / ours_repeats);
    best_theirs = std::min(best_theirs, seconds([&] {
                                          for (int i = 0; i < theirs_repeats; ++i) {
                                            theirs();
                                          }
                                        }) / theirs_repeats);
  }
  return {best_ours, best_theirs};
}

bool report(const char* what, std::pair<double, double> t, double per, double must, double aim) {
  const double ratio = t.second / t.first;
  std::printf("%-28s ours %10.3f us   xgboost %10.3f us   ratio %7.1f   must %4.0f  aim %4.0f  %s\n", what,
              t.first / per * 1e6, t.second / per * 1e6, ratio, must, aim, ratio >= must ? "ok" : "MISSED");
  std::fflush(stdout);
  return ratio >= must;
}

std::string model_bytes(const oracle::table& t, int trees, int depth, const options& o) {
  const std::string path =
      o.models + "/" + std::to_string(trees) + "x" + std::to_string(depth) + (o.exact ? "exact" : "hist") + ".ubj";
  if (std::ifstream in(path, std::ios::binary); !o.models.empty() && in) {
    return {std::istreambuf_iterator<char>(in), {}};
  }
  const oracle::booster b(t,
                          {{"tree_method", o.exact ? "exact" : "hist"},
                           {"max_depth", std::to_string(depth)},
                           {"eta", "0.05"},
                           {"min_child_weight", "1"},
                           {"nthread", "1"}},
                          trees);
  const auto bytes = b.save("ubj");
  if (!o.models.empty()) {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  return bytes;
}

struct loaded_booster {
  BoosterHandle handle = nullptr;
  explicit loaded_booster(const std::string& bytes) {
    oracle::check(XGBoosterCreate(nullptr, 0, &handle));
    oracle::check(XGBoosterLoadModelFromBuffer(handle, bytes.data(), bytes.size()));
    oracle::check(XGBoosterSetParam(handle, "nthread", "1"));
  }
  ~loaded_booster() { XGBoosterFree(handle); }
  const float* in_place(const float* values, std::size_t rows, std::size_t columns) const {
    char array[256];
    std::snprintf(array, sizeof array, R"({"data":[%zu,true],"shape":[%zu,%zu],"typestr":"<f4","version":3})",
                  reinterpret_cast<std::size_t>(values), rows, columns);
    const char* config = R"({"type":1,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false,)"
                         R"("missing":NaN,"cache_id":0})";
    const bst_ulong* shape = nullptr;
    bst_ulong dimensions = 0;
    const float* out = nullptr;
    oracle::check(XGBoosterPredictFromDense(handle, array, config, nullptr, &shape, &dimensions, &out));
    return out;
  }
  const float* contributions(const oracle::matrix& m) const {
    const char* config = R"({"type":2,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false})";
    const bst_ulong* shape = nullptr;
    bst_ulong dimensions = 0;
    const float* out = nullptr;
    oracle::check(XGBoosterPredictFromDMatrix(handle, m.handle(), config, &shape, &dimensions, &out));
    return out;
  }
};

bool one_row(const forest& ours, const loaded_booster& theirs, const oracle::table& t) {
  std::size_t a = 0;
  std::size_t b = 0;
  float out = 0;
  const auto times = duel(
      [&] {
        a = (a + 1) % t.rows;
        (void)ours.margins({t.values.data() + a * t.columns, 1, t.columns}, {&out, 1});
      },
      200,
      [&] {
        b = (b + 1) % t.rows;
        theirs.in_place(t.values.data() + b * t.columns, 1, t.columns);
      },
      30, 100);
  return report("one row", times, 1, 8, 20);
}

bool batch(const char* what, const forest& ours, const loaded_booster& theirs, const oracle::table& t, double must,
           double aim) {
  std::vector<float> out(t.rows);
  const auto times = duel(
      [&] {
        (void)ours.margins({t.values.data(), t.rows, t.columns}, out);
      },
      3, [&] { theirs.in_place(t.values.data(), t.rows, t.columns); }, 1);
  const auto* expected = theirs.in_place(t.values.data(), t.rows, t.columns);
  if (std::memcmp(expected, out.data(), out.size() * sizeof(float)) != 0) {
    std::printf("%s: NOT EQUAL to xgboost\n", what);
    return false;
  }
  return report(what, times, static_cast<double>(t.rows), must, aim);
}

bool explain(const forest& ours, const loaded_booster& theirs, oracle::table t) {
  t.rows = 64;
  t.values.resize(t.rows * t.columns);
  t.target.resize(t.rows);
  const oracle::matrix m(t);
  std::vector<float> out(t.rows * (t.columns + 1));
  const rows x{t.values.data(), t.rows, t.columns};
  const auto times = duel([&] { (void)ours.contributions(x, out); }, 10, [&] { theirs.contributions(m); }, 1, 5);
  const float* expected = theirs.contributions(m);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!(std::abs(out[i] - expected[i]) <= 1e-4 + 1e-5 * std::abs(expected[i]))) {
      std::printf("contributions: value %zu is %g, xgboost says %g\n", i, out[i], expected[i]);
      return false;
    }
  }
  return report("SHAP of 64 rows, per row", times, static_cast<double>(t.rows), 10, 25);
}

} // namespace

int main(int argc, char** argv) {
  options o;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--exact") == 0) {
      o.exact = true;
    } else if (std::strcmp(argv[i], "--isa") == 0 && i + 1 < argc) {
      ++i;
      o.which = std::strcmp(argv[i], "avx2") == 0     ? isa::avx2
                : std::strcmp(argv[i], "avx512") == 0 ? isa::avx512
                                                      : isa::portable;
    } else if (std::strcmp(argv[i], "--models") == 0 && i + 1 < argc) {
      o.models = argv[++i];
    } else {
      std::fprintf(stderr, "usage: %s [--exact] [--isa portable|avx2|avx512] [--models DIR]\n", argv[0]);
      return 2;
    }
  }
  oracle::use_one_thread();
  const auto train = oracle::random_table({.rows = 20'000, .columns = 50});
  const auto test = oracle::random_table({.rows = 8192, .columns = 50, .seed = 9});
  bool ok = true;
  {
    const auto bytes = model_bytes(train, 500, 6, o);
    const loaded_booster theirs(bytes);
    const auto ours = forest::build(load_xgboost(bytes).value(), o.which).value();
    std::printf("500 trees, depth 6, 50 features, one thread, isa %d\n", static_cast<int>(ours.instructions()));
    ok = one_row(ours, theirs, test) && ok;
    ok = batch("batch of 8192, per row", ours, theirs, test, 6, 12) && ok;
    ok = explain(ours, theirs, test) && ok;
  }
  {
    const auto bytes = model_bytes(train, 1000, 8, o);
    const loaded_booster theirs(bytes);
    const auto ours = forest::build(load_xgboost(bytes).value(), o.which).value();
    ok = batch("1000 x 8, batch, per row", ours, theirs, test, 6, 12) && ok;
  }
  return ok ? 0 : 1;
}
