#pragma once
// The plain way through a tree, on raw floats: the reference for every other layout, and the path for trees that fit
// none. Private to this folder.
#include "forest/ensemble.hpp"

#include <cmath>

namespace pricing::forest {

inline const node& reach(const tree& t, const float* row) {
  const node* nodes = t.nodes.data();
  const node* n = nodes;
  while (!n->leaf()) {
    const float x = row[n->feature];
    bool right = false;
    if (n->set >= 0 || n->missing != missing_rule::nan) {
      right = goes_right(t, *n, x);
    } else {
      right = std::isnan(x) ? !n->default_left : !(x < n->threshold);
    }
    n = nodes + (right ? n->right : n->left);
  }
  return *n;
}

} // namespace pricing::forest
