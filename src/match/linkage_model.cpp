#include "match/linkage_model.hpp"

#include "match/model_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace pricing::match {
namespace {

double sigmoid(double z) {
  return 1 / (1 + std::exp(-z));
}

std::span<const float> row_at(const labelled_rows& rows, std::size_t i) {
  return std::span(rows.values).subspan(i * rows.columns, rows.columns);
}

struct line {
  double slope = 1, offset = 0;
};

// Platt's sigmoid: maximum likelihood of labels smoothed to (n1 + 1) / (n1 + 2) and 1 / (n0 + 2), by damped Newton.
line fit_sigmoid(std::span<const double> z, std::span<const float> labels) {
  const auto ones = static_cast<double>(std::count(labels.begin(), labels.end(), 1.0F));
  const auto zeros = static_cast<double>(labels.size()) - ones;
  const double high = (ones + 1) / (ones + 2), low = 1 / (zeros + 2);
  const auto loss = [&](const line& l) {
    double sum = 0;
    for (std::size_t i = 0; i < z.size(); ++i) {
      const double s = l.slope * z[i] + l.offset;
      sum += std::max(s, 0.0) - s * (labels[i] == 1 ? high : low) + std::log1p(std::exp(-std::abs(s)));
    }
    return sum;
  };
  line best;
  double best_loss = loss(best);
  for (int step = 0; step < 50; ++step) {
    double g0 = 0, g1 = 0, h00 = 1e-9, h01 = 0, h11 = 1e-9;
    for (std::size_t i = 0; i < z.size(); ++i) {
      const double p = sigmoid(best.slope * z[i] + best.offset);
      const double g = p - (labels[i] == 1 ? high : low), h = p * (1 - p);
      g0 += g, g1 += g * z[i];
      h00 += h, h01 += h * z[i], h11 += h * z[i] * z[i];
    }
    const double determinant = h00 * h11 - h01 * h01;
    if (determinant <= 0)
      break;
    const double d_offset = (h11 * g0 - h01 * g1) / determinant, d_slope = (h00 * g1 - h01 * g0) / determinant;
    double share = 1;
    line next = best;
    double next_loss = best_loss;
    for (; share > 1e-6; share /= 2) {
      next = {best.slope - share * d_slope, best.offset - share * d_offset};
      next_loss = loss(next);
      if (next_loss < best_loss)
        break;
    }
    if (next_loss >= best_loss - 1e-10)
      break;
    best = next;
    best_loss = next_loss;
  }
  // More evidence must never lower the probability.
  return best.slope > 0 ? best : line{};
}

double best_threshold(std::span<const double> probabilities, std::span<const float> labels) {
  std::vector<std::size_t> order(labels.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) {
    return probabilities[a] != probabilities[b] ? probabilities[a] > probabilities[b] : a < b;
  });
  const auto ones = static_cast<double>(std::count(labels.begin(), labels.end(), 1.0F));
  double best = 0, threshold = 0.5, hits = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    hits += static_cast<double>(labels[order[k]]);
    if (k + 1 < order.size() && probabilities[order[k + 1]] == probabilities[order[k]])
      continue;
    const double f1 = 2 * hits / (static_cast<double>(k + 1) + ones);
    if (f1 > best) {
      best = f1;
      const double below = k + 1 < order.size() ? probabilities[order[k + 1]] : 0;
      threshold = (probabilities[order[k]] + below) / 2;
    }
  }
  return threshold;
}

} // namespace

result<labelled_rows> rows_of(const record_pairs& pairs, std::span<const labelled_pair> labelled) {
  labelled_rows out;
  out.columns = pairs.feature_names().size();
  out.values.reserve(labelled.size() * out.columns);
  for (const auto& l : labelled) {
    if (l.pair.left >= pairs.left_size() || l.pair.right >= pairs.right_size())
      return invalid_input("a labelled pair names a record that is not there");
    const auto row = pairs.features(l.pair);
    out.values.insert(out.values.end(), row.begin(), row.end());
    out.labels.push_back(l.same ? 1 : 0);
  }
  return out;
}

result<linkage_model> linkage_model::train(const labelled_rows& rows, const labelled_rows& validation,
                                           const linkage_options& options) {
  if (options.models < 1 || options.models > static_cast<int>(members_max))
    return invalid_input("a linkage model has between 1 and 64 members");
  linkage_model out;
  for (int k = 0; k < options.models; ++k) {
    auto boosting = options.boosting;
    boosting.seed += static_cast<std::uint64_t>(k);
    auto member = boosted_trees::train(rows, validation, boosting);
    if (!member)
      return member.error();
    out.members_.push_back(std::move(*member));
  }
  if (validation.rows() == 0)
    return out;
  std::vector<double> z(validation.rows());
  for (std::size_t i = 0; i < z.size(); ++i) {
    const double prior = validation.prior.empty() ? 0 : static_cast<double>(validation.prior[i]);
    z[i] = out.mean_log_odds(row_at(validation, i), validation.prior.empty() ? nullptr : &prior);
  }
  out.calibrate(z, validation.labels);
  return out;
}

