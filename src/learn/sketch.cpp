#include "learn/sketch.hpp"

#include <algorithm>
#include <cmath>

namespace pricing::learn {

quantile_sketch::quantile_sketch(std::size_t capacity) : capacity_(std::max<std::size_t>(capacity, 8)) {}

void quantile_sketch::add(float v) {
  if (std::isnan(v)) {
    ++missing_;
    return;
  }
  v = std::clamp(v, std::numeric_limits<float>::lowest(), std::numeric_limits<float>::max());
  min_ = count_ == 0 ? v : std::min(min_, v);
  max_ = count_ == 0 ? v : std::max(max_, v);
  ++count_;
  const double delta = v - mean_;
  mean_ += delta / static_cast<double>(count_);
  squares_ += delta * (v - mean_);
  if (levels_.empty()) {
    levels_.emplace_back();
    odd_.push_back(false);
  }
  levels_[0].push_back(v);
  for (std::size_t level = 0; level < levels_.size() && levels_[level].size() > capacity_; ++level) {
    compact(level);
  }
}

void quantile_sketch::compact(std::size_t level) {
  if (level + 1 == levels_.size()) {
    levels_.emplace_back();
    odd_.push_back(false);
  }
  auto& from = levels_[level];
  auto& to = levels_[level + 1];
  std::sort(from.begin(), from.end());
  const std::size_t kept = from.size() % 2; // an odd one stays, so that the weights still sum to the count
  for (std::size_t i = kept + (odd_[level] ? 1 : 0); i < from.size(); i += 2) {
    to.push_back(from[i]);
  }
  odd_[level] = !odd_[level];
  from.resize(kept);
}

void quantile_sketch::merge(const quantile_sketch& other) {
  missing_ += other.missing_;
  if (other.count_ == 0) {
    return;
  }
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = count_ == 0 ? other.max_ : std::max(max_, other.max_);
  const auto a = static_cast<double>(count_);
  const auto b = static_cast<double>(other.count_);
  const double delta = other.mean_ - mean_;
  mean_ += delta * b / (a + b);
  squares_ += other.squares_ + delta * delta * a * b / (a + b);
  count_ += other.count_;
  while (levels_.size() < other.levels_.size()) {
    levels_.emplace_back();
    odd_.push_back(false);
  }
  for (std::size_t level = 0; level < other.levels_.size(); ++level) {
    const auto values = other.levels_[level]; // a copy: other may be this
    levels_[level].insert(levels_[level].end(), values.begin(), values.end());
  }
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    if (levels_[level].size() > capacity_) {
      compact(level);
    }
  }
}

double quantile_sketch::deviation() const {
  return count_ == 0 ? 0 : std::sqrt(squares_ / static_cast<double>(count_));
}

std::vector<quantile_sketch::item> quantile_sketch::items() const {
  std::vector<item> out;
  double weight = 1;
  for (const auto& level : levels_) {
    for (const float v : level) {
      out.push_back({v, weight});
    }
    weight *= 2;
  }
  std::sort(out.begin(), out.end(), [](const item& a, const item& b) { return a.value < b.value; });
  return out;
}

float quantile_sketch::quantile(double share) const {
  if (count_ == 0) {
    return std::numeric_limits<float>::quiet_NaN();
  }
  if (share >= 1) {
    return max_;
  }
  double sum = 0;
  for (const item& i : items()) {
    sum += i.weight;
    if (sum >= share * static_cast<double>(count_)) {
      return share <= 0 ? min_ : i.value;
    }
  }
  return max_;
}

void category_sketch::add(float code) {
  if (std::isnan(code)) {
    ++missing_;
    return;
  }
  add(static_cast<std::int32_t>(std::clamp(code, -2e9F, 2e9F)), 1);
}

void category_sketch::add(std::int32_t code, std::uint64_t times) {
  count_ += times;
  if (const auto at = counts_.find(code); at != counts_.end()) {
    at->second += times;
  } else if (counts_.size() < categories_max) {
    counts_.emplace(code, times);
  } else {
    other_ += times;
  }
}

void category_sketch::merge(const category_sketch& o) {
  const auto counts = o.counts_; // a copy: o may be this
  const std::uint64_t others = o.other_;
  missing_ += o.missing_;
  for (const auto& [code, times] : counts) {
    add(code, times);
  }
  other_ += others;
  count_ += others;
}

} // namespace pricing::learn
