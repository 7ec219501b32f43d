#include "forest/gpu_device.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <dlfcn.h>
#include <random>
#include <utility>

namespace pricing::forest {
namespace {

error unavailable(std::string why) {
  return {errc::unavailable, std::move(why)};
}

} // namespace

result<const gpu::library*> load_gpu_library(const std::string& path) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    return unavailable(std::string("no GPU variant of the forests: ") + dlerror());
  }
  using entry = const gpu::library* (*)();
  const auto find = reinterpret_cast<entry>(dlsym(handle, gpu::library_symbol));
  const auto* l = find == nullptr ? nullptr : find();
  if (l == nullptr || l->layout != gpu::layout_now) {
    return unavailable(path + " belongs to another build of this program; install both together");
  }
  return l;
}

namespace gpu {
namespace {

constexpr std::size_t compared_rows = 256;
constexpr std::size_t rows_max = 16'384; // timed
constexpr std::size_t values_max = std::size_t{1} << 22;
constexpr double patience_s = 0.5; // for a call; a device so slow is not tried with more rows
constexpr double advantage = 0.9;  // of the processor's time, so that a draw stays there

// Values that go both ways at many splits: thresholds of their features, what is missing, and categories.
std::vector<float> sample_rows(const model& m, std::size_t count) {
  std::minstd_rand random(7);
  std::vector<float> x(count * m.features);
  for (auto& v : x) {
    v = static_cast<float>(random() % 16);
  }
  for (std::size_t i = 0; i < m.ranked.size; ++i) {
    const auto& f = m.ranked[i];
    const auto size = std::size_t{1} << f.levels; // with one NaN or more
    for (std::size_t r = 0; r < count; ++r) {
      x[r * m.features + f.feature] = m.thresholds[f.table + random() % std::max<std::size_t>(1, size - 1)];
    }
  }
  return x;
}

double best_s(const std::function<void()>& f) {
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    const auto start = std::chrono::steady_clock::now();
    f();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

// The smallest power of two at which the device is faster.
std::size_t cross_over(std::size_t count, double processor_row_s, const std::function<void(std::size_t)>& run) {
  for (std::size_t n = 32; n <= count; n *= 2) {
    const double device_s = best_s([&] { run(n); });
    if (device_s < advantage * processor_row_s * static_cast<double>(n)) {
      return n;
    }
    if (device_s > patience_s) {
      break;
    }
  }
  return gpu_rows_never;
}

} // namespace

result<std::unique_ptr<device>> device::open(const library& l, const image& i, const processor& p, gpu_options o) {
  std::unique_ptr<device> d(new device(l, std::move(o)));
  const auto m = i.view();
  char name[256] = {};
  if (const char* failure = l.open(m, &d->opened_, name); failure != nullptr) {
    return unavailable(std::string("the GPU does not take the model: ") + failure);
  }
  d->use_.device = name;
  if (auto ok = d->calibrate(m, p); ok.has_error()) {
    return ok.error();
  }
  return d;
}

device::~device() {
  if (opened_ != nullptr) {
    library_.close(opened_);
  }
}

result<void> device::calibrate(const model& m, const processor& p) {
  const auto width = m.groups * (m.features + 1);
  const auto count = std::clamp<std::size_t>(values_max / width, 32, rows_max);
  const auto values = sample_rows(m, count);
  const auto first = [&](std::size_t n) { return rows{values.data(), n, m.features}; };
  const auto compared = std::min(count, compared_rows);
  std::vector<float> expected(compared * width);
  std::vector<float> out(count * width);
  const char* failure = nullptr;
  const auto row_s = [&](const auto& answer) {
    return best_s([&] { answer(first(compared), expected.data()); }) / static_cast<double>(compared);
  };
  const auto equal = [&](std::size_t per_row) {
    return std::memcmp(expected.data(), out.data(), compared * per_row * sizeof(float)) == 0;
  };

  const double margin_s = row_s(p.margins);
  failure = run_margins(first(compared), out.data());
  if (failure != nullptr) {
    return unavailable(std::string("the GPU failed: ") + failure);
  }
  if (!equal(m.groups)) {
    return unavailable("the GPU's margins differ from the processor's, so it is not used");
  }
  const auto chosen = [&](double processor_row_s, const std::function<void(std::size_t)>& run) {
    return options_.rows_min > 0 ? options_.rows_min : cross_over(count, processor_row_s, run);
  };
  use_.margin_rows_min = chosen(margin_s, [&](std::size_t n) { failure = run_margins(first(n), out.data()); });
  if (p.contributions && m.path_floats > 0 && failure == nullptr) {
    const double shap_s = row_s(p.contributions);
    failure = run_contributions(first(compared), out.data());
    if (failure == nullptr && equal(width)) {
      use_.contribution_rows_min =
          chosen(shap_s, [&](std::size_t n) { failure = run_contributions(first(n), out.data()); });
    }
  }
  if (failure != nullptr) {
    return unavailable(std::string("the GPU failed: ") + failure);
  }
  return {};
}

const char* device::run_margins(rows x, float* out) const {
  return library_.margins(opened_, x.values, x.stride, x.count, out);
}
const char* device::run_contributions(rows x, float* out) const {
  return library_.contributions(opened_, x.values, x.stride, x.count, out);
}

bool device::answered(const char* error) const {
  if (error != nullptr && !failed_.exchange(true) && options_.failed) {
    options_.failed(error);
  }
  return error == nullptr;
}

bool device::margins(rows x, float* out) const {
  if (x.count < use_.margin_rows_min || failed_) {
    return false;
  }
  const std::lock_guard lock(turn_);
  return answered(run_margins(x, out));
}

bool device::contributions(rows x, float* out) const {
  if (x.count < use_.contribution_rows_min || failed_) {
    return false;
  }
  const std::lock_guard lock(turn_);
  return answered(run_contributions(x, out));
}

} // namespace gpu
} // namespace pricing::forest
