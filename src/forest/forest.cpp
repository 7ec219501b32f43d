#include "forest/forest.hpp"

#include "forest/explained.hpp"
#include "forest/gpu_device.hpp"
#include "forest/links.hpp"
#include "forest/packed.hpp"
#include "forest/walk.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

namespace pricing::forest {

struct forest::state {
  explicit state(ensemble e) : model(std::move(e)), layout(model) {}
  ensemble model;
  packed layout;
  isa which = isa::portable;
  const kernels* run = nullptr;
  std::once_flag explain_once;
  std::optional<explained> explain;
  std::unique_ptr<gpu::device> device; // null: the processor answers
};

namespace {

constexpr std::size_t single_rows_max = 7; // above, a block of 64 with empty rows is faster
constexpr std::size_t tile_blocks_max = 4; // blocks that share a pass over the trees
constexpr std::size_t tile_bytes = std::size_t{1} << 16;
constexpr std::size_t tile_trees = 32;
constexpr std::size_t tile_floats = std::size_t{1} << 20;

struct scratch {
  std::vector<std::int8_t> bytes;
  std::vector<float> sums;
  std::vector<float> x;
  std::vector<float> phi;
  std::vector<float> products;
  std::vector<float> margins;
};
template <class T>
T* grown(std::vector<T>& v, std::size_t size) {
  if (v.size() < size) {
    v.resize(size);
  }
  return v.data();
}
scratch& own_scratch() {
  thread_local scratch s;
  return s;
}

result<void> check(const ensemble& e, rows x, std::size_t out, std::size_t needed) {
  if (x.count > 0 && x.stride < e.features) {
    return invalid_input("a row has " + std::to_string(x.stride) + " features; the model needs " +
                         std::to_string(e.features));
  }
  if (out < needed) {
    return invalid_input("the output holds " + std::to_string(out) + " values; " + std::to_string(needed) +
                         " are needed");
  }
  return {};
}

// The bytes of categories for rows at step bytes from each other.
void rank_categories(const ensemble& e, const packed& layout, rows x, std::size_t step, std::int8_t* q) {
  for (const auto& c : layout.categories()) {
    const auto& t = e.trees[c.tree];
    const auto& n = t.nodes[c.node];
    for (std::size_t r = 0; r < x.count; ++r) {
      q[c.column * step + r] = goes_right(t, n, x.values[r * x.stride + n.feature]) ? 1 : 0;
    }
  }
}

void margins_of_row(const ensemble& e, const packed& layout, const kernels& k, const float* row, float* out) {
  const auto m = layout.view();
  auto* q = grown(own_scratch().bytes, std::max<std::size_t>(256, layout.columns()));
  k.rank_row(m, row, q);
  rank_categories(e, layout, {row, 1, e.features}, 1, q);
  std::copy(e.base.begin(), e.base.end(), out);
  for (const auto& run : layout.runs()) {
    if (run.is_packed) {
      k.add_row(m, run.first, run.last, q, out);
      continue;
    }
    for (std::size_t t = run.first; t < run.last; ++t) {
      out[e.trees[t].group] += reach(e.trees[t], row).value;
    }
  }
}

void margins_of_tile(const ensemble& e, const packed& layout, const kernels& k, rows x, float* out) {
  const auto m = layout.view();
  const auto blocks = (x.count + block_rows - 1) / block_rows;
  const auto q_step = layout.columns() * block_rows;
  const auto sum_step = e.groups * block_rows;
  auto* q = grown(own_scratch().bytes, blocks * q_step);
  auto* sums = grown(own_scratch().sums, blocks * sum_step);
  const auto block = [&](std::size_t b) {
    const auto first = b * block_rows;
    return rows{x.values + first * x.stride, std::min(block_rows, x.count - first), x.stride};
  };
  for (std::size_t b = 0; b < blocks; ++b) {
    const auto part = block(b);
    k.rank_block(m, part.values, part.stride, part.count, q + b * q_step);
    rank_categories(e, layout, part, block_rows, q + b * q_step);
    for (std::size_t g = 0; g < e.groups; ++g) {
      std::fill_n(sums + b * sum_step + g * block_rows, block_rows, e.base[g]);
    }
  }
  for (const auto& run : layout.runs()) {
    for (std::size_t t = run.first; t < run.last; t += tile_trees) {
      const auto last = std::min(run.last, t + tile_trees);
      for (std::size_t b = 0; b < blocks; ++b) {
        if (run.is_packed) {
          k.add_block(m, t, last, q + b * q_step, sums + b * sum_step);
          continue;
        }
        const auto part = block(b);
        for (std::size_t i = t; i < last; ++i) {
          float* sum = sums + b * sum_step + e.trees[i].group * block_rows;
          for (std::size_t r = 0; r < part.count; ++r) {
            sum[r] += reach(e.trees[i], part.values + r * part.stride).value;
          }
        }
      }
    }
  }
  for (std::size_t r = 0; r < x.count; ++r) {
    for (std::size_t g = 0; g < e.groups; ++g) {
      out[r * e.groups + g] = sums[r / block_rows * sum_step + g * block_rows + r % block_rows];
    }
  }
}

void margins_on_cpu(const ensemble& e, const packed& layout, const kernels& k, rows x, float* out) {
  if (x.count <= single_rows_max) {
    for (std::size_t i = 0; i < x.count; ++i) {
      margins_of_row(e, layout, k, x.values + i * x.stride, out + i * e.groups);
    }
    return;
  }
  const auto blocks = std::clamp<std::size_t>(tile_bytes / (layout.columns() * block_rows), 1, tile_blocks_max);
  for (std::size_t i = 0; i < x.count; i += blocks * block_rows) {
    const auto count = std::min(blocks * block_rows, x.count - i);
    margins_of_tile(e, layout, k, {x.values + i * x.stride, count, x.stride}, out + i * e.groups);
  }
}

float trees_of_a_group(const ensemble& e) {
  return static_cast<float>(std::max<std::size_t>(1, e.trees.size() / e.groups));
}

void average(const ensemble& e, std::size_t count, float* out) {
  const float n = trees_of_a_group(e);
  for (std::size_t i = 0; i < count; ++i) {
    out[i] /= n;
  }
}

void ask(const void* tree_, const explained_split& s, const float* x, std::size_t lanes, std::int32_t* right) {
  const auto& t = *static_cast<const tree*>(tree_);
  for (std::size_t i = 0; i < lanes; ++i) {
    right[i] = goes_right(t, t.nodes[s.original], x[i]) ? -1 : 0;
  }
}

// Rows go to lanes; blocks of lanes share a pass over the trees.
void contributions_of_tile(const ensemble& e, const explained& shap, const kernels& k, rows x, float* out) {
  const auto blocks = (x.count + k.lanes - 1) / k.lanes;
  const auto x_step = e.features * k.lanes;
  const auto phi_step = e.groups * x_step;
  auto& s = own_scratch();
  auto* lanes = grown(s.x, blocks * x_step);
  auto* phi = grown(s.phi, blocks * phi_step);
  auto* products = grown(s.products, shap.scratch() * k.lanes);
  for (std::size_t r = 0; r < blocks * k.lanes; ++r) {
    const float* row = x.values + std::min(r, x.count - 1) * x.stride; // empty lanes repeat the last row
    float* to = lanes + r / k.lanes * x_step + r % k.lanes;
    for (std::size_t f = 0; f < e.features; ++f) {
      to[f * k.lanes] = row[f];
    }
  }
  std::fill_n(phi, blocks * phi_step, 0.0F);
  for (std::size_t t = 0; t < e.trees.size(); ++t) {
    const auto view = shap.view(t);
    for (std::size_t b = 0; b < blocks && view.split_count > 0; ++b) {
      k.explain(view, ask, lanes + b * x_step, phi + b * phi_step + e.trees[t].group * x_step, products);
    }
  }
  for (std::size_t r = 0; r < x.count; ++r) {
    for (std::size_t g = 0; g < e.groups; ++g) {
      const float* from = phi + r / k.lanes * phi_step + g * x_step + r % k.lanes;
      float* to = out + (r * e.groups + g) * (e.features + 1);
      for (std::size_t f = 0; f < e.features; ++f) {
        to[f] = from[f * k.lanes];
      }
      to[e.features] = static_cast<float>(shap.bias()[g]);
    }
  }
}

void contributions_on_cpu(const ensemble& e, const explained& shap, const kernels& k, rows x, float* out) {
  const auto fit = tile_floats / std::max<std::size_t>(1, e.features * k.lanes * (e.groups + 1));
  const auto tile = k.lanes * std::clamp<std::size_t>(fit, 1, block_rows / k.lanes);
  for (std::size_t i = 0; i < x.count; i += tile) {
    contributions_of_tile(e, shap, k, {x.values + i * x.stride, std::min(tile, x.count - i), x.stride},
                          out + i * e.groups * (e.features + 1));
  }
}

} // namespace

forest::forest(std::unique_ptr<state> s) : state_(std::move(s)) {}
forest::forest(forest&&) noexcept = default;
forest& forest::operator=(forest&&) noexcept = default;
forest::~forest() = default;

std::size_t forest::features() const {
  return state_->model.features;
}
std::size_t forest::groups() const {
  return state_->model.groups;
}
std::size_t forest::trees() const {
  return state_->model.trees.size();
}
std::size_t forest::outputs() const {
  return pricing::forest::outputs(state_->model);
}
const ensemble& forest::model() const {
  return state_->model;
}
isa forest::instructions() const {
  return state_->which;
}

result<forest> forest::build(ensemble e, isa which) {
  auto checked = finish(std::move(e));
  if (checked.has_error()) {
    return checked.error();
  }
  auto s = std::make_unique<state>(std::move(*checked));
  s->run = &portable_kernels();
  if (const auto* k = avx2_kernels(); k != nullptr && which != isa::portable) {
    s->run = k;
    s->which = isa::avx2;
  }
  if (const auto* k = avx512_kernels(); k != nullptr && (which == isa::best || which == isa::avx512)) {
    s->run = k;
    s->which = isa::avx512;
  }
  return forest(std::move(s));
}

result<gpu_use> forest::use_gpu(const gpu::library& l, gpu_options o) {
  auto& s = *state_;
  const auto& e = s.model;
  gpu::processor p;
  p.margins = [&](rows x, float* out) { margins_on_cpu(e, s.layout, *s.run, x, out); };
  if (has_cover(e)) {
    std::call_once(s.explain_once, [&] { s.explain.emplace(e); });
    p.contributions = [&](rows x, float* out) { contributions_on_cpu(e, *s.explain, *s.run, x, out); };
  }
  const gpu::image image(e, s.layout, s.explain ? &*s.explain : nullptr);
  auto opened = gpu::device::open(l, image, p, std::move(o));
  if (opened.has_error()) {
    return opened.error();
  }
  s.device = std::move(*opened);
  return s.device->use();
}

result<void> forest::margins(rows x, std::span<float> out) const {
  const auto& e = state_->model;
  if (auto ok = check(e, x, out.size(), x.count * e.groups); ok.has_error()) {
    return ok;
  }
  if (state_->device == nullptr || !state_->device->margins(x, out.data())) {
    margins_on_cpu(e, state_->layout, *state_->run, x, out.data());
  }
  if (e.average) {
    average(e, x.count * e.groups, out.data());
  }
  return {};
}

result<void> forest::predict(rows x, std::span<float> out) const {
  const auto& e = state_->model;
  if (auto ok = check(e, x, out.size(), x.count * outputs()); ok.has_error()) {
    return ok;
  }
  if (outputs() == e.groups) {
    auto ok = margins(x, out);
    apply_link(e, out.data(), x.count, out.data());
    return ok;
  }
  auto* all = grown(own_scratch().margins, x.count * e.groups);
  auto ok = margins(x, {all, x.count * e.groups});
  apply_link(e, all, x.count, out.data());
  return ok;
}

result<void> forest::leaves(rows x, std::span<std::uint32_t> out) const {
  const auto& e = state_->model;
  if (auto ok = check(e, x, out.size(), x.count * e.trees.size()); ok.has_error()) {
    return ok;
  }
  for (std::size_t t = 0; t < e.trees.size(); ++t) {
    for (std::size_t i = 0; i < x.count; ++i) {
      out[i * e.trees.size() + t] = reach(e.trees[t], x.values + i * x.stride).id;
    }
  }
  return {};
}

result<void> forest::contributions(rows x, std::span<float> out) const {
  const auto& e = state_->model;
  const auto needed = x.count * e.groups * (e.features + 1);
  if (auto ok = check(e, x, out.size(), needed); ok.has_error()) {
    return ok;
  }
  if (!has_cover(e)) {
    return invalid_input("the model does not say how many rows reached its nodes (sum_hessian, internal_count), which "
                         "contributions weigh by; save it with its statistics");
  }
  std::call_once(state_->explain_once, [&] { state_->explain.emplace(e); });
  if (state_->device == nullptr || !state_->device->contributions(x, out.data())) {
    contributions_on_cpu(e, *state_->explain, *state_->run, x, out.data());
  }
  if (e.average) {
    average(e, needed, out.data());
  }
  return {};
}

} // namespace pricing::forest
