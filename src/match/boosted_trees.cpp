#include "match/boosted_trees.hpp"

#include "match/model_text.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace pricing::match {
namespace {

constexpr int bins_max = 64;
constexpr std::uint8_t missing = 255;

double sigmoid(double z) {
  return 1 / (1 + std::exp(-z));
}

double log_loss(double z, double label) {
  return std::max(z, 0.0) - z * label + std::log1p(std::exp(-std::abs(z)));
}

// SplitMix64 (Steele, Lea and Flood 2014): the same numbers with every standard library.
class random_numbers {
 public:
  explicit random_numbers(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  std::uint64_t state_;
};

// Cut points of one column: value < cuts[k] falls into bin k, the rest into bin cuts.size().
std::vector<float> quantile_cuts(std::vector<float> values) {
  std::erase_if(values, [](float v) { return std::isnan(v); });
  std::sort(values.begin(), values.end());
  std::vector<float> cuts;
  const std::size_t distinct_max = bins_max;
  auto distinct = values;
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  const auto between = [&](float low, float high) {
    const float middle = low + (high - low) / 2;
    return middle > low && std::isfinite(middle) ? middle : high;
  };
  if (distinct.size() <= distinct_max) {
    for (std::size_t i = 1; i < distinct.size(); ++i)
      cuts.push_back(between(distinct[i - 1], distinct[i]));
    return cuts;
  }
  for (std::size_t k = 1; k < distinct_max; ++k) {
    const float at = values[k * values.size() / distinct_max];
    const auto above = std::lower_bound(distinct.begin(), distinct.end(), at);
    if (above == distinct.begin())
      continue;
    const float cut = between(*(above - 1), *above);
    if (cuts.empty() || cut > cuts.back())
      cuts.push_back(cut);
  }
  return cuts;
}

error bad_rows(const char* what) {
  return invalid_input(std::string("training rows: ") + what);
}

result<void> check(const labelled_rows& rows, std::size_t columns) {
  if (rows.columns != columns || rows.values.size() != rows.rows() * columns)
    return bad_rows("each row needs as many values as there are columns");
  if (!rows.prior.empty() && rows.prior.size() != rows.rows())
    return bad_rows("give a prior for each row or for none");
  for (const float label : rows.labels)
    if (label != 0 && label != 1)
      return bad_rows("a label is 0 or 1");
  return {};
}

} // namespace

class tree_grower {
 public:
  tree_grower(const labelled_rows& rows, const boosting_options& options, boosted_trees& out)
      : rows_(rows),
        options_(options),
        out_(out),
        random_(options.seed),
        bins_(rows.values.size()),
        gradient_(rows.rows()),
        hessian_(rows.rows()) {
    std::vector<float> column(rows.rows());
    for (std::size_t c = 0; c < rows.columns; ++c) {
      for (std::size_t i = 0; i < rows.rows(); ++i)
        column[i] = rows.values[i * rows.columns + c];
      cuts_.push_back(quantile_cuts(column));
      const auto& cuts = cuts_.back();
      for (std::size_t i = 0; i < rows.rows(); ++i)
        bins_[c * rows.rows() + i] =
            std::isnan(column[i])
                ? missing
                : static_cast<std::uint8_t>(std::upper_bound(cuts.begin(), cuts.end(), column[i]) - cuts.begin());
    }
  }

  // One tree on the gradient of the loss at `scores`.
  void grow(std::span<const double> scores) {
    std::vector<std::uint32_t> sample;
    for (std::size_t i = 0; i < rows_.rows(); ++i) {
      const double p = sigmoid(scores[i]);
      gradient_[i] = p - static_cast<double>(rows_.labels[i]);
      hessian_[i] = std::max(p * (1 - p), 1e-12);
      if (random_.uniform() < options_.row_share)
        sample.push_back(static_cast<std::uint32_t>(i));
    }
    usable_.clear();
    for (std::size_t c = 0; c < rows_.columns; ++c)
      if (!cuts_[c].empty() && random_.uniform() < options_.column_share)
        usable_.push_back(c);
    const auto root = static_cast<std::uint32_t>(out_.nodes_.size());
    out_.roots_.push_back(root);
    out_.nodes_.emplace_back();
    split(root, sample, options_.depth);
  }

 private:
  struct sums {
    double gradient = 0, hessian = 0;
    void add(const sums& other) { gradient += other.gradient, hessian += other.hessian; }
    sums without(const sums& other) const { return {gradient - other.gradient, hessian - other.hessian}; }
  };
  struct choice {
    double gain = 1e-9;
    std::size_t column = 0, cut = 0;
    bool missing_left = false;
    bool found = false;
  };

