#pragma once
// /api/v1/items/{id}/benchmark, /history, /quantity-curve and /suppliers, and /api/v1/market/index. Permission
// item.read.
#include "http/route.hpp"
#include "market/item_benchmark.hpp"
#include "postgres/pool.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace pricing::market {

namespace asio = boost::asio;

// The model's price of the item today at its usual quantity; nullopt when there is none.
using history_prediction = std::function<asio::awaitable<std::optional<price_band>>(http::context&, item_id)>;

// Without `predict` the prediction of a history is null.
std::vector<http::route> market_routes(postgres::pool& database, history_prediction predict = {});

} // namespace pricing::market
