#pragma once
// Residuals made fit to be watched for drift of one category. Pure. Called by whoever fills drift profiles.
#include <cstdint>
#include <span>
#include <vector>

namespace pricing::learn {

// Standardised residuals of one event's lines, each less what the lines of the event's other categories have in common:
// the mean of theirs (winsorised at ±3), shrunk by n/(n + 4). A far place, a rushed date or dear bidders move every
// line of a letting alike; that is noise to a watch on one category. NaN is left out and stays NaN.
std::vector<float> relative_residuals(std::span<const float> residuals, std::span<const std::uint32_t> categories);

} // namespace pricing::learn
