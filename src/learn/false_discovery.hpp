#pragma once
// Many tests at once, and one again and again: how many of those that are called discoveries may be false. Pure.
#include <span>
#include <vector>

namespace pricing::learn {

// Adjusted p-values in the order given: calling everything at or below `level` a discovery keeps the expected share of
// false ones at or below it, if the tests are independent or positively dependent, as conformal p-values against one
// calibration set are. NaN (not tested) stays NaN and does not count. Benjamini and Hochberg, JRSS B 1995.
std::vector<double> false_discovery_rates(std::span<const double> p_values);
// The same with weights above zero chosen before looking at the data: a test of twice the weight is called on twice the
// p-value. Only their ratios matter. Genovese, Roeder and Wasserman, Biometrika 2006.
std::vector<double> false_discovery_rates(std::span<const double> p_values, std::span<const double> weights);

// A two-sided p-value of data that will be looked at again when there is more of it, `share` of the whole (0 to 1): its
// standard score counts by the fourth root of the share, so that a first look must show much more than the last one,
// and all looks together alarm by chance hardly more often than the last one alone. Wang and Tsiatis, Biometrics 1987,
// with the power 0.25.
double early_p_value(double p, double share);

} // namespace pricing::learn
