// libpricing_forest_gpu.so: gpu_library.hpp on CUDA, for devices of compute capability 8.0 and later.
#include "forest/gpu_library.hpp"

#include <algorithm>
#include <cstdio>
#include <cuda_runtime.h>
#include <memory>

namespace pricing::forest::gpu {
namespace {

constexpr std::uint32_t warps = tile_trees / warp_trees; // of a block of margins
constexpr std::size_t tile_floats = std::size_t{tile_trees} * lanes;
constexpr std::uint32_t explain_threads_max = 64;
constexpr std::size_t buffer_bytes = std::size_t{64} << 20; // on the device; calls above it go in pieces
constexpr std::size_t piece_rows_max = 65'536;
constexpr std::uint32_t copy_blocks = 1024;

// A block takes 32 rows, one per lane, whose bytes lie in shared memory. Its warps find the leaves of 4 trees each into
// a tile; then the first warp adds them in order while the others fill the next tile.
__global__ void margins_kernel(model m, const float* values, std::uint32_t count, float* out) {
  extern __shared__ char shared[];
  auto* tiles = reinterpret_cast<float*>(shared);
  auto* q = reinterpret_cast<std::int8_t*>(tiles + 2 * tile_floats);
  const std::uint32_t lane = threadIdx.x;
  const std::uint32_t warp = threadIdx.y;
  const std::uint32_t row = blockIdx.x * lanes + lane;
  const float* x = values + std::size_t{min(row, count - 1)} * m.features; // lanes beyond the last only keep company
  const bool adds = warp == 0 && row < count;
  for (std::size_t i = warp; i < rank_items(m); i += warps) {
    rank_item(m, i, x, lane, q);
  }
  __syncthreads();
  row_sums sums;
  if (adds) {
    sums.begin(m, out + std::size_t{row} * m.groups);
  }
  const auto trees = static_cast<std::uint32_t>(m.trees.size);
  float* tile = tiles;
  float* next = tiles + tile_floats;
  for (std::uint32_t first = 0; first < trees; first += tile_trees) {
    const std::uint32_t mine = first + warp * warp_trees;
    if (mine < trees) {
      find_leaves(m, mine, min(warp_trees, trees - mine), x, q, lane, tile + warp * warp_trees * lanes + lane);
    }
    __syncthreads(); // the tile is full, and the other one has been added
    if (adds) {
      sums.add(m, first, min(first + tile_trees, trees), tile + lane);
    }
    float* const full = tile;
    tile = next;
    next = full;
  }
  if (adds) {
    sums.finish();
  }
}

// From rows to columns: thread after thread then reads neighbours.
__global__ void spread_kernel(const float* values, std::size_t features, std::size_t count, float* columns) {
  const auto step = std::size_t{gridDim.x} * blockDim.x;
  for (auto i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x; i < features * count; i += step) {
    columns[i] = values[i % count * features + i / count];
  }
}

__global__ void collect_kernel(model m, const float* phi, std::size_t count, float* out) {
  const auto width = m.features + 1;
  const auto step = std::size_t{gridDim.x} * blockDim.x;
  for (auto i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x; i < m.groups * width * count; i += step) {
    const auto feature = i % width;
    const auto group = i / width % m.groups;
    const auto row = i / (width * m.groups);
    out[i] = feature == m.features ? m.bias[group] : phi[(group * m.features + feature) * count + row];
  }
}

// One row per thread and one output per grid layer: every thread of a warp is at the same split of the same tree.
__global__ void explain_kernel(model m, float* columns, std::uint32_t count, float* phi) {
  extern __shared__ float scratch[];
  const std::uint32_t row = blockIdx.x * blockDim.x + threadIdx.x;
  if (row >= count) {
    return;
  }
  const column_of x{columns + row, count};
  const column_of sums{phi + blockIdx.y * m.features * count + row, count};
  const column_of products{scratch + threadIdx.x, blockDim.x};
  for (std::size_t t = 0; t < m.paths.size; ++t) {
    if (m.paths[t].group == blockIdx.y) {
      explain(m, m.paths[t], x, sums, products);
    }
  }
}

// Stops at the first failure, whose text is the function's answer.
#define PRICING_TRY(call)                                                                                              \
  if (const cudaError_t tried = (call); tried != cudaSuccess) {                                                        \
    return cudaGetErrorString(tried);                                                                                  \
  }

struct device_memory {
  device_memory() = default;
  device_memory(const device_memory&) = delete;
  device_memory& operator=(const device_memory&) = delete;
  ~device_memory() { cudaFree(at); }
  const char* allocate(std::size_t bytes) {
    PRICING_TRY(cudaMalloc(&at, std::max<std::size_t>(bytes, 1)));
    return nullptr;
  }
  void* at = nullptr;
};

class device_model {
 public:
  ~device_model() {
    if (stream_ != nullptr) {
      cudaStreamDestroy(stream_);
    }
  }

