#include "insight/history_prediction.hpp"

#include "market/benchmark_store.hpp"

namespace pricing::insight {

namespace asio = boost::asio;
namespace {

asio::awaitable<std::optional<market::price_band>> predict(postgres::pool& database, models::prediction_client& model,
                                                           http::context& c, item_id item) {
  const std::vector<std::int64_t> ids(1, item.value);
  const auto benchmarks = co_await market::benchmarks_of(database, {c.organization(), c.deadline()}, ids);
  if (!benchmarks || benchmarks->empty())
    co_return std::nullopt;
  const auto quantity = decimal::from_double(benchmarks->front().reference_quantity);
  if (!quantity)
    co_return std::nullopt;
  models::prediction_request request;
  request.reasons.value = false;
  request.lines.push_back({.item_id = item.value, .quantity = *quantity});
  const auto answered = co_await model.predict(c.organization(), c.caller().user, std::move(request));
  if (!answered || answered->lines.empty())
    co_return std::nullopt;
  const models::predicted_line& line = answered->lines.front();
  if (line.source != "model" || !line.expected || !line.low90 || !line.low50 || !line.high50 || !line.high90)
    co_return std::nullopt;
  co_return market::price_band{line.expected->to_double(), line.low90->to_double(), line.low50->to_double(),
                               line.high50->to_double(), line.high90->to_double()};
}

} // namespace

market::history_prediction history_prediction(postgres::pool& database, models::prediction_client& model) {
  return [&database, &model](http::context& c, item_id item) { return predict(database, model, c, item); };
}

} // namespace pricing::insight
