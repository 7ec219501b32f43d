#pragma once
// The row keys seen in one file: an open hash table of 64-bit hashes, eight bytes a slot.
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace pricing::ingest {

class key_set {
 public:
  key_set() : slots_(1 << 12) {}
  // True when the key is new.
  bool insert(std::int64_t key) {
    if (key == 0)
      return !std::exchange(has_zero_, true);
    if ((size_ + 1) * 10 > slots_.size() * 7)
      grow();
    return place(key);
  }
  std::size_t size() const { return size_ + has_zero_; }

 private:
  bool place(std::int64_t key) {
    const auto mask = slots_.size() - 1;
    auto at = static_cast<std::size_t>(static_cast<std::uint64_t>(key) * 0x9E3779B97F4A7C15ull >> 20) & mask;
    for (; slots_[at] != 0; at = (at + 1) & mask)
      if (slots_[at] == key)
        return false;
    slots_[at] = key;
    ++size_;
    return true;
  }
  void grow() {
    std::vector<std::int64_t> old(slots_.size() * 2);
    old.swap(slots_);
    size_ = 0;
    for (const auto key : old)
      if (key != 0)
        place(key);
  }

  std::vector<std::int64_t> slots_; // 0: free
  std::size_t size_ = 0;
  bool has_zero_ = false;
};

} // namespace pricing::ingest