  double score(const sums& s) const { return s.gradient * s.gradient / (s.hessian + options_.lambda); }

  void split(std::uint32_t at, std::span<std::uint32_t> sample, int depth) {
    sums total;
    for (const auto i : sample)
      total.add({gradient_[i], hessian_[i]});
    const auto best = depth > 0 ? best_split(sample, total) : choice{};
    if (!best.found) {
      out_.nodes_[at].value =
          static_cast<float>(-total.gradient / (total.hessian + options_.lambda) * options_.learning_rate);
      return;
    }
    const auto* bin = &bins_[best.column * rows_.rows()];
    const auto middle = std::partition(sample.begin(), sample.end(), [&](std::uint32_t i) {
      return bin[i] == missing ? best.missing_left : bin[i] <= best.cut;
    });
    const auto left = static_cast<std::uint32_t>(out_.nodes_.size());
    out_.nodes_.resize(out_.nodes_.size() + 2);
    out_.nodes_[at] = {cuts_[best.column][best.cut], static_cast<float>(best.gain), static_cast<std::int32_t>(left),
                       static_cast<std::int32_t>(best.column * 2 + best.missing_left)};
    split(left, {sample.begin(), middle}, depth - 1);
    split(left + 1, {middle, sample.end()}, depth - 1);
  }

  choice best_split(std::span<const std::uint32_t> sample, const sums& total) const {
    choice best;
    std::vector<sums> histogram(bins_max + 1);
    for (const auto column : usable_) {
      std::fill(histogram.begin(), histogram.end(), sums{});
      const auto* bin = &bins_[column * rows_.rows()];
      for (const auto i : sample)
        histogram[bin[i] == missing ? bins_max : bin[i]].add({gradient_[i], hessian_[i]});
      const auto& unknown = histogram[bins_max];
      sums below;
      for (std::size_t cut = 0; cut < cuts_[column].size(); ++cut) {
        below.add(histogram[cut]);
        for (const bool missing_left : {false, true}) {
          sums left = below;
          if (missing_left)
            left.add(unknown);
          const auto right = total.without(left);
          if (left.hessian < options_.child_weight || right.hessian < options_.child_weight)
            continue;
          const double gain = score(left) + score(right) - score(total);
          if (gain > best.gain)
            best = {gain, column, cut, missing_left, true};
        }
      }
    }
    return best;
  }

