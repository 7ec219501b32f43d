#pragma once
// The price model's view of an item for its history: today, at the usual quantity.
#include "market/market_routes.hpp"
#include "models/prediction_client.hpp"

namespace pricing::insight {

// Nothing while the item has no benchmark (so no usual quantity) or pricing-ml is away. Both must outlive it.
market::history_prediction history_prediction(postgres::pool& database, models::prediction_client& model);

} // namespace pricing::insight
