#include "serving/row_batch.hpp"

#include "serving/metrics.hpp"

#include <algorithm>
#include <chrono>
#include <functional>

namespace pricing::serving {

asio::awaitable<result<inference>> row_batch::infer(const version_ptr& version, const inference_request& asked) {
  const auto executor = co_await asio::this_coro::executor;
  std::optional<result<inference>> answer;
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
      [this, &version, &asked, &answer, &executor](auto resume) {
        next_.push_back({version.get(), &asked, &answer, std::move(resume)});
        if (next_.size() == 1)
          asio::post(executor, [this] { end_turn(); });
      },
      asio::use_awaitable);
  co_return std::move(*answer);
}

void row_batch::end_turn() {
  turn_.swap(next_);
  order_.clear();
  for (auto& w : turn_)
    order_.push_back(&w);
  std::ranges::stable_sort(order_, std::less<>(), &waiting::version);
  for (auto first = order_.cbegin(); first != order_.cend();) {
    const auto last =
        std::find_if(first, order_.cend(), [&](const waiting* w) { return w->version != (*first)->version; });
    predict({first, last});
    first = last;
  }
  for (auto& w : turn_)
    std::move(w.resume)();
  turn_.clear();
}

void row_batch::predict(std::span<const waiting* const> together) {
  const served_version& version = *together.front()->version;
  const auto from = std::chrono::steady_clock::now();
  values_.clear();
  std::size_t rows = 0;
  for (const auto* w : together) {
    values_.insert(values_.end(), w->asked->values.begin(), w->asked->values.end());
    rows += w->asked->rows;
  }
  const std::size_t outputs = version.trees.outputs();
  predictions_.resize(rows * outputs);
  const auto done = version.trees.predict({values_.data(), rows, version.trees.features()}, predictions_);
  auto at = predictions_.cbegin();
  for (const auto* w : together) {
    if (!done) {
      w->answer->emplace(done.error());
      continue;
    }
    const auto end = at + static_cast<std::ptrdiff_t>(w->asked->rows * outputs);
    w->answer->emplace(inference{.rows = w->asked->rows, .predict = std::vector<float>(at, end)});
    at = end;
  }
  if (done)
    count(version.series, together.size(), rows,
          std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count());
}

} // namespace pricing::serving
