#pragma once
// From a snapshot and a request to the answer of pricing-ml. Pure; heavy (0.1 to 0.5 ms a line), so for the CPU pool.
#include "models/prediction.hpp"
#include "models/snapshot_cache.hpp"

namespace pricing::models {

// `today` is the day of a request that names none. invalid_input when a line has neither item nor description.
result<prediction_response> predict(const snapshot& s, const prediction_request& request, date today);

// Parts of an expected price that add up to it exactly, in decimals. The way from `base` to `expected` is divided by
// the logarithmic mean: part i is L · contribution i, L = (expected − base) / ln(expected / base) (Ang 2005, LMDI).
std::vector<price_reason> reasons_of(const learn::prediction& p, decimal expected);

} // namespace pricing::models
