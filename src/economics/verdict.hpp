#pragma once
// Formula 4, verdict on one quoted price from its conformal tail probabilities. Pure.
#include <optional>

namespace pricing::economics {

enum class quote_verdict { fair, high, very_high, low, suspiciously_low, too_little_data };

// The names used in the API: "fair", "high", "very_high", "low", "suspiciously_low", "too_little_data".
const char* to_string(quote_verdict v);

struct verdict_thresholds {
  double high = 0.10; // upper tail at or below: high
  double very_high = 0.025;
  double low = 0.10; // lower tail at or below: low
  double suspicious = 0.025;
};

struct tail_evidence {
  double upper = 0; // (1 + #{r_i ≥ r})/(n + 1)
  double lower = 0;
  double n = 0;
};

// too_little_data without evidence and where n < 1/α − 1 for the high/low threshold α; a very_high or suspiciously_low
// needs n ≥ 1/α − 1 of its own threshold.
quote_verdict judge(const std::optional<tail_evidence>& evidence, const verdict_thresholds& thresholds = {});

// (price − expected) · quantity; negative when below.
double excess(double price, double expected, double quantity);

} // namespace pricing::economics
