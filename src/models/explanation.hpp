#pragma once
// Why a line should cost what it should: POST /api/v1/explanations. The prediction with its reasons in money, the past
// bids that are most like it, and which data and model it came from, so that the same figure can be had again: from the
// same snapshot, version and day, bit for bit. Pure.
// Answers for lines that name no item are kept in Redis: all items' names are gone through for those. An item that is
// named is explained in a few times what a look there takes, which would pay only if one in seven were asked again
// (bench/answer_cache.cpp).
#include "models/predict.hpp"

namespace pricing::models {

struct explanation_request {
  std::optional<date> on;                  // as of prediction_request; name it to get the same again another day
  std::optional<wire::text<0, 100>> place; // as in the events' place
  prediction_line line;
  // Of an earlier answer: conflict when what is in use now is another, so that figures are never mixed.
  std::optional<wire::text<1, 100>> model_version;
  std::optional<wire::text<1, 100>> snapshot;
  wire::defaulted<wire::bounded<int, 0, 50>, wire::bounded<int, 0, 50>{12}> bids_max;
};
BOOST_DESCRIBE_STRUCT(explanation_request, (), (on, place, line, model_version, snapshot, bids_max))

// One price of the past. Prices are good to six digits.
struct similar_bid {
  date on;
  std::int64_t item_id = 0;
  std::string item; // its normalized name
  std::optional<std::int64_t> supplier_id;
  std::optional<std::int64_t> event_id;
  std::string kind;        // bid, quote, purchase_order, invoice, contract
  std::optional<int> rank; // 1: the event's lowest bidder
  decimal quantity;
  decimal price;
  decimal price_now;   // moved by the market index to the day asked for
  double likeness = 0; // 1: the same quantity, yesterday; halves in 208 days, and at about 2.5 times the quantity
};
BOOST_DESCRIBE_STRUCT(similar_bid, (),
                      (on, item_id, item, supplier_id, event_id, kind, rank, quantity, price, price_now, likeness))

struct explanation_response {
  std::string model_version;
  std::string model_sha256; // of its file
  std::string snapshot;     // of the prices that were used
  std::optional<date> trained_until;
  date on;
  predicted_line line;           // with reasons
  std::vector<similar_bid> bids; // the most alike first; of the item, or of those named most like it
  std::int64_t bids_known = 0;   // of those items, before the day
};
BOOST_DESCRIBE_STRUCT(explanation_response, (),
                      (model_version, model_sha256, snapshot, trained_until, on, line, bids, bids_known))

// conflict when the model or the prices in use are not those asked for; invalid_input as predict().
result<explanation_response> explain(const snapshot& s, const explanation_request& request, date today);

} // namespace pricing::models
