#pragma once
// A model on a device: when to use it, and what to do when it fails. Private to this folder.
#include "forest/forest.hpp"
#include "forest/gpu.hpp"
#include "forest/gpu_image.hpp"
#include "forest/gpu_library.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

namespace pricing::forest::gpu {

// The processor's answers, before averages are divided: what the device must equal and beat.
struct processor {
  std::function<void(rows, float*)> margins;
  std::function<void(rows, float*)> contributions; // empty without covers
};

class device {
 public:
  // Copies the model to the device, compares its answers with the processor's bit by bit and times both. An error if
  // there is no device, if the model does not fit, or if the margins differ.
  static result<std::unique_ptr<device>> open(const library& l, const image& i, const processor& p, gpu_options o);
  ~device();
  device(const device&) = delete;
  device& operator=(const device&) = delete;

  // False if the processor has to answer. Calls take turns.
  bool margins(rows x, float* out) const;
  bool contributions(rows x, float* out) const;
  const gpu_use& use() const { return use_; }

 private:
  device(const library& l, gpu_options o) : library_(l), options_(std::move(o)) {}
  const char* run_margins(rows x, float* out) const;
  const char* run_contributions(rows x, float* out) const;
  bool answered(const char* error) const;
  result<void> calibrate(const model& m, const processor& p);

  const library& library_;
  gpu_options options_;
  gpu_use use_;
  void* opened_ = nullptr;
  mutable std::mutex turn_;
  mutable std::atomic<bool> failed_ = false;
};

} // namespace pricing::forest::gpu
