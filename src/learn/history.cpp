#include "learn/history.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

namespace pricing::learn {
namespace {

constexpr float unknown = std::numeric_limits<float>::quiet_NaN();

template <class T>
std::size_t bytes_of(const std::vector<T>& v) {
  return v.capacity() * sizeof(T);
}

float median_of(std::vector<float>& values) {
  if (values.empty()) {
    return unknown;
  }
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : 0.5F * (values[n / 2 - 1] + values[n / 2]);
}

} // namespace

std::size_t price_history::memory_bytes() const {
  return bytes_of(lines_) + bytes_of(first_line_) + bytes_of(log_price_) + bytes_of(supplier_) + bytes_of(kind_) +
         bytes_of(rank_) + bytes_of(items_) + bytes_of(events_) + bytes_of(suppliers_);
}

std::uint32_t price_history::index_of(item_id id) const {
  const auto found = item_index_.find(id.value);
  return found == item_index_.end() ? no_index : found->second;
}

std::span<const price_line> price_history::lines_of(std::uint32_t item) const {
  return std::span(lines_).subspan(first_line_[item], first_line_[item + 1] - first_line_[item]);
}

void history_builder::reserve(std::size_t observations) {
  rows_.reserve(observations);
}

void history_builder::add(item_row item) {
  const auto index = static_cast<std::uint32_t>(history_.items_.size());
  if (history_.item_index_.try_emplace(item.id.value, index).second) {
    history_.items_.push_back(std::move(item));
  }
}

void history_builder::add(event_row event) {
  const auto index = static_cast<std::uint32_t>(history_.events_.size());
  if (event_index_.try_emplace(event.id.value, index).second) {
    history_.events_.push_back(std::move(event));
  }
}

void history_builder::add(const observation_row& in) {
  const std::uint32_t item = history_.index_of(in.item);
  if (item == no_index || !history_.items_[item].priced || !(in.price > 0) || !(in.quantity > 0)) {
    ++history_.left_out_;
    return;
  }
  row out{.item = item, .event = no_index, .supplier = no_index, .line = static_cast<std::uint32_t>(in.line)};
  if (const auto found = event_index_.find(in.event.value); in.event && found != event_index_.end()) {
    out.event = found->second;
  }
  if (in.supplier) {
    const auto next = static_cast<std::uint32_t>(history_.suppliers_.size());
    const auto [place, added] = supplier_index_.try_emplace(in.supplier.value, next);
    if (added) {
      history_.suppliers_.push_back(in.supplier);
    }
    out.supplier = place->second;
  }
  out.day = static_cast<std::int32_t>(in.observed_on.time_since_epoch().count());
  out.log_price = static_cast<float>(std::log(in.price));
  out.log_quantity = static_cast<float>(std::log(in.quantity));
  out.kind = in.kind;
  out.rank = static_cast<std::uint8_t>(std::clamp(in.rank, 0, 255));
  rows_.push_back(out);
}

price_history history_builder::build() {
  // Every member takes part, so that the same rows in any order give the same history.
  std::sort(rows_.begin(), rows_.end(), [](const row& a, const row& b) {
    return std::tie(a.item, a.day, a.event, a.line, a.log_quantity, a.rank, a.log_price, a.supplier) <
           std::tie(b.item, b.day, b.event, b.line, b.log_quantity, b.rank, b.log_price, b.supplier);
  });
  price_history& h = history_;
  const std::size_t n = rows_.size();
  h.log_price_.resize(n);
  h.supplier_.resize(n);
  h.kind_.resize(n);
  h.rank_.resize(n);
  h.first_line_.assign(h.items_.size() + 1, 0);
  std::vector<float> bids;
  for (std::size_t i = 0; i < n;) {
    const row& head = rows_[i];
    price_line line{.item = head.item, .event = head.event, .day = head.day, .first = static_cast<std::uint32_t>(i)};
    line.log_quantity = head.log_quantity;
    line.winner = line.estimate = unknown;
    bids.clear();
    std::size_t j = i;
    for (; j < n && j - i < 60'000; ++j) {
      const row& r = rows_[j];
      const bool same = r.item == head.item && r.day == head.day && r.event == head.event && r.line == head.line &&
                        std::abs(r.log_quantity - head.log_quantity) < 1e-4F;
      // Outside an event nothing says that two purchases belong together.
      if (!same || (head.event == no_index && j > i)) {
        break;
      }
      h.log_price_[j] = r.log_price;
      h.supplier_[j] = r.supplier;
      h.kind_[j] = r.kind;
      h.rank_[j] = r.rank;
      if (r.kind == price_kind::estimate) {
        line.estimate = r.log_price;
      } else if (r.kind != price_kind::list) {
        bids.push_back(r.log_price);
        if (r.rank == 1 && std::isnan(line.winner)) {
          line.winner = r.log_price;
        }
      }
    }
    line.count = static_cast<std::uint16_t>(j - i);
    line.bids = static_cast<std::uint16_t>(bids.size());
    line.median = median_of(bids);
    line.low = bids.empty() ? unknown : bids.front();
    if (std::isnan(line.winner)) {
      line.winner = line.low;
    }
    h.lines_.push_back(line);
    ++h.first_line_[head.item + 1];
    i = j;
  }
  std::partial_sum(h.first_line_.begin(), h.first_line_.end(), h.first_line_.begin());
  h.lines_.shrink_to_fit();
  price_history out = std::move(history_);
  *this = history_builder{};
  return out;
}

} // namespace pricing::learn
