// TreeSHAP by quadrature over rows in lanes. With f_j(t) = (1 - t) z_j + t o_j for the features j of a path (z: share
// of the cover that follows it, o: whether the row does), a leaf of value v gives feature i
//   v (o_i - z_i) * integral over t in 0..1 of the product of f_j(t), j != i,
// because a feature is in the coalition before i with probability t if i comes at time t. The product is a polynomial,
// so Gauss-Legendre with half as many points as features is exact. Products run down the tree, sums of leaves run up,
// so the cost is linear in the nodes. A feature that comes again on a path replaces its factor.
// Included like packed_loops.hpp, after it.

inline floats load_floats(const float* at) {
  floats out;
  std::memcpy(&out, at, sizeof out);
  return out;
}
inline ints load_ints(const float* at) {
  ints out;
  std::memcpy(&out, at, sizeof out);
  return out;
}
template <class V>
void store(float* at, const V& v) {
  std::memcpy(at, &v, sizeof v);
}

inline ints goes_right(const explained_tree& t, ask_split ask, const explained_split& s, const float* x) {
  const float* lanes = x + s.feature * float_lanes;
  if (s.kind == 2) {
    alignas(64) std::int32_t right[float_lanes];
    ask(t.tree, s, lanes, float_lanes, right);
    ints out;
    std::memcpy(&out, right, sizeof out);
    return out;
  }
  const floats v = load_floats(lanes);
  return s.kind == 1 ? v >= s.threshold : ~(v < s.threshold);
}

template <std::size_t Points>
void explain_points(const explained_tree& t, ask_split ask, const float* x, float* phi, float* scratch) {
  const std::size_t points = Points > 0 ? Points : t.points;
  const std::size_t nodes = 2 * t.split_count + 1;
  float* product = scratch; // [node][point][lane]
  float* taken = scratch + nodes * points * float_lanes;
  for (std::size_t q = 0; q < points; ++q) {
    store(product + q * float_lanes, floats{} + 1.0F);
  }
  for (std::size_t i = 0; i < t.split_count; ++i) {
    const auto& s = t.splits[i];
    const ints right = goes_right(t, ask, s, x);
    const float* above = product + s.node * points * float_lanes;
    for (std::size_t side = 0; side < 2; ++side) {
      ints now = side == 0 ? ~right : right;
      const float* weights = t.weights + s.weights[side];
      float* out = product + s.child[side] * points * float_lanes;
      if (s.earlier[side] < 0) {
        for (std::size_t q = 0; q < points; ++q) {
          const floats w = now ? floats{} + weights[2 * points + q] : floats{} + weights[points + q];
          store(out + q * float_lanes, load_floats(above + q * float_lanes) * w);
        }
      } else {
        const ints before = load_ints(taken + static_cast<std::size_t>(s.earlier[side]) * float_lanes);
        now &= before;
        for (std::size_t q = 0; q < points; ++q) {
          const floats yes = now ? floats{} + weights[2 * points + q] : floats{} + weights[points + q];
          const floats w = before ? yes : floats{} + weights[q];
          store(out + q * float_lanes, load_floats(above + q * float_lanes) * w);
        }
      }
      store(taken + s.child[side] * float_lanes, now);
    }
  }
  for (std::size_t i = t.split_count; i-- > 0;) {
    const auto& s = t.splits[i];
    floats sum = load_floats(phi + s.feature * float_lanes);
    float* above = product + s.node * points * float_lanes;
    const float* leaves[2] = {product + s.child[0] * points * float_lanes, product + s.child[1] * points * float_lanes};
    for (std::size_t side = 0; side < 2; ++side) {
      const float* weights = t.weights + s.weights[side] + 3 * points;
      const ints now = load_ints(taken + s.child[side] * float_lanes);
      if (s.earlier[side] < 0) {
        for (std::size_t q = 0; q < points; ++q) {
          const floats w = now ? floats{} + weights[2 * points + q] : floats{} + weights[points + q];
          sum += load_floats(leaves[side] + q * float_lanes) * w;
        }
      } else {
        const ints before = load_ints(taken + static_cast<std::size_t>(s.earlier[side]) * float_lanes);
        for (std::size_t q = 0; q < points; ++q) {
          const floats yes = now ? floats{} + weights[2 * points + q] : floats{} + weights[points + q];
          const floats w = before ? yes : floats{} + weights[q];
          sum += load_floats(leaves[side] + q * float_lanes) * w;
        }
      }
    }
    for (std::size_t q = 0; q < points; ++q) {
      store(above + q * float_lanes,
            load_floats(leaves[0] + q * float_lanes) + load_floats(leaves[1] + q * float_lanes));
    }
    store(phi + s.feature * float_lanes, sum);
  }
}

inline void explain(const explained_tree& t, ask_split ask, const float* x, float* phi, float* scratch) {
  switch (t.points) {
  case 1:
    return explain_points<1>(t, ask, x, phi, scratch);
  case 2:
    return explain_points<2>(t, ask, x, phi, scratch);
  case 3:
    return explain_points<3>(t, ask, x, phi, scratch);
  case 4:
    return explain_points<4>(t, ask, x, phi, scratch);
  default:
    return explain_points<0>(t, ask, x, phi, scratch);
  }
}
