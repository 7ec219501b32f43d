#include "market/benchmark_view.hpp"

#include "market/benchmark_store.hpp"

namespace pricing::market {
namespace {

// Three prices are enough to count: an item has many thousand.
constexpr const char* find_item =
    "select i.unit, o.currency::text, i.is_priced, (select count(*) from (select 1 from price_observations p where "
    "p.organization_id = $1 and p.item_id = i.id and p.currency = o.currency and p.kind not in (2, 7) and p.price > 0 "
    "limit 3) few) from items i join organizations o on o.id = i.organization_id where i.organization_id = $1 and i.id "
    "= $2";

// Log change of the market between two days by the index; 0 where it says nothing. A month's level holds until the
// next trustworthy one.
constexpr const char* find_market_move =
    "with months as (select month, ln(value) as level from market_index where organization_id = $1 and matched_items "
    ">= 10) select coalesce((select level from months where month <= $3 order by month desc limit 1) - "
    "(select level from months where month <= $2 order by month desc limit 1), 0)";

std::optional<std::string> note_of(const item_benchmark_row& row, double quantity, date on) {
  const double ratio = quantity / row.reference_quantity;
  if (ratio > 10 || ratio < 0.1)
    return "the quantity is far from the usual one; the price is carried over by the item's quantity slope";
  if (on - row.newest_on > std::chrono::days(731))
    return "the newest price is of " + to_string(row.newest_on) + "; it is brought to " + to_string(on) +
           " by the market index";
  if (row.effective_n < 8)
    return "few comparable prices: take it as an indication";
  return std::nullopt;
}

error no_benchmark(std::int64_t id, const item_facts& item) {
  const std::string which = "item " + std::to_string(id);
  if (!item.is_priced)
    return not_found(which + " is a lump sum or an allowance: its prices do not compare");
  if (item.prices < 3)
    return not_found(which + " has " + std::to_string(item.prices) +
                     " comparable prices; a benchmark needs at least three");
  return not_found(which + " has no benchmark: its comparable prices are too few or not evaluated yet; they are "
                           "evaluated after every import");
}

result<benchmark_view> view_of(const item_benchmark_row& row, const item_facts& item, double quantity, date on,
                               double move) {
  item_benchmark_row moved = row;
  for (double* q : {&moved.q05, &moved.q25, &moved.q50, &moved.q75, &moved.q95})
    *q += move;
  const auto band = at_quantity(moved, quantity);
  const auto asked = decimal::from_double(quantity), q05 = decimal::from_double(band.low90),
             q25 = decimal::from_double(band.low50), q50 = decimal::from_double(band.expected),
             q75 = decimal::from_double(band.high50), q95 = decimal::from_double(band.high90);
  for (const auto* value : {&asked, &q05, &q25, &q50, &q75, &q95})
    if (!*value)
      return invalid_input("the quantity is too far from the usual one", {{"quantity", "is out of range"}});
  return benchmark_view{
      on,   *asked, item.unit,       item.currency, *q05,          *q25,      *q50,
      *q75, *q95,   row.effective_n, row.bids,      row.newest_on, row.slope, note_of(row, quantity, on)};
}

error wrong_quantity() {
  return invalid_input("quantity must be above zero", {{"quantity", "must be above zero"}});
}

} // namespace

asio::awaitable<result<item_facts>> facts_of(postgres::pool& database, postgres::scope s, std::int64_t id) {
  auto found = co_await database.query_optional<item_facts>(s, find_item, s.organization, id);
  if (!found)
    co_return found.error();
  if (!*found)
    co_return not_found("there is no item " + std::to_string(id));
  co_return std::move(**found);
}

asio::awaitable<result<benchmark_view>> benchmark_of(postgres::pool& database, postgres::scope s, std::int64_t id,
                                                     std::optional<decimal> quantity, std::optional<date> day) {
  if (quantity && quantity->units() <= 0)
    co_return wrong_quantity();
  auto item = co_await facts_of(database, s, id);
  if (!item)
    co_return item.error();
  const std::vector<std::int64_t> ids(1, id);
  auto rows = co_await benchmarks_of(database, s, ids);
  if (!rows)
    co_return rows.error();
  if (rows->empty())
    co_return no_benchmark(id, *item);
  const auto& row = rows->front();
  const date on = day.value_or(row.as_of);
  auto move = co_await database.query_one<double>(s, find_market_move, s.organization, row.as_of, on);
  if (!move)
    co_return move.error();
  const double asked = quantity ? quantity->to_double() : row.reference_quantity;
  co_return view_of(row, *item, asked, on, *move);
}

} // namespace pricing::market
