#include "forest/forest.hpp"

#include "forest/links.hpp"
#include "forest/walk.hpp"

#include <algorithm>
#include <utility>

namespace pricing::forest {

struct forest::state {
  ensemble model;
  isa which = isa::portable;
};

namespace {

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

void walk_margins(const ensemble& e, rows x, float* out) {
  for (std::size_t i = 0; i < x.count; ++i) {
    std::copy(e.base.begin(), e.base.end(), out + i * e.groups);
  }
  for (const auto& t : e.trees) {
    for (std::size_t i = 0; i < x.count; ++i) {
      out[i * e.groups + t.group] += reach(t, x.values + i * x.stride).value;
    }
  }
}

void average(const ensemble& e, std::size_t count, float* out) {
  const auto n = static_cast<float>(std::max<std::size_t>(1, e.trees.size() / e.groups));
  for (std::size_t i = 0; i < count * e.groups; ++i) {
    out[i] /= n;
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

result<forest> forest::build(ensemble e, isa) {
  auto checked = finish(std::move(e));
  if (checked.has_error()) {
    return checked.error();
  }
  auto s = std::make_unique<state>();
  s->model = std::move(*checked);
  return forest(std::move(s));
}

result<void> forest::margins(rows x, std::span<float> out) const {
  const auto& e = state_->model;
  if (auto ok = check(e, x, out.size(), x.count * e.groups); ok.has_error()) {
    return ok;
  }
  walk_margins(e, x, out.data());
  if (e.average) {
    average(e, x.count, out.data());
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
  std::vector<float> all(x.count * e.groups);
  auto ok = margins(x, all);
  apply_link(e, all.data(), x.count, out.data());
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

} // namespace pricing::forest