  const char* open(const model& host, char* name) {
    cudaDeviceProp properties{};
    int device = 0;
    PRICING_TRY(cudaGetDevice(&device));
    PRICING_TRY(cudaGetDeviceProperties(&properties, device));
    std::snprintf(name, 256, "%s", properties.name);
    if (properties.major < 8) {
      return "the device is older than compute capability 8.0";
    }
    PRICING_TRY(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
    if (const char* error = upload(host); error != nullptr) {
      return error;
    }
    if (const char* error = choose_shared_memory(properties.sharedMemPerBlockOptin); error != nullptr) {
      return error;
    }
    const auto per_row =
        (explain_threads_ > 0 ? 2 * m_.features + m_.groups * (2 * m_.features + 1) : m_.features + m_.groups) *
        sizeof(float);
    piece_ = std::min(piece_rows_max, buffer_bytes / per_row);
    if (piece_ == 0) {
      return "a row of the model needs more memory than the buffer has";
    }
    return buffer_.allocate(piece_ * per_row);
  }

  const char* margins(const float* values, std::size_t stride, std::size_t count, float* out) {
    auto* x = static_cast<float*>(buffer_.at);
    auto* sums = x + piece_ * m_.features;
    for (std::size_t i = 0; i < count; i += piece_) {
      const auto n = std::min(piece_, count - i);
      if (const char* error = copy_rows(values + i * stride, stride, n, x); error != nullptr) {
        return error;
      }
      const auto blocks = static_cast<std::uint32_t>((n + lanes - 1) / lanes);
      margins_kernel<<<blocks, dim3(lanes, warps), margins_shared_, stream_>>>(m_, x, static_cast<std::uint32_t>(n),
                                                                               sums);
      if (const char* error = copy_back(sums, n * m_.groups, out + i * m_.groups); error != nullptr) {
        return error;
      }
    }
    return nullptr;
  }

  const char* contributions(const float* values, std::size_t stride, std::size_t count, float* out) {
    if (explain_threads_ == 0) {
      return "the model's trees are too deep to explain on the device";
    }
    const auto width = m_.groups * (m_.features + 1);
    auto* x = static_cast<float*>(buffer_.at);
    auto* columns = x + piece_ * m_.features;
    auto* phi = columns + piece_ * m_.features;
    auto* rows = phi + piece_ * m_.groups * m_.features;
    for (std::size_t i = 0; i < count; i += piece_) {
      const auto n = std::min(piece_, count - i);
      if (const char* error = copy_rows(values + i * stride, stride, n, x); error != nullptr) {
        return error;
      }
      PRICING_TRY(cudaMemsetAsync(phi, 0, n * m_.groups * m_.features * sizeof(float), stream_));
      spread_kernel<<<copy_blocks, 256, 0, stream_>>>(x, m_.features, n, columns);
      const dim3 grid(static_cast<std::uint32_t>((n + explain_threads_ - 1) / explain_threads_),
                      static_cast<std::uint32_t>(m_.groups));
      const auto shared = explain_threads_ * m_.path_floats * sizeof(float);
      explain_kernel<<<grid, explain_threads_, shared, stream_>>>(m_, columns, static_cast<std::uint32_t>(n), phi);
      collect_kernel<<<copy_blocks, 256, 0, stream_>>>(m_, phi, n, rows);
      if (const char* error = copy_back(rows, n * width, out + i * width); error != nullptr) {
        return error;
      }
    }
    return nullptr;
  }

 private:
  // Every array in one piece of memory, each at a multiple of 256 bytes.
  const char* upload(const model& host) {
    const auto space = [](const auto& a) { return (a.size * sizeof(*a.data) + 255) / 256 * 256; };
    m_ = host;
    std::size_t bytes = 0;
    each_array(m_, [&](const auto& a) { bytes += space(a); });
    if (const char* error = arrays_.allocate(bytes); error != nullptr) {
      return error;
    }
    auto* at = static_cast<char*>(arrays_.at);
    cudaError_t status = cudaSuccess;
    each_array(m_, [&](auto& a) {
      if (status == cudaSuccess && a.size > 0) {
        status = cudaMemcpy(at, a.data, a.size * sizeof(*a.data), cudaMemcpyHostToDevice);
      }
      const auto taken = space(a);
      a.data = reinterpret_cast<decltype(a.data)>(at);
      at += taken;
    });
    PRICING_TRY(status);
    PRICING_TRY(cudaDeviceSynchronize()); // small copies may still be under way, and stream_ waits for no other
    return nullptr;
  }

  const char* choose_shared_memory(std::size_t most) {
    margins_shared_ = 2 * tile_floats * sizeof(float) + block_bytes(m_);
    if (margins_shared_ > most) {
      return "the model tests more columns than the device's shared memory holds";
    }
    // Of a kernel and not of a model: always the most, so that models do not lower each other's.
    PRICING_TRY(
        cudaFuncSetAttribute(margins_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(most)));
    PRICING_TRY(cudaFuncSetAttribute(explain_kernel<true>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                     static_cast<int>(most)));
    PRICING_TRY(cudaFuncSetAttribute(explain_kernel<false>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                     static_cast<int>(most)));
    for (std::uint32_t n = explain_threads_max; n >= 32 && m_.path_floats > 0 && explain_threads_ == 0; n /= 2) {
      if (n * m_.path_floats * sizeof(float) <= most) {
        explain_threads_ = n;
      }
    }
    return nullptr;
  }

  const char* copy_rows(const float* values, std::size_t stride, std::size_t count, float* x) {
    const auto width = m_.features * sizeof(float);
    if (width > 0) {
      PRICING_TRY(
          cudaMemcpy2DAsync(x, width, values, stride * sizeof(float), width, count, cudaMemcpyHostToDevice, stream_));
    }
    return nullptr;
  }

  const char* copy_back(const float* from, std::size_t size, float* out) {
    PRICING_TRY(cudaGetLastError());
    PRICING_TRY(cudaMemcpyAsync(out, from, size * sizeof(float), cudaMemcpyDeviceToHost, stream_));
    PRICING_TRY(cudaStreamSynchronize(stream_));
    return nullptr;
  }

  model m_; // with the device's addresses
  device_memory arrays_;
  device_memory buffer_;
  std::size_t piece_ = 0;
  std::size_t margins_shared_ = 0;
  std::uint32_t explain_threads_ = 0;
  cudaStream_t stream_ = nullptr;
};

const char* open(const model& host, void** opened, char* device) {
  auto m = std::make_unique<device_model>();
  if (const char* error = m->open(host, device); error != nullptr) {
    return error;
  }
  *opened = m.release();
  return nullptr;
}

const char* margins(void* opened, const float* values, std::size_t stride, std::size_t count, float* out) {
  return static_cast<device_model*>(opened)->margins(values, stride, count, out);
}

const char* contributions(void* opened, const float* values, std::size_t stride, std::size_t count, float* out) {
  return static_cast<device_model*>(opened)->contributions(values, stride, count, out);
}

void close(void* opened) {
  delete static_cast<device_model*>(opened);
}

} // namespace
} // namespace pricing::forest::gpu

extern "C" __attribute__((visibility("default"))) const pricing::forest::gpu::library* pricing_forest_gpu() {
  using namespace pricing::forest::gpu;
  static constexpr library all{layout_now, open, margins, contributions, close};
  return &all;
}
