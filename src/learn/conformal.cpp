#include "learn/conformal.hpp"

#include <algorithm>
#include <cmath>

namespace pricing::learn {

score_table make_table(std::vector<weighted_score> scores) {
  std::erase_if(scores, [](const weighted_score& s) { return !(s.weight > 0) || std::isnan(s.score); });
  std::sort(scores.begin(), scores.end(), [](const auto& a, const auto& b) { return a.score < b.score; });
  double total = 0;
  double squares = 0;
  for (const auto& s : scores) {
    total += s.weight;
    squares += static_cast<double>(s.weight) * s.weight;
  }
  score_table out;
  out.effective_n = squares > 0 ? total * total / squares : 0;
  const std::size_t stride = scores.size() / scores_max + 1;
  double sum = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    sum += scores[i].weight;
    if (i % stride == stride - 1 || i + 1 == scores.size()) {
      out.score.push_back(scores[i].score);
      out.cumulative_weight.push_back(static_cast<float>(sum));
    }
  }
  return out;
}

std::optional<score_range> central_range(const score_table& t, double coverage) {
  const double alpha = (1 - coverage) / 2;
  const double n = t.effective_n;
  if (t.score.empty() || n < 1 / alpha - 1 - 1e-9) {
    return std::nullopt;
  }
  const double total = t.cumulative_weight.back();
  const auto at = [&](double share) { // smallest score with at least this share of the weight at or below
    const double goal = share * total * (1 - 1e-6);
    const auto i =
        std::lower_bound(t.cumulative_weight.begin(), t.cumulative_weight.end(), goal) - t.cumulative_weight.begin();
    return t.score[std::min(static_cast<std::size_t>(i), t.score.size() - 1)];
  };
  const double rank = std::ceil((n + 1) * (1 - alpha) - 1e-9);
  return score_range{at((n + 1 - rank) / n), at(std::min(rank / n, 1.0))};
}

double upper_tail(const score_table& t, double score) {
  if (t.score.empty()) {
    return 1;
  }
  const double total = t.cumulative_weight.back();
  const auto i = std::lower_bound(t.score.begin(), t.score.end(), score) - t.score.begin();
  const double below = i == 0 ? 0 : t.cumulative_weight[static_cast<std::size_t>(i - 1)];
  return (1 + t.effective_n * (total - below) / total) / (t.effective_n + 1);
}

double lower_tail(const score_table& t, double score) {
  if (t.score.empty()) {
    return 1;
  }
  const double total = t.cumulative_weight.back();
  const auto i = std::upper_bound(t.score.begin(), t.score.end(), score) - t.score.begin();
  const double up_to = i == 0 ? 0 : t.cumulative_weight[static_cast<std::size_t>(i - 1)];
  return (1 + t.effective_n * up_to / total) / (t.effective_n + 1);
}

} // namespace pricing::learn
