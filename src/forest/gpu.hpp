#pragma once
// Answers large calls on a GPU, where there is one and where that is faster. The code for it is a library of its own
// (built with PRICING_GPU), found at run time: without it, or without a device, everything runs on the processor.
#include "forest/ensemble.hpp"

#include <cstddef>
#include <functional>
#include <limits>
#include <string>

namespace pricing::forest {

namespace gpu {
struct library;
}

inline constexpr std::size_t gpu_rows_never = std::numeric_limits<std::size_t>::max();

struct gpu_options {
  std::size_t rows_min = 0; // calls of so many rows go to the device; 0: as measured
  // Told once, with the reason, when a device fails in use; the processor answers from then on. From any thread.
  std::function<void(const std::string&)> failed;
};

// What forest::use_gpu found; gpu_rows_never where the device is not faster, or not able.
struct gpu_use {
  std::string device;
  std::size_t margin_rows_min = gpu_rows_never;
  std::size_t contribution_rows_min = gpu_rows_never;
};

// Loads the library once for the process, which it never leaves. unavailable, with the loader's words, if it is not
// there or from another build. A name without a slash is looked for beside the program's other libraries.
result<const gpu::library*> load_gpu_library(const std::string& path = "libpricing_forest_gpu.so");

} // namespace pricing::forest