result<linkage_model::cross_fitted> linkage_model::cross_fit(const labelled_rows& rows,
                                                             const linkage_options& options) {
  constexpr std::size_t folds = 5;
  std::vector<std::size_t> fold_of(rows.rows());
  std::array<std::size_t, 2> dealt{};
  for (std::size_t i = 0; i < rows.rows(); ++i)
    fold_of[i] = dealt[rows.labels[i] == 1 ? 1 : 0]++ % folds;
  if (std::min(dealt[0], dealt[1]) < folds)
    return invalid_input("learning to match needs at least five pairs of each answer");
  if (rows.values.size() != rows.rows() * rows.columns || (!rows.prior.empty() && rows.prior.size() != rows.rows()))
    return invalid_input("training rows: values, priors and labels must be of the same rows");
  cross_fitted out;
  std::vector<double> z(rows.rows());
  for (std::size_t fold = 0; fold < folds; ++fold) {
    labelled_rows train;
    train.columns = rows.columns;
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      if (fold_of[i] == fold)
        continue;
      const auto row = row_at(rows, i);
      train.values.insert(train.values.end(), row.begin(), row.end());
      train.labels.push_back(rows.labels[i]);
      if (!rows.prior.empty())
        train.prior.push_back(rows.prior[i]);
    }
    auto boosting = options.boosting;
    boosting.seed += fold;
    auto member = boosted_trees::train(train, {}, boosting);
    if (!member)
      return member.error();
    for (std::size_t i = 0; i < rows.rows(); ++i)
      if (fold_of[i] == fold)
        z[i] = rows.prior.empty() ? member->log_odds(row_at(rows, i))
                                  : member->log_odds(row_at(rows, i), static_cast<double>(rows.prior[i]));
    out.model.members_.push_back(std::move(*member));
  }
  const double share = std::log(static_cast<double>(dealt[1]) / static_cast<double>(dealt[0]));
  std::vector<double> prior(rows.rows(), share);
  std::copy(rows.prior.begin(), rows.prior.end(), prior.begin());
  const auto mean_loss = [&](std::span<const double> log_odds) {
    double sum = 0;
    for (std::size_t i = 0; i < log_odds.size(); ++i)
      sum += std::max(log_odds[i], 0.0) - log_odds[i] * static_cast<double>(rows.labels[i]) +
             std::log1p(std::exp(-std::abs(log_odds[i])));
    return sum / static_cast<double>(log_odds.size());
  };
  out.loss = mean_loss(z);
  out.prior_loss = mean_loss(prior);
  out.model.calibrate(z, rows.labels);
  return out;
}

// `log_odds` of pairs the members have not seen; leaves probabilities there.
void linkage_model::calibrate(std::span<double> log_odds, std::span<const float> labels) {
  const auto fitted = fit_sigmoid(log_odds, labels);
  slope_ = fitted.slope;
  offset_ = fitted.offset;
  for (auto& z : log_odds)
    z = calibrated(z);
  threshold_ = best_threshold(log_odds, labels);
}

double linkage_model::mean_log_odds(std::span<const float> row, const double* prior) const {
  double sum = 0;
  for (const auto& m : members_)
    sum += prior != nullptr ? m.log_odds(row, *prior) : m.log_odds(row);
  return members_.empty() ? 0 : sum / static_cast<double>(members_.size());
}

double linkage_model::calibrated(double log_odds) const {
  return sigmoid(slope_ * log_odds + offset_);
}

std::vector<double> linkage_model::importance() const {
  std::vector<double> out(columns());
  double total = 0;
  for (const auto& m : members_) {
    const auto gains = m.importance();
    for (std::size_t c = 0; c < out.size(); ++c) {
      out[c] += gains[c];
      total += gains[c];
    }
  }
  for (auto& share : out)
    share = total > 0 ? share / total : 0;
  return out;
}

std::string linkage_model::save() const {
  text_writer head;
  head.word("linkage").number(1).number(members_.size()).real(slope_).real(offset_).real(threshold_).end_line();
  std::string out = std::move(head).text();
  for (const auto& m : members_) {
    const auto trees = m.save();
    out += std::to_string(trees.size()) + '\n' + trees;
  }
  return out;
}

result<linkage_model> linkage_model::load(std::string_view text) {
  const auto refused = [](const char* why) {
    return invalid_input(std::string("the linkage model is damaged: ") + why);
  };
  text_parser in(text);
  linkage_model out;
  int version = 0;
  std::size_t members = 0;
  if (!in.word("linkage") || !in.number(version) || version != 1)
    return refused("it does not begin as one of version 1");
  if (!in.number(members) || members > members_max || !in.real(out.slope_) || !in.real(out.offset_) ||
      !in.real(out.threshold_) || out.slope_ <= 0)
    return refused("its head cannot be read");
  for (std::size_t k = 0; k < members; ++k) {
    std::size_t size = 0;
    if (!in.number(size) || in.rest().empty() || size > in.rest().size() - 1)
      return refused("it ends early");
    auto member = boosted_trees::load(in.rest().substr(1, size));
    if (!member)
      return member.error();
    if (k > 0 && member->columns() != out.members_[0].columns())
      return refused("its members disagree on the columns");
    out.members_.push_back(std::move(*member));
    in.skip(size + 1);
  }
  if (!in.at_end())
    return refused("something follows its end");
  return out;
}

double match_quality::precision() const {
  const auto called = true_positives + false_positives;
  return called == 0 ? 0 : static_cast<double>(true_positives) / static_cast<double>(called);
}
double match_quality::recall() const {
  const auto real = true_positives + false_negatives;
  return real == 0 ? 0 : static_cast<double>(true_positives) / static_cast<double>(real);
}
double match_quality::f1() const {
  const auto all = 2 * true_positives + false_positives + false_negatives;
  return all == 0 ? 0 : 2.0 * static_cast<double>(true_positives) / static_cast<double>(all);
}

match_quality quality_at(std::span<const double> probabilities, std::span<const float> labels, double threshold) {
  match_quality out;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const bool called = probabilities[i] >= threshold, same = labels[i] == 1;
    out.true_positives += called && same;
    out.false_positives += called && !same;
    out.false_negatives += !called && same;
  }
  return out;
}

} // namespace pricing::match
