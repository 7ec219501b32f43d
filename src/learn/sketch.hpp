#pragma once
// Summaries of a stream of values that merge: the sketch of two days is the merge of the sketches of each. Pure,
// deterministic. Called by drift; stored per day or letting by whoever watches a model.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <vector>

namespace pricing::learn {

// A numeric feature: exact up to `capacity` values, from then on ranks are off by a few thousandths. Holds at most
// capacity · log₂(n/capacity) floats. Buffers that are full are sorted and every second value moves on with twice the
// weight, even and odd in turns (after Manku, Rajagopalan and Lindsay, SIGMOD 1998, and Karnin, Lang and Liberty,
// 2016).
class quantile_sketch {
 public:
  explicit quantile_sketch(std::size_t capacity = 512); // at least 8

  void add(float value); // NaN is missing, infinities count as the largest floats
  void merge(const quantile_sketch& other);

  std::uint64_t count() const { return count_; } // without missing
  std::uint64_t missing() const { return missing_; }
  float min() const { return min_; } // NaN while empty, exact
  float max() const { return max_; }
  double mean() const { return mean_; } // exact
  double deviation() const;             // of the population, exact

  // Values in ascending order with their weights; the weights sum to count().
  struct item {
    float value;
    double weight;
  };
  std::vector<item> items() const;
  // Smallest value with at least this share of the values at or below; NaN while empty.
  float quantile(double share) const;

 private:
  void compact(std::size_t level);

  std::size_t capacity_;
  std::vector<std::vector<float>> levels_; // values of weight 2^level
  std::vector<bool> odd_;                  // which half moves on next
  std::uint64_t count_ = 0, missing_ = 0;
  float min_ = std::numeric_limits<float>::quiet_NaN(), max_ = std::numeric_limits<float>::quiet_NaN();
  double mean_ = 0, squares_ = 0;
};

// A categorical feature by code: counts of the first categories_max codes seen, what comes later counts as other.
class category_sketch {
 public:
  static constexpr std::size_t categories_max = 256;

  void add(float code); // NaN is missing; truncated towards zero
  void merge(const category_sketch& other);

  std::uint64_t count() const { return count_; } // without missing
  std::uint64_t missing() const { return missing_; }
  std::uint64_t other() const { return other_; }
  const std::map<std::int32_t, std::uint64_t>& counts() const { return counts_; }

 private:
  void add(std::int32_t code, std::uint64_t times);

  std::map<std::int32_t, std::uint64_t> counts_;
  std::uint64_t count_ = 0, missing_ = 0, other_ = 0;
};

} // namespace pricing::learn
