#include "economics/verdict.hpp"

namespace pricing::economics {

const char* to_string(quote_verdict v) {
  switch (v) {
  case quote_verdict::fair:
    return "fair";
  case quote_verdict::high:
    return "high";
  case quote_verdict::very_high:
    return "very_high";
  case quote_verdict::low:
    return "low";
  case quote_verdict::suspiciously_low:
    return "suspiciously_low";
  case quote_verdict::too_little_data:
    return "too_little_data";
  }
  return "too_little_data";
}

quote_verdict judge(const std::optional<tail_evidence>& e, const verdict_thresholds& t) {
  const auto can_say = [&](double alpha) { return e->n >= 1 / alpha - 1 - 1e-9; };
  if (!e || !can_say(t.high) || !can_say(t.low)) {
    return quote_verdict::too_little_data;
  }
  if (e->upper <= t.high) {
    return e->upper <= t.very_high && can_say(t.very_high) ? quote_verdict::very_high : quote_verdict::high;
  }
  if (e->lower <= t.low) {
    return e->lower <= t.suspicious && can_say(t.suspicious) ? quote_verdict::suspiciously_low : quote_verdict::low;
  }
  return quote_verdict::fair;
}

double excess(double price, double expected, double quantity) {
  return (price - expected) * quantity;
}

} // namespace pricing::economics
