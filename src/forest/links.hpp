#pragma once
// Margins into predictions, in place. Formulas and their float arithmetic as in XGBoost's common/math.h (sigmoid,
// softmax) and LightGBM's objectives. Private to this folder.
#include "forest/ensemble.hpp"

#include <cstddef>

namespace pricing::forest {

// values: count rows of e.groups margins; out may be the same array and holds outputs(e) values per row.
void apply_link(const ensemble& e, const float* margins, std::size_t count, float* out);
std::size_t outputs(const ensemble& e);

} // namespace pricing::forest
