#include "match/taught_linkage.hpp"

#include "match/linkage.hpp"
#include "match/similarity.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace pricing::match {
namespace {

constexpr std::size_t measures = 11;
constexpr std::string_view untaught = "rules\n";

double log_odds_of(double p) {
  const double clamped = std::clamp(p, 0.01, 0.99);
  return std::log(clamped / (1 - clamped));
}

std::array<float, measures> measure(std::string_view a, std::string_view b, double rules) {
  if (b < a)
    std::swap(a, b); // neither text is the first
  auto wa = words_of(a), wb = words_of(b);
  std::sort(wa.begin(), wa.end());
  std::sort(wb.begin(), wb.end());
  std::vector<std::string_view> only_a, only_b;
  std::set_difference(wa.begin(), wa.end(), wb.begin(), wb.end(), std::back_inserter(only_a));
  std::set_difference(wb.begin(), wb.end(), wa.begin(), wa.end(), std::back_inserter(only_b));
  if (only_a.size() > only_b.size())
    std::swap(only_a, only_b);
  const auto letters = [](const std::vector<std::string_view>& words) {
    std::size_t n = 0;
    for (const auto w : words)
      n += w.size();
    return static_cast<double>(n);
  };
  // How alike the words are that stand on one side only.
  double alike = only_a.empty() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(only_a.size(), std::size_t{8}); ++i) {
    double best = 0;
    for (std::size_t k = 0; k < std::min(only_b.size(), std::size_t{8}); ++k)
      best = std::max(best, jaro_winkler(only_a[i], only_b[k]));
    alike = std::min(alike, best);
  }
  const auto longer = static_cast<double>(std::max(a.size(), b.size()));
  const std::array<double, measures> out = {
      log_odds_of(rules),
      indel_similarity(a, b),
      jaro_winkler(a, b),
      token_set_similarity(a, b),
      ngram_cosine(a, b),
      static_cast<double>(std::min(a.size(), b.size())) / longer,
      static_cast<double>(only_a.size()),
      static_cast<double>(only_b.size()),
      letters(only_b) - letters(only_a),
      static_cast<double>(wa.size() + wb.size()),
      alike,
  };
  std::array<float, measures> row{};
  std::transform(out.begin(), out.end(), row.begin(), [](double v) { return static_cast<float>(v); });
  return row;
}

} // namespace

taught_linkage taught_linkage::learn(std::span<const decision> decisions) {
  labelled_rows rows;
  rows.columns = measures;
  std::size_t same = 0;
  for (const auto& d : decisions) {
    const double rules = same_thing_probability(d.asked, d.known);
    if (rules <= 0 || rules >= 1)
      continue; // nothing learned could change these
    const auto row = measure(d.asked, d.known, rules);
    rows.values.insert(rows.values.end(), row.begin(), row.end());
    rows.labels.push_back(d.same ? 1 : 0);
    rows.prior.push_back(static_cast<float>(log_odds_of(rules)));
    same += d.same;
  }
  taught_linkage out;
  if (rows.rows() < decisions_min || std::min(same, rows.rows() - same) * 10 < rows.rows())
    return out;
  linkage_options options;
  options.boosting = {.rounds = 60,
                      .depth = 3,
                      .learning_rate = 0.1,
                      .lambda = 2,
                      .child_weight = 1.5,
                      .row_share = 0.8,
                      .column_share = 0.7};
  if (auto fitted = linkage_model::cross_fit(rows, options); fitted && fitted->loss < fitted->prior_loss)
    out.model_ = std::move(fitted->model);
  return out;
}

double taught_linkage::probability(std::string_view a, std::string_view b) const {
  const double rules = same_thing_probability(a, b);
  if (!is_taught() || rules <= 0 || rules >= 1)
    return rules;
  return model_.probability(measure(a, b, rules), log_odds_of(rules));
}

std::string taught_linkage::save() const {
  return is_taught() ? model_.save() : std::string(untaught);
}

result<taught_linkage> taught_linkage::load(std::string_view text) {
  taught_linkage out;
  if (text == untaught)
    return out;
  auto model = linkage_model::load(text);
  if (!model)
    return model.error();
  if (model->columns() != measures)
    return invalid_input("the linkage model is of another version: teach it again");
  out.model_ = std::move(*model);
  return out;
}

} // namespace pricing::match
