#pragma once
// Classical decomposition: centred moving average, one index for each position of the cycle. Pure.
#include <span>
#include <vector>

namespace pricing::forecast {

// Autocorrelation at the period against its 90 % limit under none (Bartlett's, with the lags before it), as in the M3
// entry of Assimakopoulos and Nikolopoulos (2000). False below two cycles and for a constant.
bool is_seasonal(std::span<const double> values, int period);

// Index of the position t mod period, t from the first value. Additive ones sum to 0; multiplicative ones, which need
// positive values, have mean 1. `values` must span two cycles; empty where a multiplicative index would not be
// positive.
std::vector<double> seasonal_indices(std::span<const double> values, int period, bool multiplicative);

// The same, drawn towards no season by the noise in them (James and Stein; Miller and Williams 2003): a season that is
// all noise vanishes, so no test is needed first. Empty also where no position is seen twice.
std::vector<double> shrunk_seasonal_indices(std::span<const double> values, int period, bool multiplicative);

} // namespace pricing::forecast
