// The GPU variant of the forests against the processor (best instructions, one thread), same model and rows, in turns;
// best of five. Checks that all bits agree. Exits 2 where the library or a device is missing, which it says.
//   forest_gpu MODEL.ubj|MODEL.json [LIBRARY]      e.g. a model kept by forest_against_xgboost --models
#include "forest/forest.hpp"
#include "forest/model_file.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

namespace {

using namespace pricing::forest;
using answer = pricing::result<void> (forest::*)(rows, std::span<float>) const;

double best_s(const forest& f, answer what, rows x, std::vector<float>& out) {
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    (f.*what)(x, out).value();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

bool duel(const char* name, answer what, const forest& processor, const forest& device, rows x, std::size_t width) {
  std::vector<float> expected(x.count * width);
  std::vector<float> out(x.count * width);
  const double processor_s = best_s(processor, what, x, expected);
  const double device_s = best_s(device, what, x, out);
  const bool equal = std::memcmp(expected.data(), out.data(), out.size() * sizeof(float)) == 0;
  std::printf("%-14s %7zu rows   processor %10.3f ms   gpu %10.3f ms   ratio %7.2f   bits %s\n", name, x.count,
              processor_s * 1e3, device_s * 1e3, processor_s / device_s, equal ? "equal" : "DIFFER");
  return equal;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "usage: %s MODEL.ubj|MODEL.json [LIBRARY]\n", argv[0]);
    return 2;
  }
  std::ifstream in(argv[1], std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const auto processor = forest::build(load_xgboost(bytes).value()).value();
  auto device = forest::build(load_xgboost(bytes).value()).value();
  const auto library = argc == 3 ? load_gpu_library(argv[2]) : load_gpu_library();
  const auto measured = library.has_value() ? device.use_gpu(**library) : pricing::result<gpu_use>(library.error());
  if (measured.has_error()) {
    std::fprintf(stderr, "nothing to measure: %s\n", measured.error().message.c_str());
    return 2;
  }
  std::printf("%s: margins from %zu rows on, contributions from %zu (%zu is never)\n", measured->device.c_str(),
              measured->margin_rows_min, measured->contribution_rows_min, gpu_rows_never);
  (void)device.use_gpu(**library, {.rows_min = 1}).value(); // also where it is slower
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> x(std::size_t{65'536} * processor.features());
  std::generate(x.begin(), x.end(), [&] { return normal(random); });
  bool ok = true;
  for (const std::size_t n : {64, 1024, 8192, 65'536}) {
    const rows all{x.data(), n, processor.features()};
    ok = duel("margins", &forest::margins, processor, device, all, processor.groups()) && ok;
    if (n <= 8192 && measured->contribution_rows_min != gpu_rows_never) {
      ok = duel("contributions", &forest::contributions, processor, device, all,
                processor.groups() * (processor.features() + 1)) &&
           ok;
    }
  }
  return ok ? 0 : 1;
}
