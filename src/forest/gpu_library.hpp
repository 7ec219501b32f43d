#pragma once
// What libpricing_forest_gpu.so offers: a table of functions behind one C symbol, so that programs start and run where
// neither the library nor a driver is. Every function returns null, or why it failed (a text that stays).
// A model is used by one thread at a time. Private to this folder.
#include "forest/gpu_walk.hpp"

namespace pricing::forest::gpu {

struct library {
  std::size_t layout = 0; // layout_now of the build; others are refused
  // Copies the model to the device. device receives the device's name, at most 255 characters.
  const char* (*open)(const model& host, void** opened, char* device) = nullptr;
  // As forest::margins and contributions, before averages are divided.
  const char* (*margins)(void* opened, const float* values, std::size_t stride, std::size_t count,
                         float* out) = nullptr;
  const char* (*contributions)(void* opened, const float* values, std::size_t stride, std::size_t count,
                               float* out) = nullptr;
  void (*close)(void* opened) = nullptr;
};

// Raised with every change of the structures that the library shares with its caller.
inline constexpr std::size_t layout_now = 2;

inline constexpr const char* library_symbol = "pricing_forest_gpu"; // extern "C" const library* ()

} // namespace pricing::forest::gpu
