#include "forest/explained.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace pricing::forest {
namespace {

constexpr std::size_t points_max = 32; // exact up to 64 features on a path; beyond, the error is far below a float's
constexpr double share_min = 1e-7;     // of the cover; keeps factors divisible

struct quadrature {
  std::vector<double> at; // in 0..1
  std::vector<double> weight;
};

// Gauss-Legendre: roots of the Legendre polynomial by Newton's method from Chebyshev's guess, moved from -1..1 to 0..1.
quadrature gauss_legendre(std::size_t n) {
  quadrature out;
  const auto degree = static_cast<double>(n);
  for (std::size_t i = 0; i < n; ++i) {
    double x = std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (degree + 0.5));
    double slope = 1;
    for (int round = 0; round < 50; ++round) {
      double before = 1;
      double value = x;
      for (std::size_t k = 2; k <= n; ++k) {
        const auto d = static_cast<double>(k);
        const double next = ((2 * d - 1) * x * value - (d - 1) * before) / d;
        before = value;
        value = next;
      }
      slope = degree * (x * value - before) / (x * x - 1);
      const double move = value / slope;
      x -= move;
      if (std::abs(move) < 1e-16) {
        break;
      }
    }
    out.at.push_back((1 - x) / 2);
    out.weight.push_back(1 / ((1 - x * x) * slope * slope));
  }
  return out;
}

} // namespace

bool has_cover(const ensemble& e) {
  return std::all_of(e.trees.begin(), e.trees.end(), [](const tree& t) {
    return std::all_of(t.nodes.begin(), t.nodes.end(), [](const node& n) { return n.leaf() || n.cover > 0; });
  });
}

explained::explained(const ensemble& e) : e_(e), bias_(e.base.begin(), e.base.end()) {
  for (const auto& t : e.trees) {
    add(t);
  }
}

void explained::add(const tree& t) {
  const auto n = t.nodes.size();
  struct edge {
    std::int32_t parent = -1;
    std::int32_t earlier = -1; // the node whose edge the same feature decided before
    double share = 1;          // of the cover, merged with the earlier edge
    std::size_t features = 0;  // different ones from the root to here
    double weight = 1;         // of the root's cover
  };
  std::vector<edge> edges(n);
  std::size_t features_max = 1;
  double mean = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto& p = t.nodes[i];
    if (p.leaf()) {
      mean += edges[i].weight * static_cast<double>(p.value);
      continue;
    }
    std::int32_t earlier = -1;
    for (auto up = static_cast<std::int32_t>(i); edges[static_cast<std::size_t>(up)].parent >= 0 && earlier < 0;) {
      const auto parent = edges[static_cast<std::size_t>(up)].parent;
      earlier = t.nodes[static_cast<std::size_t>(parent)].feature == p.feature ? up : -1;
      up = parent;
    }
    for (const auto c : {p.left, p.right}) {
      auto& e = edges[static_cast<std::size_t>(c)];
      const double share = std::max(share_min, t.nodes[static_cast<std::size_t>(c)].cover / p.cover);
      e.parent = static_cast<std::int32_t>(i);
      e.earlier = earlier;
      e.share = share * (earlier < 0 ? 1 : edges[static_cast<std::size_t>(earlier)].share);
      e.features = edges[i].features + (earlier < 0 ? 1 : 0);
      e.weight = edges[i].weight * share;
      features_max = std::max(features_max, e.features);
    }
  }
  bias_[t.group] += mean;

  range r;
  r.first_split = splits_.size();
  r.first_weight = weights_.size();
  r.points = std::min((features_max + 1) / 2, points_max);
  const auto rule = gauss_legendre(r.points);
  const auto add_weights = [&](std::size_t c) {
    const auto& e = edges[c];
    const double old_share = e.earlier < 0 ? 1 : edges[static_cast<std::size_t>(e.earlier)].share;
    const double value = t.nodes[c].leaf() ? static_cast<double>(t.nodes[c].value) : 1;
    const auto first = weights_.size();
    weights_.resize(first + 6 * r.points);
    constexpr double states[3][2] = {{0, 0}, {1, 0}, {1, 1}}; // earlier edge taken, both taken
    for (std::size_t s = 0; s < 3; ++s) {
      const auto [before, now] = states[s];
      for (std::size_t q = 0; q < r.points; ++q) {
        const double at = rule.at[q];
        const double factor = (1 - at) * e.share + at * now;
        const double old_factor = e.earlier < 0 ? 1 : (1 - at) * old_share + at * before;
        const double old_gain = e.earlier < 0 ? 0 : (before - old_share) / old_factor;
        weights_[first + s * r.points + q] = static_cast<float>(value * factor / old_factor);
        weights_[first + (3 + s) * r.points + q] =
            static_cast<float>(rule.weight[q] * ((now - e.share) / factor - old_gain));
      }
    }
    return static_cast<std::uint32_t>(first - r.first_weight);
  };
  for (std::size_t i = 0; i < n; ++i) {
    const auto& p = t.nodes[i];
    if (p.leaf()) {
      continue;
    }
    explained_split s;
    s.threshold = p.threshold;
    s.feature = p.feature;
    s.node = s.original = static_cast<std::uint32_t>(i);
    s.kind = p.set >= 0 || p.missing != missing_rule::nan ? 2 : (p.default_left ? 1 : 0);
    const std::int32_t children[2] = {p.left, p.right};
    for (std::size_t side = 0; side < 2; ++side) {
      const auto c = static_cast<std::size_t>(children[side]);
      s.child[side] = static_cast<std::uint32_t>(c);
      s.earlier[side] = edges[c].earlier;
      s.weights[side] = add_weights(c);
    }
    splits_.push_back(s);
  }
  r.splits = splits_.size() - r.first_split;
  trees_.push_back(r);
  scratch_ = std::max(scratch_, n * (r.points + 1));
}

explained_tree explained::view(std::size_t i) const {
  const auto& r = trees_[i];
  return {splits_.data() + r.first_split, r.splits, weights_.data() + r.first_weight, r.points, &e_.trees[i]};
}

} // namespace pricing::forest