  const labelled_rows& rows_;
  const boosting_options& options_;
  boosted_trees& out_;
  random_numbers random_;
  std::vector<std::vector<float>> cuts_;
  std::vector<std::uint8_t> bins_; // column-major
  std::vector<double> gradient_, hessian_;
  std::vector<std::size_t> usable_;
};

result<boosted_trees> boosted_trees::train(const labelled_rows& rows, const labelled_rows& validation,
                                           const boosting_options& options) {
  if (rows.columns == 0 || rows.columns > columns_max)
    return bad_rows("there must be between 1 and 4096 columns");
  if (auto ok = check(rows, rows.columns); !ok)
    return ok.error();
  if (validation.rows() > 0)
    if (auto ok = check(validation, rows.columns); !ok)
      return ok.error();
  const auto ones = std::count(rows.labels.begin(), rows.labels.end(), 1.0F);
  if (ones == 0 || static_cast<std::size_t>(ones) == rows.rows())
    return bad_rows("both labels must occur");
  if (options.rounds < 0 || options.depth < 1 || options.depth > static_cast<int>(depth_max) ||
      static_cast<std::size_t>(options.rounds) << (options.depth + 1) > nodes_max)
    return bad_rows("rounds and depth give too many nodes");

  boosted_trees out;
  out.columns_ = rows.columns;
  out.base_ = rows.prior.empty() ? std::log(static_cast<double>(ones) / static_cast<double>(rows.rows() - ones)) : 0;
  const auto starts = [&](const labelled_rows& set) {
    return set.prior.empty() ? std::vector<double>(set.rows(), out.base_)
                             : std::vector<double>(set.prior.begin(), set.prior.end());
  };
  auto scores = starts(rows), validation_scores = starts(validation);
  const auto add_last_tree = [&](const labelled_rows& set, std::vector<double>& to) {
    boosted_trees last;
    last.columns_ = out.columns_;
    const auto root = out.roots_.back();
    last.nodes_.assign(out.nodes_.begin() + root, out.nodes_.end());
    for (auto& n : last.nodes_)
      if (n.left >= 0)
        n.left -= static_cast<std::int32_t>(root);
    last.roots_ = {0};
    for (std::size_t i = 0; i < set.rows(); ++i)
      to[i] += last.log_odds(std::span(set.values).subspan(i * set.columns, set.columns), 0);
  };

  tree_grower grower(rows, options, out);
  double best = std::numeric_limits<double>::infinity();
  std::size_t best_trees = 0;
  for (int round = 0; round < options.rounds; ++round) {
    grower.grow(scores);
    add_last_tree(rows, scores);
    if (validation.rows() == 0)
      continue;
    add_last_tree(validation, validation_scores);
    double loss = 0;
    for (std::size_t i = 0; i < validation.rows(); ++i)
      loss += log_loss(validation_scores[i], static_cast<double>(validation.labels[i]));
    if (loss < best) {
      best = loss;
      best_trees = out.roots_.size();
    } else if (out.roots_.size() - best_trees >= static_cast<std::size_t>(options.patience)) {
      break;
    }
  }
  if (validation.rows() > 0 && best_trees < out.roots_.size()) {
    out.nodes_.resize(out.roots_[best_trees]);
    out.roots_.resize(best_trees);
  }
  return out;
}

double boosted_trees::log_odds(std::span<const float> row, double prior) const {
  double sum = prior;
  for (const auto root : roots_) {
    const node* n = &nodes_[root];
    while (n->left >= 0) {
      const float v = row[static_cast<std::size_t>(n->column_and_nan >> 1)];
      const bool left = std::isnan(v) ? (n->column_and_nan & 1) != 0 : v < n->threshold;
      n = &nodes_[static_cast<std::size_t>(n->left) + (left ? 0 : 1)];
    }
    sum += static_cast<double>(n->value);
  }
  return sum;
}

std::vector<double> boosted_trees::importance() const {
  std::vector<double> out(columns_);
  for (const auto& n : nodes_)
    if (n.left >= 0)
      out[static_cast<std::size_t>(n.column_and_nan >> 1)] += static_cast<double>(n.value);
  return out;
}

std::string boosted_trees::save() const {
  text_writer out;
  out.word("trees").number(columns_).real(base_).number(roots_.size()).number(nodes_.size()).end_line();
  for (const auto root : roots_)
    out.number(root);
  out.end_line();
  for (const auto& n : nodes_)
    out.real(static_cast<double>(n.threshold))
        .real(static_cast<double>(n.value))
        .number(n.left)
        .number(n.column_and_nan)
        .end_line();
  return std::move(out).text();
}

result<boosted_trees> boosted_trees::load(std::string_view text) {
  const auto refused = [](const char* why) {
    return invalid_input(std::string("the linkage model is damaged: ") + why);
  };
  text_parser in(text);
  boosted_trees out;
  std::size_t roots = 0, nodes = 0;
  if (!in.word("trees") || !in.number(out.columns_) || !in.real(out.base_) || !in.number(roots) || !in.number(nodes))
    return refused("its head cannot be read");
  if (out.columns_ == 0 || out.columns_ > columns_max || nodes > nodes_max || roots > nodes)
    return refused("it is larger than a model can be");
  // Each node takes at least eight bytes, so nothing is reserved for nodes that are not there.
  if (nodes > text.size() / 8)
    return refused("it ends early");
  out.roots_.resize(roots);
  for (auto& root : out.roots_)
    if (!in.number(root) || root >= nodes)
      return refused("a tree starts nowhere");
  out.nodes_.resize(nodes);
  for (std::size_t i = 0; i < nodes; ++i) {
    auto& n = out.nodes_[i];
    double threshold = 0, value = 0;
    if (!in.real(threshold) || !in.real(value) || !in.number(n.left) || !in.number(n.column_and_nan))
      return refused("a node cannot be read");
    n.threshold = static_cast<float>(threshold);
    n.value = static_cast<float>(value);
    // Children stand behind their parent, so no walk can go in circles.
    if (n.left >= 0 && (static_cast<std::size_t>(n.left) <= i || static_cast<std::size_t>(n.left) + 1 >= nodes))
      return refused("a node has no children where it says");
    if (n.left < -1 || n.column_and_nan < 0 || static_cast<std::size_t>(n.column_and_nan >> 1) >= out.columns_)
      return refused("a node asks for a column that is not there");
  }
  if (!in.at_end())
    return refused("something follows its end");
  return out;
}

} // namespace pricing::match
