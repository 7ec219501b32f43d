#pragma once
// Split conformal intervals: scores of a calibration set, weighted by recency. Formula 4 of the domain. Pure.
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace pricing::learn {

// Signed scores in ascending order with the running sum of their weights. At most scores_max are kept, evenly spaced.
struct score_table {
  std::vector<float> score;
  std::vector<float> cumulative_weight; // ends at the total weight
  double effective_n = 0;               // (Σw)²/Σw² of all scores given
};

struct weighted_score {
  float score = 0;
  float weight = 1;
};

inline constexpr std::size_t scores_max = 4'000;

score_table make_table(std::vector<weighted_score> scores);

struct score_range {
  double low = 0, high = 0;
};
// Central range that a new score falls into with at least `coverage`: the ⌈(n+1)·(1 ± coverage)/2⌉-th scores.
// nullopt where n < 1/α − 1, α = (1 − coverage)/2 per side: too little to say.
std::optional<score_range> central_range(const score_table& table, double coverage);

// (1 + #{scores at least / at most this}) / (n + 1), with weights scaled to the effective n.
double upper_tail(const score_table& table, double score);
double lower_tail(const score_table& table, double score);

} // namespace pricing::learn
